/* One connection of a client and the RTSP session on it: framing, writing, the stream
 * of media, and the end. What the methods answer is in rtsp_method.c.
 *
 * A session lives and dies with its connection (interleaved transport only). A client
 * that sends no request for the session timeout, or does not read, is disconnected.
 *
 * Threads: loop thread only. Memory: belongs to its server; frees itself once both of
 * its handles are closed, later than the call that closed it. */
#pragma once
#include "base/sm.h"
#include "rtsp_request.h"
#include "rtsp_server.h"

#define RTSP_SESSION_ID_MAX 17

enum { RTSP_OPEN, RTSP_READY, RTSP_PLAYING, RTSP_CLOSING, RTSP_CLOSED };

struct rtsp_session {
	struct rtsp_server *server;
	struct rtsp_session *prev, *next; /* the server's list */
	struct sm sm;
	uv_tcp_t tcp;
	uv_timer_t idle;
	int open_handles;
	char peer[64];
	struct buf in;                    /* not yet understood, bounded */
	size_t skip_bytes;                /* of the client's own interleaved data */

	struct rtsp_auth auth;
	struct camera *target;            /* of the last request; NULL before one named any */
	struct camera *camera;            /* set up; NULL without a session */
	char id[RTSP_SESSION_ID_MAX];
	struct rtsp_channels channels;
	struct rtp_stream stream;
	bool has_sound;                   /* it has been set up, too */
	struct rtsp_channels sound_channels;
	struct rtp_stream sound;
	struct camera_viewer viewer;
	int64_t report_due_us;            /* clock of the next sender report */
};

/* Takes the pending connection; with !welcome only to close it. */
void rtsp_session_accept(struct rtsp_server *srv, uv_stream_t *listener, bool welcome);
/* Ends the session, if any, and the connection. Returns false if it was closing already. */
bool rtsp_session_close(struct rtsp_session *s, const char *cause);
/* Sends what is in the buffer and takes its memory; the buffer is empty afterwards. */
void rtsp_session_send(struct rtsp_session *s, struct buf *data);

/* The lifecycle, driven by the methods. */
void rtsp_session_set_up(struct rtsp_session *s, struct camera *cam, struct rtsp_channels channels);
void rtsp_session_set_up_sound(struct rtsp_session *s, struct rtsp_channels channels);
int rtsp_session_play(struct rtsp_session *s, struct err *e);
void rtsp_session_tear_down(struct rtsp_session *s, const char *cause);

/* rtsp_method.c: answers one request. head is NUL-terminated and cut up. */
void rtsp_method_answer(struct rtsp_session *s, char *head);
