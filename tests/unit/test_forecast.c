/* The disks are judged before they are full. */
#include "retention/forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define TODAY 20000
#define FLOOR 90
#define KEEP 95
#define RATE 100.0
#define HISTORY 300

static struct forecast_day days[HISTORY];

/* `count` days of footage up to yesterday, RATE each, and as much to come. */
static struct forecast_input steady(size_t count, double free_bytes)
{
	struct forecast_input in = {.today = TODAY, .today_left = 1, .floor_days = FLOOR, .keep_days = KEEP,
				    .days = days, .day_count = count, .free_bytes = free_bytes};

	for (size_t i = 0; i < count; i++)
		days[i] = (struct forecast_day){TODAY - (int64_t)count + (int64_t)i, RATE};
	for (unsigned i = 0; i < FORECAST_WEEK; i++)
		in.written[i] = RATE;
	return in;
}

static struct forecast of(const struct forecast_input *in)
{
	struct forecast f;

	forecast_make(in, &f);
	return f;
}

static void an_empty_disk_must_hold_all_of_it(void **state)
{
	(void)state;
	/* floor + margin + the day that is only partly old enough, and the day being written */
	struct forecast_input enough = steady(0, (FLOOR + 3) * RATE), less = steady(0, (FLOOR + 2) * RATE - 1);
	struct forecast f = of(&enough);

	assert_true(f.fits_floor);
	assert_int_equal(f.full_in_days, FORECAST_NEVER);
	assert_true(f.missing_bytes == 0 && f.bytes_per_day > RATE - 0.01 && f.bytes_per_day < RATE + 0.01);
	f = of(&less);
	assert_false(f.fits_floor);
	assert_int_equal(f.full_in_days, FLOOR + 1);
	assert_true(f.missing_bytes >= 1 && f.missing_bytes <= RATE);
}

/* What goes to the object store after a while needs room for that while only. */
static void what_is_kept_elsewhere_needs_no_room(void **state)
{
	struct forecast_input in = steady(0, 13 * RATE);

	(void)state;
	assert_false(of(&in).fits_floor);
	in.local_days = 10;
	assert_true(of(&in).fits_floor && of(&in).fits_keep);
	in.free_bytes = 9 * RATE;
	assert_false(of(&in).fits_floor);
	assert_int_equal(of(&in).full_in_days, 9);
	in = steady(0, 100 * RATE);
	in.local_days = 94; /* longer than the floor asks: that goes as ever */
	assert_true(of(&in).fits_floor);
}

static void the_floor_may_fit_where_keep_does_not(void **state)
{
	(void)state;
	struct forecast_input in = steady(0, (FLOOR + 4) * RATE);
	struct forecast f = of(&in);

	assert_true(f.fits_floor);
	assert_false(f.fits_keep);
	in = steady(0, (KEEP + 2) * RATE);
	assert_true(of(&in).fits_keep);
}

static void a_full_archive_lives_from_what_it_releases(void **state)
{
	(void)state;
	struct forecast_input in = steady(KEEP, RATE);

	assert_true(of(&in).fits_floor);
	in.free_bytes = 2 * RATE;
	assert_true(of(&in).fits_keep);
}

static void half_an_archive_fills_on_a_day_that_is_told(void **state)
{
	(void)state;
	struct forecast_input in = steady(40, 10 * RATE);
	struct forecast f = of(&in);

	assert_false(f.fits_floor);
	assert_int_equal(f.full_in_days, 10);
	/* 40 + 10 days are there, floor + 2 are wanted beside the day that is written */
	assert_true(f.missing_bytes > (FLOOR - 50) * RATE && f.missing_bytes <= (FLOOR - 50 + 3) * RATE);
}

/* What is held is not in `days`: it gives no room. */
static void held_footage_gives_nothing_back(void **state)
{
	(void)state;
	struct forecast_input in = steady(KEEP, RATE);

	in.day_count = 0;
	assert_int_equal(of(&in).full_in_days, 1);
}

static void a_week_has_its_pattern(void **state)
{
	(void)state;
	struct forecast_input in = steady(0, 5 * RATE);

	for (unsigned i = 0; i < FORECAST_WEEK; i++)
		in.written[i] = 0;
	in.written[forecast_weekday(TODAY + 3)] = 6 * RATE;
	assert_int_equal(of(&in).full_in_days, 3);
	in.today_left = 0.5;
	in.written[forecast_weekday(TODAY)] = 12 * RATE;
	assert_int_equal(of(&in).full_in_days, 0);
	in.today_left = 0.25;
	assert_int_equal(of(&in).full_in_days, 3);
}

static void days_before_1970_are_days_too(void **state)
{
	(void)state;
	assert_int_equal(forecast_weekday(-1), 6);
	assert_int_equal(forecast_weekday(-7), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_disk_must_hold_all_of_it),
		cmocka_unit_test(what_is_kept_elsewhere_needs_no_room),
		cmocka_unit_test(the_floor_may_fit_where_keep_does_not),
		cmocka_unit_test(a_full_archive_lives_from_what_it_releases),
		cmocka_unit_test(half_an_archive_fills_on_a_day_that_is_told),
		cmocka_unit_test(held_footage_gives_nothing_back),
		cmocka_unit_test(a_week_has_its_pattern),
		cmocka_unit_test(days_before_1970_are_days_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
