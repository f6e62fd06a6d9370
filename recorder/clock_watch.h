/* Notices that the wall clock was set, by the distance between the two clocks.
 *
 * Slewing (chrony, a smeared leap second) moves both alike, so their distance stays; what changes it by up to
 * CLOCK_WATCH_STEP_US at a look is taken over without a word.
 * Threads: any. Memory: the caller's struct. Units: µs. */
#pragma once
#include "base/clock.h"

#define CLOCK_WATCH_STEP_US (200 * US_PER_MS)

struct clock_watch { int64_t offset_us; }; /* wall − mono */

void clock_watch_init(struct clock_watch *w, struct clock *clock);
/* 0, or by how much it was set since the last look. *w then holds the new offset. */
int64_t clock_watch_look(struct clock_watch *w, struct clock *clock);
/* The wall time at an instant, as of the last look. */
static inline struct wall clock_watch_wall(const struct clock_watch *w, struct mono at)
{
	return (struct wall){at.us + w->offset_us};
}
