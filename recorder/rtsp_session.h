/* One RTSP 1.0 session (RFC 2326), on the loop: connect (rtsps: know the camera), OPTIONS, DESCRIBE, SETUP
 * of each track, PLAY, keep-alive, TEARDOWN; Basic and Digest (RFC 7616: MD5, SHA-256, qop=auth). Media comes
 * interleaved, or over UDP if the target asks for it and the camera does not refuse it.
 *
 * One session is one try: it ends once and is not restarted (camera.c does that).
 * Threads: loop thread only.
 * Memory:  rtsp_session_create() allocates; after rtsp_session_close() no event follows except
 *          `closed`, in which the session frees itself after the call.
 * Input:   everything from the camera is hostile: bounded headers (16 KiB), bounded body (64 KiB
 *          SDP), bounded interleaved frames (64 KiB by the protocol), time-outs for every step. */
#pragma once
#include "base/cause.h"
#include "base/clock.h"
#include "recorder/rtsp_auth.h"
#include "recorder/rtsp_target.h"
#include "recorder/rtsp_url.h"
#include "recorder/track.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define RTSP_STEP_TIMEOUT_MS 10000
#define RTSP_FIRST_TIMEOUT_MS 4000 /* of the first answer, unless target.patient */

struct rtsp_session;

/* What the session tells. `owner` is the pointer given at creation. */
struct rtsp_events {
	/* DESCRIBE was understood: the tracks that will be set up: the video, then the sound, if the target wants
	 * it and there is one. The camera may still refuse the sound; and if it refuses UDP, they are told again, as
	 * they come then (track.reliable). Borrowed for the call. */
	void (*tracks)(void *owner, const struct track *list, unsigned count);
	/* PLAY was answered 200: media may come (it may have come before). */
	void (*playing)(void *owner);
	/* One RTP or RTCP packet of list[track]. Borrowed for the call. May close the session. */
	void (*packet)(void *owner, unsigned track, const uint8_t *data, size_t len, bool rtcp);
	/* The session is over by itself; the cause and a sentence without secrets. Call
	 * rtsp_session_close() in or after it. */
	void (*ended)(void *owner, enum gap_cause cause, const char *detail);
	/* After rtsp_session_close(): every handle is closed; the session is gone on return. */
	void (*closed)(void *owner);
	/* DESCRIBE was answered, with this; comes before `tracks`, or before `ended`. May be NULL. */
	void (*described)(void *owner, const char *sdp, size_t len);
	/* The camera broke off the packet before, which holds what belongs to others. May be NULL. */
	void (*torn)(void *owner);
};

/* What is known of the camera so far, for a person who asks (probe.h). */
struct rtsp_facts {
	bool connected, spoke_rtsp;  /* a connection was made; an answer was RTSP */
	int status;                  /* of the last answer; 0: none came */
	bool digest_seen;            /* Digest was offered, in this session or before */
	bool plain_refused;          /* it wants Basic, which the target does not allow */
	bool showed_login;           /* what was answered carried credentials */
	enum rtsp_auth_scheme auth;  /* how we show who we are; NONE: it was not asked for, or we cannot */
	unsigned redirects;
	char url[RTSP_URL_TEXT_MAX]; /* where they led */
	const char *keep_alive;      /* the method; static */
	unsigned timeout_s;
	unsigned torn;               /* packets that it broke off */
};

/* target is borrowed while the session lives. NULL never; a bad URL arrives as `ended`, later. */
struct rtsp_session *rtsp_session_create(uv_loop_t *loop, const struct rtsp_target *target,
					 const struct rtsp_events *events, void *owner);
/* Sends TEARDOWN if playing (best effort, does not wait for its answer beyond 500 ms), closes. */
void rtsp_session_close(struct rtsp_session *s);
/* At any time before the close. */
void rtsp_session_facts(const struct rtsp_session *s, struct rtsp_facts *out);
