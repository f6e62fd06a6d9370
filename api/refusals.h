/* What of refused attempts is logged: the first of an address, then one line a minute that says how many there were. A table of
 * fixed size, so that a crowd of addresses costs no memory; who does not fit in shares a line.
 *
 * Pure. Threads: one. Memory: caller's. */
#pragma once
#include "base/clock.h"

#define REFUSALS_ADDRESSES 64
#define REFUSALS_FROM_MAX 48
#define REFUSALS_EVERY_US (60 * US_PER_S)

struct refusals {
	struct refusals_of { char from[REFUSALS_FROM_MAX]; struct mono told; unsigned count; bool used; } of[REFUSALS_ADDRESSES + 1]; /* last: all others */
};

/* One more. *attempts: 0, nothing is logged; else that many are, from *who. */
void refusals_note(struct refusals *r, const char *from, struct mono now, unsigned *attempts, const char **who);
