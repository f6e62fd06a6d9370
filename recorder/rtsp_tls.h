/* TLS for one RTSP connection (rtsps://), without its socket: encrypted bytes go in and come out of memory.
 *
 * TLS 1.2 or later. The camera is known by its pinned key (then by nothing else: no name, no date), or by
 * a certificate for its name or address from the given authority, or from one of the system's. A certificate
 * that is not valid yet is taken: a box whose clock is behind must record; one that has run out is not.
 * Nothing of ours is encrypted before the camera is known, and there is no way back to plain text.
 *
 *	rtsp_tls_feed(t, bytes, n);                     what the network brought
 *	rtsp_tls_shake(t, &e);                          until DONE; then
 *	while (rtsp_tls_read(t, at, room, &len, &e) == RTSP_TLS_DONE) …
 *	rtsp_tls_output(t);                             after every call: send it, then clear it
 *
 * Threads: one at a time. Memory: rtsp_tls_create() allocates, rtsp_tls_destroy() frees; what is fed is
 * borrowed until rtsp_tls_read() says MORE. Source: RFC 7826 §19.2, RFC 6125, RFC 8446. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct rtsp_tls_conf {
	const char *host;      /* a name or an address */
	const char *ca;        /* PEM of the authorities to trust; NULL: the system's */
	const char *pin;       /* tls_pin.h; NULL: none */
};

enum rtsp_tls_result {
	RTSP_TLS_MORE,         /* more bytes must come first */
	RTSP_TLS_DONE,
	RTSP_TLS_ENDED,        /* the camera has closed */
	RTSP_TLS_BAD,          /* e says why and what to do, in lang() */
};

struct rtsp_tls;
int rtsp_tls_create(const struct rtsp_tls_conf *conf, struct rtsp_tls **out, struct err *e);
void rtsp_tls_destroy(struct rtsp_tls *t);

void rtsp_tls_feed(struct rtsp_tls *t, const void *data, size_t len);
enum rtsp_tls_result rtsp_tls_shake(struct rtsp_tls *t, struct err *e);
/* DONE: *len > 0 bytes of plain text are at out. */
enum rtsp_tls_result rtsp_tls_read(struct rtsp_tls *t, void *out, size_t room, size_t *len, struct err *e);
int rtsp_tls_write(struct rtsp_tls *t, const void *data, size_t len); /* 0 or -EIO */
struct buf *rtsp_tls_output(struct rtsp_tls *t);
