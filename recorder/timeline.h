/* Places frames on the wall clock (design §4). Pure: no clock is read here.
 *
 * A frame's time = anchor + RTP time elapsed. The anchor is where the least-delayed of the last frames
 * stand: a packet can be late, never early. It follows by at most 500 ppm of the time that passes.
 * In the first 10 s, while the first frames may have come from a camera's buffer, it is set back at once;
 * later too when a frame comes over 250 ms before its time.
 *
 * No frame is from the future: none is placed more than TIMELINE_AHEAD_US after its arrival, whatever it says of
 * itself. Who sends more than real time allows is placed in what room there is between the frame before and
 * that; when there is none, the frame is `crowded`: who goes on so cannot be recorded.
 *
 * What cameras do besides: timestamps that jump, stand still or run at a false rate. Then the frame's time
 * is its arrival, and the anchor is taken anew; after three times within 2 min the timestamps are not
 * believed for 10 min. Whatever they do, times grow strictly in decode order, by TIMELINE_STEP_US where there
 * is room for it, so that coverage is continuous as long as frames arrive.
 *
 * Timestamps up to 1 s behind the newest are reordered frames (B-frames): they are shown at that time,
 * and their place in decode order is given an even time. They are shown in the order of their timestamps even while
 * the anchor moves. Where a stream begins, the frame that is least delayed may be the second or a later one
 * (it is sent ahead of those shown before it): so the first ones are looked at together (timeline_prime) before one of
 * them is placed.
 * Threads: any. Memory: the caller's struct. Units: µs of UTC; arrival is on the same scale (mono + the
 * offset of the wall clock). */
#pragma once
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define TIMELINE_STEP_US 1000
#define TIMELINE_AHEAD_US (100 * US_PER_MS)
#define TIMELINE_SLEW_PPM 500
#define TIMELINE_INTERVALS 15
#define TIMELINE_DEPTH_MAX 8
#define TIMELINE_WINDOWS 5

struct timeline {
	uint32_t clock_rate;
	bool begun;
	int64_t anchor_us;      /* the time of base_ticks */
	int64_t base_ticks, newest_ticks;
	int64_t began_us;       /* arrival of the first frame since (re)start */
	int64_t last_arrival_us;
	int64_t even_since_us;  /* arrivals come without a hole since then */
	unsigned holes;         /* in a row, before the newest frames */
	int64_t last_us;        /* time given to the last frame; INT64_MIN: none */
	int64_t bound_us;       /* nothing is placed before; INT64_MIN: no bound */
	/* The least anchor that any frame asked for, in this window of 4 s and the ones before. */
	int64_t window_start_us, least_us[TIMELINE_WINDOWS];
	unsigned stuck;         /* frames in a row with the same timestamp */
	int64_t jumps_us[3];    /* arrivals of the last re-anchorings */
	int64_t distrust_until_us;
	/* Reordering: the newest timestamps, ascending, and by how many frames one can be held back. */
	struct timeline_shown { int64_t ticks, shown_us; } recent[TIMELINE_INTERVALS + 1];
	unsigned recent_count, depth;
	int64_t intervals_us[TIMELINE_INTERVALS];
	unsigned interval_count;
};

struct placed {
	int64_t at_us;      /* decode order: strictly increasing */
	int64_t shown_us;   /* when it is seen; at_us unless frames are reordered */
	bool crowded;       /* there was no time left to place it in: it stands 1 µs behind the frame before */
};

/* No frame is placed before not_before_us (0: no bound), unless that lies ahead of the arrivals: then the wall
 * clock was set back, and that time is another life's. */
void timeline_init(struct timeline *t, uint32_t clock_rate, int64_t not_before_us);
/* From now on neither: what came before was promised another end. Not ahead of the arrivals. */
void timeline_not_before(struct timeline *t, int64_t us);
/* The ticks that follow are of another source. */
void timeline_restart(struct timeline *t);
/* The first frames, in decoding order, before the first of them is placed; not after. */
struct timeline_frame { int64_t rtp_ticks, arrival_us; };
void timeline_prime(struct timeline *t, const struct timeline_frame *first, unsigned count);
struct placed timeline_place(struct timeline *t, int64_t rtp_ticks, int64_t arrival_us);
/* The median of the last frame intervals; the least while few are known, and 40 ms without any. */
int64_t timeline_interval(const struct timeline *t);
