/* One camera of the recorder: connect, play, record, retry, for ever.
 *
 * It owns an RTSP session (rtsp_session.h) and, while that plays, a run (run.h) that puts the media on the
 * wall clock and into the outlet. It tells the recorder two facts for the journal, up and down, on which
 * the keeper's accounting of gaps stands:
 *
 *   - `up` is told when a frame is placed and the camera was not up; start is that frame's time.
 *   - `down` is told when coverage ends: since = the end of the last frame placed. It is told again only
 *     when the cause changes while it is down, with the same since.
 *   - Before the first frame ever, since is `added` (the instant the caller gives): the first failure tells
 *     down(added, cause). A camera that plays at its first try tells only `up`.
 *   - Between two `up` there is always exactly one since; up.start >= since.
 *   - camera_close() tells neither: the caller writes down why it closed.
 *
 * A session that plays without a packet for 10 s, or without a picture (run.h), and one that fell silent for
 * 10 s, is torn down (cause stream_stalled). What failed is tried again as reconnect.h says; a placed frame begins
 * with its shortest wait again. Frames that come again before the 10 s just continue in the same run.
 *
 * Sound (target.audio): what fails before the first frame is tried again without it, so that a camera whose
 * sound cannot be had is recorded all the same.
 *
 * Log: one line per told fact, none per retry.
 * Threads: loop thread only.
 * Memory:  camera_create() allocates; after camera_close() only `closed` follows, after which the camera is
 *          gone. The configuration is copied (and its password wiped at the end); outlet, events and
 *          owner are borrowed until `closed`. The camera takes over outlet->lost and outlet->owner. */
#pragma once
#include "base/cause.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "recorder/detail.h"
#include "recorder/outlet.h"
#include "recorder/rtsp_session.h"
#include "recorder/run.h"

#include <stdbool.h>
#include <uv.h>

#define CAMERA_TICK_MS 200
#define CAMERA_SILENCE_US (10 * US_PER_S)

struct camera;

struct camera_conf {
	const char *site, *id;
	struct rtsp_target target;
	int64_t segment_us, gap_after_us;
	int64_t stagger_us;      /* see run.h */
	unsigned start_delay_ms; /* so that not all connect at once */
	struct wall added;       /* obligation without footage counts from here */
	struct wall covered_until; /* of the camera object that this one replaces (its configuration
	                              changed): nothing is placed before it; {0} if there is none */
};

struct camera_events {
	void (*up)(void *owner, struct camera *cam, struct wall start, const uint8_t run[UUID_BYTES]);
	void (*down)(void *owner, struct camera *cam, struct wall since, enum gap_cause cause,
		     const char *detail);
	void (*closed)(void *owner, struct camera *cam);
	/* It offered Digest, for the first time since the camera was made. May be NULL. */
	void (*digest_seen)(void *owner);
};

/* The session and the run as a camera sees them, or fakes of them. */
struct camera_parts {
	struct rtsp_session *(*session_create)(uv_loop_t *loop, const struct rtsp_target *target,
					       const struct rtsp_events *events, void *owner);
	void (*session_close)(struct rtsp_session *s);
	void (*session_facts)(const struct rtsp_session *s, struct rtsp_facts *out);
	int (*run_create)(const struct run_conf *conf, const struct track *t, struct clock *clock,
			  struct outlet *outlet, const struct run_events *events, void *owner,
			  struct run **out, struct err *e);
	void (*run_packet)(struct run *r, const uint8_t *data, size_t len, bool rtcp);
	void (*run_torn)(struct run *r);
	void (*run_audio_packet)(struct run *r, const uint8_t *data, size_t len);
	void (*run_tick)(struct run *r);
	bool (*run_is_stalled)(const struct run *r, struct mono *since);
	bool (*run_covered_until)(const struct run *r, struct wall *end);
	const uint8_t *(*run_id)(const struct run *r);
	bool (*run_segment_lost)(struct run *r, const struct outlet_segment *s, struct wall good_end,
				 enum gap_cause cause, const char *detail);
	void (*run_stats)(const struct run *r, struct run_stats *out);
	bool (*run_destroy)(struct run *r, struct wall *end);
};
const struct camera_parts *camera_parts_real(void);

/* What surrounds all cameras. */
struct camera_world {
	uv_loop_t *loop;
	struct clock *clock;
	const struct camera_parts *parts;
	uint32_t (*random)(void *arg); /* reconnect.h */
	void *random_arg;
};

enum camera_view { CAMERA_STARTING, CAMERA_RECORDING, CAMERA_DOWN };

/* For people. Borrowed until the next event of the camera. */
struct camera_status {
	enum camera_view view;   /* STARTING: nothing was told yet */
	struct wall since;       /* of recording, or of being down; else when it was added */
	const char *activity;    /* what it does right now: "connecting", "waiting" … */
	enum gap_cause cause;    /* of DOWN */
	const char *detail;      /* of DOWN: a sentence; else "" */
	struct run_stats stats;  /* all zero without a run */
};
const char *camera_view_name(enum camera_view v); /* "starting", "recording", "down" */

/* world and conf are copied. */
struct camera *camera_create(const struct camera_world *world, const struct camera_conf *conf,
			     struct outlet *outlet, const struct camera_events *events, void *owner);
const char *camera_id(const struct camera *cam);
void camera_status(const struct camera *cam, struct camera_status *out);
/* The end of the coverage so far; false if there was none. In `closed` it is final: give it to a camera
 * object that takes the place of this one. */
bool camera_covered_until(const struct camera *cam, struct wall *end);
/* A person wants it to be tried now: it waits no longer, if it does. */
void camera_retry(struct camera *cam);
/* Not to be recorded, until that is taken back: its session ends (cause over_bitrate), and there is no other. Then it is
 * tried at once. Not to be called from within an event. */
void camera_refuse(struct camera *cam, bool refused);
/* What the camera's own timer does every CAMERA_TICK_MS; for tests with a clock of their own. */
void camera_tick(struct camera *cam);
/* `closed` follows later, never from within this call. Not to be called from within an event. */
void camera_close(struct camera *cam);
