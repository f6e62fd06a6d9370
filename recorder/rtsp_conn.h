/* One connection that speaks RTSP: over TCP, or over TLS if the address says so; written to, and read as
 * the items of rtsp_parse.h. It knows nothing of sessions.
 *
 * Threads: loop thread only.
 * Memory:  rtsp_conn_create() allocates; after rtsp_conn_close() no event follows except `closed`, after
 *          which it has freed itself. What is sent is wiped once it was written: it may hold secrets. */
#pragma once
#include "base/buf.h"
#include "recorder/rtsp_parse.h"
#include "recorder/rtsp_target.h"
#include "recorder/rtsp_url.h"

#include <stdbool.h>
#include <uv.h>

#define RTSP_CONN_QUEUE_MAX_BYTES (64u << 10) /* unsent: the camera does not read */

struct rtsp_conn;

struct rtsp_conn_events {
	void (*connected)(void *owner); /* with TLS: and the camera is who it should be */
	void (*item)(void *owner, const struct rtsp_item *item); /* borrowed; may close */
	/* No connection, or it ended (garbage false), or what came is not RTSP, or not from the camera that
	 * was meant (garbage true). Close it. */
	void (*failed)(void *owner, bool garbage, const char *detail);
	void (*closed)(void *owner);
};

/* target says whom to trust. to and target are borrowed for the call, events and owner while it lives. A
 * failure to begin arrives as `failed`, later. */
struct rtsp_conn *rtsp_conn_create(uv_loop_t *loop, const struct rtsp_url *to, const struct rtsp_target *target,
				   const struct rtsp_conn_events *events, void *owner);
/* Takes the bytes over (the buf is left empty). An error arrives as `failed`, later. */
void rtsp_conn_send(struct rtsp_conn *c, struct buf *bytes);
/* Our end and the camera's, while it is connected. 0 or a negative code. */
int rtsp_conn_addresses(const struct rtsp_conn *c, struct sockaddr_storage *local,
			struct sockaddr_storage *camera);
void rtsp_conn_close(struct rtsp_conn *c);
