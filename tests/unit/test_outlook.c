/* The forecast from rows and disks, and the one ledger entry per turn. */
#include "catalog_fixture.h"
#include "retention/outlook.h"

#include <errno.h>

#define DAY US_PER_DAY
#define RATE INT64_C(1000000000) /* bytes a day */
#define NOW (T0 + 12 * 3600 * US_PER_S)

static struct place place;
static struct clock_fake now_clock;
static struct conf_root root = {.path = (char *)"/r", .reserve_bytes = 1000};
static struct conf_camera cameras[] = {{.id = (char *)"a"}, {.id = (char *)"b"}};
static struct conf conf = {.rule = {.floor_days = 90}, .keep_days = 95, .roots = &root, .root_count = 1,
			   .cameras = cameras, .camera_count = 1};
static uint64_t free_bytes_now;
static bool is_away;

static int fake_free(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
	(void)fs;
	(void)path;
	*free_bytes = free_bytes_now + root.reserve_bytes;
	*total_bytes = UINT64_C(1) << 40;
	return is_away ? -ETIMEDOUT : 0;
}

static struct fs disk = {.free_bytes = fake_free};

static void step(void)
{
	struct outlook o = {&disk, &now_clock.base, &conf, place.catalog, conf.keep_days};

	assert_int_equal(outlook_step(&o), 0);
}

static json_t *told(void)
{
	char text[4096];

	assert_int_equal(catalog_state(place.catalog, "retention", text, sizeof text), 0);
	json_t *o = json_loads(text, 0, NULL);
	assert_non_null(o);
	return o;
}

static json_int_t told_int(const char *key)
{
	json_t *o = told();
	json_int_t v = json_is_boolean(json_object_get(o, key)) ? json_is_true(json_object_get(o, key))
								: json_integer_value(json_object_get(o, key));
	json_decref(o);
	return v;
}

static double rate_of(const char *camera)
{
	json_t *o = told();
	double v = json_number_value(json_object_get(json_object_get(o, "cameras"), camera));
	json_decref(o);
	return v;
}

/* A quarter of a day of footage each day, at a rate of RATE a day. */
static void record(const char *camera, int days)
{
	assert_int_equal(db_exec(place.catalog->db, "INSERT OR IGNORE INTO root VALUES (1, '/r', 'u');"
				 "INSERT OR IGNORE INTO init VALUES (1, x'00', 'avc1', 2, 2, 1000000)"), 0);
	for (int d = days; d > 0; d--)
		assert_int_equal(db_run(place.catalog->db, "INSERT INTO segment (camera, root, start, end, bytes, init, "
					"init_bytes, fragments, frames, sequence, flags, seal_digest, run, witnessed_us) "
					"VALUES (?, 1, ?, ?, ?, 1, 1, x'', 1, 1, 0, x'', '', 0)", "tiii", camera,
					T0 - d * DAY, T0 - d * DAY + DAY / 4, RATE / 4), 0);
}

static int setup(void **state)
{
	(void)state;
	place_init(&place);
	clock_fake_init(&now_clock, (struct wall){NOW});
	conf.camera_count = 1;
	free_bytes_now = 200 * RATE;
	is_away = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	place_finish(&place);
	return 0;
}

