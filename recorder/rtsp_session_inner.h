/* What rtsp_session.c (the life of a session, and what it sends) and rtsp_answer.c (what an answer leads to)
 * share. Loop thread. */
#pragma once
#include "base/sm.h"
#include "recorder/rtsp_conn.h"
#include "recorder/rtsp_keepalive.h"
#include "recorder/rtsp_request.h"
#include "recorder/rtsp_session.h"
#include "recorder/rtsp_transport.h"
#include "recorder/rtsp_url.h"
#include "recorder/sdp.h"

/* Drawn in rtsp_session.c. */
enum { CONNECTING, OPTIONS, DESCRIBE, SETUP, PLAY, PLAYING, ENDED, LEAVING, CLOSING, CLOSED };

struct rtsp_session {
	const struct rtsp_target *target;
	const struct rtsp_events *events;
	void *owner;
	uv_loop_t *loop;
	struct sm sm;
	uv_timer_t timer;          /* the step's time-out; keep-alive while playing; the wait for TEARDOWN */
	struct rtsp_conn *conn;
	unsigned open;             /* connections and handles that will still call back */

	struct rtsp_url url, aggregate, spare; /* what is described; what is played; or else is */
	unsigned redirects;
	struct rtsp_request request;
	struct rtsp_transport transport;
	struct sdp sdp;            /* what was offered, until the end */

	struct rtsp_keepalive keepalive;
	char other_session[RTSP_SESSION_ID_MAX]; /* of a later track; "": the same */
	uint64_t media_at_ms;      /* the last packet came; of the loop's clock */
	unsigned torn;             /* packets that the camera broke off */
	bool reopened;             /* for a challenge behind which the camera closed */
	bool heard;                /* anything, since the last keep-alive was sent */
	unsigned timeout_s;
	bool connected;            /* once, to any address */
	int status;                /* of the last answer; 0: none came */
};

/* It is over, by itself. */
void rtsp_session_end(struct rtsp_session *s, enum gap_cause cause, const char *detail);
/* The steps. */
void rtsp_session_connect(struct rtsp_session *s); /* to s->url, anew */
void rtsp_session_describe(struct rtsp_session *s);
void rtsp_session_set_up(struct rtsp_session *s);  /* the next track; or play, when all are set up */
void rtsp_session_play(struct rtsp_session *s);
void rtsp_session_playing(struct rtsp_session *s);
void rtsp_session_keep_alive(struct rtsp_session *s);
/* The request that waits, once more. */
void rtsp_session_repeat(struct rtsp_session *s);

/* rtsp_answer.c: the answer to what waits. */
void rtsp_answer(struct rtsp_session *s, const struct rtsp_item *r);
