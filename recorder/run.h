/* Continuous media of one session on one timeline: frames in, segments out.
 *
 *	packet → depay → frame → timeline (wall time) → cutter (fragment? segment?) → mux → outlet
 *	packet of the sound → audio.h, which adds what has arrived to each fragment ──────┘
 *
 * A fragment is one GOP, cut after at most 2 s; a segment ends at the first key frame after
 * segment_us (staggered by camera), or when the stream goes on in another format, or when the run ends; the next
 * one starts at the same microsecond. A run begins at its first key frame. Nothing before it is
 * claimed. A frame's end is the next frame's start; the last frame of a run ends after the median of
 * its last frame intervals, after 0.4 s at most, and never later than 100 ms from now.
 *
 * Gaps: no frame for gap_after, however slow the camera is → the segment is closed at the end
 * of its last frame and `stalled` is told with that time; the run goes on: when frames come again
 * it opens a new segment at the next key frame and tells `resumed`.
 * Threads: loop thread. Memory: run_create() allocates, run_destroy() closes what is open. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "recorder/outlet.h"
#include "recorder/track.h"

/* People are told of a camera's clock that is further off. */
#define CAMERA_CLOCK_ERROR_MAX_US (2 * US_PER_S)

struct run_conf {
	const char *site, *camera;       /* borrowed */
	int64_t segment_us, gap_after_us;
	int64_t stagger_us;              /* the first segment is shorter by this much */
	/* Where the coverage of the run before ended, or 0: no frame of this one is placed before it
	 * (unless it lies ahead: then the wall clock was set back). */
	struct wall not_before;
	const struct track *audio;       /* its sound, borrowed for run_create(); NULL: none is recorded */
};

/* up and down are told from inside run_packet() and run_tick(): the run must not be destroyed in them.
 * broken is the last thing that a call does: in it, it may. */
struct run_events {
	/* The first frame of a stretch of coverage is placed at `start`. */
	void (*up)(void *owner, struct wall start);
	/* No coverage from `since` on. */
	void (*down)(void *owner, struct wall since, enum gap_cause cause, const char *detail);
	/* The media cannot be used or the wall clock stepped: end the session. (After `down`.) */
	void (*broken)(void *owner, enum gap_cause cause, const char *detail);
};

struct run_stats {
	uint64_t frames, bytes, lost_packets;
	double fps, bits_per_s;          /* over the last 10 s or so */
	int64_t camera_clock_error_us;   /* by RTCP sender reports; measured, never trusted */
	bool camera_clock_known;
};

struct run;
int run_create(const struct run_conf *conf, const struct track *t, struct clock *clock, struct outlet *outlet,
	       const struct run_events *events, void *owner, struct run **out, struct err *e);
void run_packet(struct run *r, const uint8_t *data, size_t len, bool rtcp);
/* One RTP packet of the sound. Whatever is in it, coverage does not change. */
/* The camera broke off a packet (rtsp_session.h, torn). */
void run_torn(struct run *r);
void run_audio_packet(struct run *r, const uint8_t *data, size_t len);
/* Called about every 200 ms: finds stalls and clock steps. */
void run_tick(struct run *r);
/* Coverage so far: the end of the last frame placed; false if there is none. */
bool run_covered_until(const struct run *r, struct wall *end);
bool run_is_stalled(const struct run *r, struct mono *since); /* no frame since then */
const uint8_t *run_id(const struct run *r);
void run_stats(const struct run *r, struct run_stats *out);
/* The outlet told `lost` for this segment. True if it was the open one: then `down` was told with
 * good_end, and the run goes on at the next key frame. False: it was closed before; the run has no part
 * in it. To be called from outlet->lost, whatever the run is doing. */
bool run_segment_lost(struct run *r, const struct outlet_segment *s, struct wall good_end,
		      enum gap_cause cause, const char *detail);
/* Closes the open segment at the end of its last frame; *end tells it (false: there was no coverage). */
bool run_destroy(struct run *r, struct wall *end);
