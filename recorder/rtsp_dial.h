/* A TCP connection to a host: resolves it and tries each of its addresses in turn, IPv4 and IPv6, for 3 s each. While
 * the resolver is slow or fails, a host that was reached before is tried where it was. What is sent on the connection
 * and not acknowledged for 5 s ends it.
 *
 * Threads: loop thread only.
 * Memory:  frees itself after it has told its end, or was cancelled, at its own time. */
#pragma once
#include <stdint.h>
#include <uv.h>

#define RTSP_DIAL_TRY_MS 3000

struct rtsp_dial;

/* Tells the end, once, never from within a call of the owner. tcp: connected, the caller's from now on, to
 * be closed and then freed; its `data` is free to use. Or NULL, and status (UV_…) of the last try. */
typedef void rtsp_dial_fn(void *owner, uv_tcp_t *tcp, int status);

/* The owner's time-out is over all tries. */
struct rtsp_dial *rtsp_dial_create(uv_loop_t *loop, const char *host, uint16_t port, rtsp_dial_fn *fn,
				   void *owner);
void rtsp_dial_cancel(struct rtsp_dial *d); /* nothing is told any more */
