/* The first frames of a stream, copied until enough of them came to know in which order they are shown and which of
 * them is least delayed (timeline_prime).
 *
 * Threads: one at a time. Memory: the frames held, FRAME_HOLD_BYTES at most; frame_hold_clear() frees. */
#pragma once
#include "recorder/depay.h"

#define FRAME_HOLD_MAX 16
#define FRAME_HOLD_BYTES (16u << 20)
#define FRAME_HOLD_US (1 * US_PER_S)

/* count: those that wait; `kept` of them are in memory. */
struct frame_hold { struct frame frames[FRAME_HOLD_MAX]; unsigned count, kept; size_t bytes; };

/* False: it takes no more; what it holds is due. */
bool frame_hold_put(struct frame_hold *h, const struct frame *f);
/* The first of them has waited long enough. */
bool frame_hold_is_due(const struct frame_hold *h, struct mono now);
void frame_hold_clear(struct frame_hold *h);
