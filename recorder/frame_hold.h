/* Frames that wait, copied, until it is known what to do with them: the first ones of a stream until their order is known
 * (timeline_prime), those of a gradual refresh until the picture is whole.
 *
 * Threads: one at a time. Memory: the frames held, FRAME_HOLD_BYTES at most; frame_hold_clear() frees. */
#pragma once
#include "recorder/depay.h"

#define FRAME_HOLD_BYTES (16u << 20)

struct frame_hold { struct frame *frames; unsigned count; size_t bytes; };

/* False: it takes no more. */
bool frame_hold_put(struct frame_hold *h, const struct frame *f, unsigned max);
/* For how long the first of them has waited; 0 if there is none. */
int64_t frame_hold_waits_us(const struct frame_hold *h, struct mono now);
void frame_hold_clear(struct frame_hold *h);
