/* Which request keeps a session alive (RFC 2326 §10.8, §12.37): cameras answer to one or another of them,
 * and not always to the one that they offer. Pure.
 *
 * In this order: GET_PARAMETER and SET_PARAMETER if they are offered; OPTIONS; then what is not offered. One
 * that is refused gives way to the next, which is to be sent at once: half of the time-out is over.
 * Threads: any. Memory: the caller's struct, zero-initialised. */
#pragma once
#include <stdbool.h>

struct rtsp_keepalive {
	unsigned offered, refused; /* sets of methods */
};

/* The answer to OPTIONS: whether it was 200, and its header Public (NULL if there is none). */
void rtsp_keepalive_offers(struct rtsp_keepalive *k, bool known, const char *offers);
const char *rtsp_keepalive_method(const struct rtsp_keepalive *k); /* static */
/* The camera knows that method not. False: it refused all of them, so that none is worth sending at once. */
bool rtsp_keepalive_refused(struct rtsp_keepalive *k);
