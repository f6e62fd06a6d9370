/* Which cameras record their smaller stream, so that the rule's days fit on the disks: pure, no clock, no files, no
 * database (forecast.h says whether they fit).
 *
 * When the floor does not fit, cameras go over one after another, that which saves most bytes a day first (then by
 * id), until it fits or none is left that saves anything. When it fits so well that ECONOMY_SPARE_DAYS of footage
 * would still be free, the one that saves least comes back; one at a time, so that each step is judged anew. Between
 * the two nothing changes: it does not go to and fro.
 *
 * Threads: any. Memory: the caller's. Units: bytes a day. */
#pragma once
#include "retention/forecast.h"

#define ECONOMY_SPARE_DAYS 7
#define ECONOMY_WORTH 0.1 /* a stream that saves less of the other's bytes than this is not worth the change, and comes
                               back when it saves less than half of this */

struct economy_camera {
	const char *id;
	double full[FORECAST_WEEK]; /* with its usual stream, by the day of the week */
	double small;               /* with the smaller one */
	bool economic;              /* is on the smaller one */
	bool was;                   /* before economy_decide() */
};

/* `base` holds what all other cameras write; each camera's `economic` is decided anew. The array is put into the order
 * of going over. *before and *after: the forecast with the streams as they were, and as decided. */
void economy_decide(const struct forecast_input *base, struct economy_camera *cameras, size_t count,
		    struct forecast *before, struct forecast *after);
double economy_full_per_day(const struct economy_camera *c); /* the mean of a week */
