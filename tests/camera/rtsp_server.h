/* The listening side: accepts connections and keeps the list of them.
 *
 * Threads: loop thread only. Memory: the struct is the caller's and must live until the
 * loop has ended; it owns its sessions. */
#pragma once
#include "base/err.h"
#include "camera.h"
#include "rtsp_auth.h"

#include <uv.h>

#define RTSP_READ_ROOM_BYTES 16384

struct rtsp_session;

struct rtsp_server_config {
	struct sockaddr_storage address;
	struct rtsp_auth_config auth;
	unsigned session_timeout_s; /* without a request */
	bool rtcp_keeps_alive;      /* a client's RTCP counts as a request: GStreamer relies on it */
	size_t queue_bytes;         /* unsent per client before it is dropped */
};

struct rtsp_server {
	struct rtsp_server_config cfg; /* the port is the real one after the first listen */
	uv_loop_t *loop;
	struct truth *truth;           /* borrowed */
	struct camera *cameras;        /* borrowed */
	unsigned camera_count;
	uv_tcp_t *listener;            /* NULL while connections are refused */
	struct rtsp_session *sessions;
	unsigned session_count;
	char read_room[RTSP_READ_ROOM_BYTES]; /* shared by all reads: one at a time */
};

/* The server's fields but listener and sessions have been set. */
int rtsp_server_listen(struct rtsp_server *srv, struct err *e);
int rtsp_server_port(const struct rtsp_server *srv);
/* Closes the listening socket, so that connect() is refused, or opens it again. */
int rtsp_server_refuse(struct rtsp_server *srv, bool on, struct err *e);
/* Closes the connections of a camera; returns how many. */
unsigned rtsp_server_drop(struct rtsp_server *srv, const struct camera *cam);
void rtsp_server_close(struct rtsp_server *srv);

struct camera *rtsp_server_camera(struct rtsp_server *srv, const char *name); /* or NULL */
