/* Whether what the rule asks fits on the disks, on which day they fill, and how many bytes are missing: pure,
 * no clock, no files, no database (design §7).
 *
 * Day by day: what is written (by the day of the week) against what may be released. All disks count as one
 * pool, since cameras move between them. A day's footage counts as released only when all of it is old
 * enough, so the answer errs on the careful side by up to a day.
 *
 * Threads: any. Memory: the caller's. Units: days since 1970 (UTC), bytes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORECAST_WEEK 7
#define FORECAST_NEVER (-1)
#define FORECAST_BEYOND_DAYS 30 /* looked at beyond the age of release: then every day is like the last week */

struct forecast_day { int64_t day; double bytes; }; /* on the disks, without what is held */

struct forecast_input {
	int64_t today;
	double today_left;                  /* 0 to 1 */
	unsigned floor_days, keep_days;
	const struct forecast_day *days;    /* ascending */
	size_t day_count;
	double written[FORECAST_WEEK];      /* bytes on a day: index forecast_weekday() */
	unsigned local_days;                /* at this age a day's files go because they are kept elsewhere; 0: never */
	double free_bytes;                  /* above the reserves */
};

struct forecast {
	bool fits_floor, fits_keep;
	int full_in_days;                   /* although everything past the floor is released; or FORECAST_NEVER */
	double missing_bytes;               /* for the floor; 0 when it fits */
	double bytes_per_day;               /* mean of a week */
};

static inline unsigned forecast_weekday(int64_t day)
{
	return (unsigned)((day % FORECAST_WEEK + FORECAST_WEEK) % FORECAST_WEEK);
}

void forecast_make(const struct forecast_input *in, struct forecast *out);
