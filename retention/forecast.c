#include "retention/forecast.h"

#include "retention/policy.h"

struct course { double least; int full_in_days; };

/* Everything of a day that began `age` days ago or earlier. */
static double released_until(const struct forecast_input *in, int64_t day, size_t *next)
{
	double bytes = 0;

	for (; *next < in->day_count && in->days[*next].day <= day; ++*next)
		bytes += in->days[*next].bytes;
	return bytes;
}

static double written_on(const struct forecast_input *in, int64_t day)
{
	double bytes = in->written[forecast_weekday(day)];

	return day == in->today ? bytes * in->today_left : bytes;
}

/* What is written from today on is released in its turn. */
static double released_again(const struct forecast_input *in, int64_t day)
{
	return day > in->today ? in->written[forecast_weekday(day)] : day == in->today ? written_on(in, day) : 0;
}

static struct course run(const struct forecast_input *in, int64_t age_days)
{
	struct course c = {in->free_bytes, FORECAST_NEVER};
	double room = in->free_bytes;
	size_t next = 0;

	for (int64_t t = in->today; t <= in->today + age_days + FORECAST_BEYOND_DAYS; t++) {
		room += released_until(in, t - age_days, &next) + released_again(in, t - age_days);
		room -= written_on(in, t);
		c.least = room < c.least ? room : c.least;
		if (room < 0 && c.full_in_days == FORECAST_NEVER)
			c.full_in_days = (int)(t - in->today);
	}
	return c;
}

static int64_t released_at(const struct forecast_input *in, unsigned age_days)
{
	return in->local_days && in->local_days < age_days ? in->local_days : age_days;
}

void forecast_make(const struct forecast_input *in, struct forecast *out)
{
	/* one day more: the last second of a day is as old as the rest of it only a day later */
	struct course at_floor = run(in, released_at(in, in->floor_days + RETENTION_MARGIN_DAYS + 1));
	struct course at_keep = run(in, released_at(in, in->keep_days + 1));

	*out = (struct forecast){
		.fits_floor = at_floor.full_in_days == FORECAST_NEVER,
		.fits_keep = at_keep.full_in_days == FORECAST_NEVER,
		.full_in_days = at_floor.full_in_days,
		.missing_bytes = at_floor.least < 0 ? -at_floor.least : 0,
	};
	for (unsigned i = 0; i < FORECAST_WEEK; i++)
		out->bytes_per_day += in->written[i] / FORECAST_WEEK;
}
