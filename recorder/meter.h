/* Frames and bytes per second, over the last 10 s or so. Pure.
 *
 * Threads: any. Memory: the caller's struct, zero-initialised. */
#pragma once
#include "base/clock.h"

#define METER_WINDOW_US (5 * US_PER_S)

struct meter_sum { uint64_t frames, bytes; };

struct meter {
	bool begun;
	struct mono start;           /* of the window being filled */
	struct meter_sum now, before;
	bool has_before;
};

void meter_add(struct meter *m, struct mono at, size_t bytes);
/* Zero when nothing came for two windows. */
void meter_read(const struct meter *m, struct mono at, double *fps, double *bits_per_s);
