/* What the ledger is told of a camera that comes and goes: indexer/gap_gather.h. */
#include "catalog_fixture.h"
#include "indexer/gap_gather.h"

#define CAM "front"

static struct place place;

static int setup(void **state)
{
	(void)state;
	place_init(&place);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	place_finish(&place);
	return 0;
}

static int64_t told(const char *kind)
{
	char *sql = xasprintf("SELECT count(*) FROM ledger WHERE kind = '%s'", kind);
	int64_t n = ask(place.catalog, sql);

	free(sql);
	return n;
}

static void opens(const char *camera, double s)
{
	assert_int_equal(catalog_begin(place.catalog), 0);
	assert_int_equal(gap_open(place.catalog, (struct wall){SEC(s)}, camera, SEC(s), "camera_unreachable", "why"), 0);
	assert_int_equal(catalog_commit(place.catalog), 0);
}

static void closes(const char *camera, double now, double end)
{
	struct gap g;

	assert_int_equal(catalog_begin(place.catalog), 0);
	assert_int_equal(gap_find_open(place.catalog, camera, &g), 0);
	assert_int_equal(gap_close(place.catalog, (struct wall){SEC(now)}, &g, SEC(end)), 0);
	assert_int_equal(catalog_commit(place.catalog), 0);
}

static void fails(double s)
{
	opens(CAM, s);
	closes(CAM, s + 5, s + 5);
}

static void time_is(double s)
{
	assert_int_equal(catalog_begin(place.catalog), 0);
	assert_int_equal(gap_gather_tell(place.catalog, (struct wall){SEC(s)}), 0);
	assert_int_equal(catalog_commit(place.catalog), 0);
}

static int64_t waiting(void) { return ask(place.catalog, "SELECT count(*) FROM gap_gathered"); }

/* Each gap by its own number stands in the ledger, however it was told. */
static void expect_all_told(int64_t gaps)
{
	assert_int_equal(waiting(), 0);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM gap"), gaps);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM gap WHERE id NOT IN (SELECT json_extract(body, '$.id') FROM ledger WHERE kind = "
			     "'gap.opened') AND id NOT IN (SELECT json_extract(value, '$.id') FROM ledger, json_each(body, '$.gaps') WHERE "
			     "kind = 'gap.gathered')"), 0);
}

static void three_gaps_are_told_at_once_and_the_rest_when_it_is_quiet(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		fails(i * 20);
		time_is(i * 20 + 6);
	}
	assert_int_equal(told("gap.opened"), 3);
	assert_int_equal(told("gap.closed"), 3);
	assert_int_equal(waiting(), 17);
	catalog_close(place.catalog); /* a kill takes none of them away */
	place.catalog = place_catalog(place.dir);
	time_is(385 + 599);
	assert_int_equal(told("gap.gathered"), 0);
	time_is(385 + 600);
	assert_int_equal(told("gap.gathered"), 1);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'gap.gathered' AND camera = 'front' AND "
			     "json_extract(body, '$.count') = 17 AND json_array_length(body, '$.gaps') = 17 AND "
			     "json_extract(body, '$.gaps[16].duration_us') = 5000000 AND json_extract(body, '$.gaps[0].cause') = "
			     "'camera_unreachable'"), 1);
	expect_all_told(20);
	time_is(2000);
	fails(2000);
	assert_int_equal(told("gap.opened"), 4);
}

static void a_day_of_flapping_is_one_entry_an_hour(void **state)
{
	(void)state;
	for (int s = 0; s < 86400; s += 60) {
		fails(s);
		time_is(s + 6);
	}
	time_is(90000);
	assert_in_range(told("gap.opened"), 3, 3);
	assert_in_range(told("gap.gathered"), 23, 25);
	expect_all_told(86400 / 60);
}

static void one_that_flaps_hides_no_other(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		fails(i * 20);
	opens("back", 100);
	assert_int_equal(told("gap.opened"), 4);
	closes("back", 110, 110);
	assert_int_equal(told("gap.closed"), 4);
	assert_int_equal(waiting(), 2);
}

static void one_that_lasts_is_told_while_it_is_open_and_its_end_when_it_comes(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		fails(i * 20);
	opens(CAM, 60);
	time_is(660);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'gap.gathered' AND json_extract(body, '$.gaps[0].open')"), 1);
	closes(CAM, 700, 700);
	assert_int_equal(told("gap.closed"), 4);
	expect_all_told(4);
}

static void one_that_was_none_is_told_as_withdrawn(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		fails(i * 20);
	opens(CAM, 60);
	closes(CAM, 61, 60);
	time_is(700);
	assert_int_equal(told("gap.withdrawn"), 0);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'gap.gathered' AND "
			     "json_extract(body, '$.gaps[0].withdrawn')"), 1);
	expect_all_told(4);
}

static void a_clock_that_was_set_back_waits_for_no_later_time(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		fails(5000 + i * 20);
	assert_int_equal(waiting(), 2);
	time_is(100);
	assert_int_equal(told("gap.gathered"), 1);
	expect_all_told(5);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(three_gaps_are_told_at_once_and_the_rest_when_it_is_quiet),
		T(a_day_of_flapping_is_one_entry_an_hour),
		T(one_that_flaps_hides_no_other),
		T(one_that_lasts_is_told_while_it_is_open_and_its_end_when_it_comes),
		T(one_that_was_none_is_told_as_withdrawn),
		T(a_clock_that_was_set_back_waits_for_no_later_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