static int64_t entries(void)
{
	return ask(place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'storage.at_risk'");
}

static void nothing_recorded_is_no_risk(void **state)
{
	(void)state;
	free_bytes_now = 0;
	step();
	assert_int_equal(told_int("at_risk"), 0);
	assert_int_equal(entries(), 0);
}

/* The rate is that of the time that was recorded: outages do not make it look small. */
static void the_rate_is_of_recorded_time(void **state)
{
	(void)state;
	record("a", 10);
	step();
	assert_true(rate_of("a") > 0.99 * RATE && rate_of("a") < 1.01 * RATE);
	assert_int_equal(told_int("fits_floor"), 1);
	assert_int_equal(told_int("missing_bytes"), 0);
}

/* What went to the store gives no room when it expires, and what will go there gives it sooner, while the store takes it. */
static void the_object_store_counts_as_room_while_it_takes_what_waits(void **state)
{
	(void)state;
	record("a", 40);
	free_bytes_now = 20 * RATE;
	conf.offload = (struct conf_offload){.url = (char *)"https://s3.example", .releases = true, .local_days = 10};
	assert_int_equal(db_exec(place.catalog->db, "UPDATE segment SET root = 0 WHERE start < 1795478400000000 - 10 * 86400000000"), 0);
	step();
	assert_int_equal(told_int("at_risk"), 0);
	assert_true(rate_of("a") > 0.99 * RATE && rate_of("a") < 1.01 * RATE); /* it is written as ever */
	assert_int_equal(db_exec(place.catalog->db, "INSERT INTO object (camera, start, state) VALUES ('a', 1, 'waiting')"), 0);
	step();
	assert_int_equal(told_int("at_risk"), 1); /* it is months behind */
	assert_true(told_int("missing_bytes") > 67 * RATE); /* and what is there already gives no room here */
	conf.offload = (struct conf_offload){0};
	step();
	assert_int_equal(told_int("at_risk"), 1);
}

static void a_turn_is_told_once_each_way(void **state)
{
	(void)state;
	record("a", 10);
	free_bytes_now = 20 * RATE;
	step();
	step();
	assert_int_equal(told_int("at_risk"), 1);
	assert_true(told_int("missing_bytes") > 60 * RATE);
	assert_int_equal(entries(), 1);
	free_bytes_now = 33 * RATE; /* neither warned of anew nor called off */
	step();
	assert_int_equal(told_int("at_risk"), 1);
	free_bytes_now = 200 * RATE;
	step();
	step();
	assert_int_equal(told_int("at_risk"), 0);
	assert_int_equal(entries(), 2);
	expect_sound(place.catalog, "a");
}

static void a_camera_that_left_writes_no_more(void **state)
{
	(void)state;
	record("a", 10);
	record("b", 10);
	step();
	assert_true(rate_of("b") == 0);
	conf.camera_count = 2;
	step();
	assert_true(rate_of("b") > 0.99 * RATE);
}

static void what_is_held_is_not_counted_on(void **state)
{
	(void)state;
	int64_t id;
	record("a", 96);
	free_bytes_now = 80 * RATE; /* each day takes a whole rate and releases a quarter */
	step();
	assert_int_equal(told_int("fits_floor"), 1);
	assert_int_equal(catalog_begin(place.catalog), 0);
	struct wall_range all = {{T0 - 100 * DAY}, {T0}};
	assert_int_equal(hold_place(place.catalog, (struct wall){NOW}, "a", all, "r", "", &chen, &id), 0);
	assert_int_equal(catalog_commit(place.catalog), 0);
	step();
	assert_int_equal(told_int("fits_floor"), 0);
}

static void the_day_rows_follow_the_segments(void **state)
{
	(void)state;
	record("a", 3);
	assert_int_equal(ask(place.catalog, "SELECT sum(bytes) FROM volume"), 3 * RATE / 4);
	assert_int_equal(db_exec(place.catalog->db, "DELETE FROM segment WHERE start < 0 + (SELECT max(start) FROM segment)"), 0);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM volume"), 1);
	assert_int_equal(ask(place.catalog, "SELECT sum(bytes) FROM volume"), RATE / 4);
}

/* --- two streams ------------------------------------------------------------------------------ */

static bool is_economic(void)
{
	json_t *list = outlook_economy(place.catalog);
	bool yes = json_array_size(list) == 1;

	json_decref(list);
	return yes;
}

static int64_t changes(void)
{
	return ask(place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'camera.economy'");
}

/* An hour of the smaller stream, a tenth of the usual one, right up to now. */
static void record_small(int64_t hours)
{
	int64_t now = clock_wall(&now_clock.base).us;

	assert_int_equal(db_run(place.catalog->db, "INSERT INTO segment SELECT NULL, 'a', 1, ?1, ?2, ?3, 1, 1, x'', 1, 1, 0, x'', "
				"'', 0, NULL", "iii", now - hours * 3600 * US_PER_S, now, RATE / 240 * hours), 0);
}

static int setup_two(void **state)
{
	int rc = setup(state);

	cameras[0].has_sub = true;
	record("a", 10);
	return rc;
}

static int teardown_two(void **state)
{
	cameras[0].has_sub = false;
	return teardown(state);
}

static void a_disk_too_small_changes_the_stream_and_is_told(void **state)
{
	(void)state;
	free_bytes_now = 50 * RATE;
	step();
	assert_true(is_economic());
	assert_int_equal(told_int("fits_floor"), 1); /* a quarter, it is guessed */
	assert_true(rate_of("a") > 0.24 * RATE && rate_of("a") < 0.26 * RATE);
	step();
	assert_int_equal(changes(), 1);
	clock_fake_advance(&now_clock, 2 * 3600 * US_PER_S);
	record_small(1);
	step();
	assert_true(is_economic() && rate_of("a") > 0.09 * RATE && rate_of("a") < 0.11 * RATE);
	free_bytes_now = 110 * RATE;
	step();
	assert_false(is_economic());
	assert_true(rate_of("a") > 0.99 * RATE); /* what it cost before, though the last hour was cheap */
	assert_int_equal(changes(), 2);
	step();
	assert_int_equal(changes(), 2);
}

/* Nobody can tell how much room a disk has that is away. */
static void a_disk_that_is_away_changes_no_stream(void **state)
{
	(void)state;
	is_away = true;
	step();
	assert_false(is_economic());
	assert_int_equal(told_int("fits_floor"), 0);
	is_away = false;
	free_bytes_now = 50 * RATE;
	step();
	assert_true(is_economic());
	is_away = true;
	free_bytes_now = 500 * RATE;
	step();
	assert_true(is_economic());
}

static void a_smaller_stream_that_is_configured_no_more_is_left(void **state)
{
	(void)state;
	free_bytes_now = 50 * RATE;
	step();
	cameras[0].has_sub = false;
	step();
	assert_false(is_economic());
	assert_int_equal(changes(), 2);
	assert_int_equal(told_int("fits_floor"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_recorded_is_no_risk, setup, teardown),
		cmocka_unit_test_setup_teardown(the_rate_is_of_recorded_time, setup, teardown),
		cmocka_unit_test_setup_teardown(the_object_store_counts_as_room_while_it_takes_what_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(a_turn_is_told_once_each_way, setup, teardown),
		cmocka_unit_test_setup_teardown(a_camera_that_left_writes_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_held_is_not_counted_on, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disk_too_small_changes_the_stream_and_is_told, setup_two, teardown_two),
		cmocka_unit_test_setup_teardown(a_disk_that_is_away_changes_no_stream, setup_two, teardown_two),
		cmocka_unit_test_setup_teardown(a_smaller_stream_that_is_configured_no_more_is_left, setup_two, teardown_two),
		cmocka_unit_test_setup_teardown(the_day_rows_follow_the_segments, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
