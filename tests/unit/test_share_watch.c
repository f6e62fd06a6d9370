/* What the keeper sees written, and what it makes of it: rates without a clock and without the recorder's word. */
#include "catalog_fixture.h"
#include "retention/share_watch.h"

#include <errno.h>

#define LOOK_S 20
#define MBIT (1000000 / 8)

static struct place place;
static struct clock_fake now_clock;
static struct conf_root root = {.path = (char *)"/r", .reserve_bytes = 1000};
static struct conf_camera cameras[] = {{.id = (char *)"good"}, {.id = (char *)"flood"}};
static struct conf conf = {.rule = {.floor_days = 90}, .keep_days = 95, .roots = &root, .root_count = 1,
			   .cameras = cameras, .camera_count = 2};
static double free_now;
static bool is_away;
static struct share_watch watch;

static int fake_free(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
	(void)fs, (void)path;
	*free_bytes = (uint64_t)free_now + root.reserve_bytes;
	*total_bytes = UINT64_C(1) << 40;
	return is_away ? -ETIMEDOUT : 0;
}

static struct fs disk = {.free_bytes = fake_free};

static void keeper_starts(void)
{
	share_watch_finish(&watch);
	watch = (struct share_watch){.fs = &disk, .clock = &now_clock.base, .conf = &conf, .catalog = place.catalog};
	assert_int_equal(share_watch_look(&watch), 0);
}

static int setup(void **state)
{
	(void)state;
	place_init(&place);
	clock_fake_init(&now_clock, (struct wall){T0});
	free_now = 1e15;
	is_away = false;
	cameras[1].has_sub = false;
	assert_int_equal(db_exec(place.catalog->db, "INSERT INTO root VALUES (1, '/r', 'u');"
				 "INSERT INTO init VALUES (1, x'00', 'avc1', 2, 2, 1000000);"), 0);
	watch = (struct share_watch){0};
	keeper_starts();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	share_watch_finish(&watch);
	place_finish(&place);
	return 0;
}

/* The open file of a camera grows by so many seconds. */
static void grow(const char *camera, int64_t seconds, int64_t mbit)
{
	assert_int_equal(db_run(place.catalog->db, "INSERT INTO open_segment (file, camera, root, start, end, bytes, run, init_bytes, "
				"fragments) VALUES (?1, ?1, 1, 0, ?2, ?3, '', 0, x'') ON CONFLICT DO UPDATE SET end = end + ?2, "
				"bytes = bytes + ?3", "tii", camera, seconds * US_PER_S, seconds * mbit * MBIT), 0);
}

static void publish(const char *camera, int64_t start, int64_t seconds, int64_t bytes)
{
	assert_int_equal(db_run(place.catalog->db, "INSERT INTO segment (camera, root, start, end, bytes, init, init_bytes, fragments, "
				"frames, sequence, flags, seal_digest, run, witnessed_us) VALUES (?1, 1, ?2, ?3, ?4, 1, 1, x'', 1, 1, 0, "
				"x'', '', 0)", "tiii", camera, start, start + seconds * US_PER_S, bytes), 0);
}

static void publish_open(const char *camera, int64_t start)
{
	int64_t bytes = ask(place.catalog, "SELECT bytes FROM open_segment WHERE camera = 'flood'");
	int64_t us = ask(place.catalog, "SELECT end FROM open_segment WHERE camera = 'flood'");

	publish(camera, start, us / US_PER_S, bytes);
	assert_int_equal(db_run(place.catalog->db, "DELETE FROM open_segment WHERE camera = ?", "t", camera), 0);
}

static void look(void)
{
	clock_fake_advance(&now_clock, LOOK_S * US_PER_S);
	assert_int_equal(share_watch_look(&watch), 0);
}

static void run(int looks, int64_t good_mbit, int64_t flood_mbit)
{
	for (int i = 0; i < looks; i++) {
		grow("good", LOOK_S, good_mbit);
		grow("flood", LOOK_S, flood_mbit);
		look();
	}
}

static bool is_listed(enum share_verdict v)
{
	json_t *list = share_watch_list(&watch, v);
	bool yes = json_array_size(list) == 1 && strcmp(json_string_value(json_array_get(list, 0)), "flood") == 0;

	assert_true(yes || json_array_size(list) == 0);
	json_decref(list);
	return yes;
}

static int64_t entries(void)
{
	return ask(place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'camera.share'");
}

static void who_writes_too_much_for_a_minute_is_told_once(void **state)
{
	(void)state;
	run(2, 4, 140);
	assert_int_equal(entries(), 0);
	run(10, 4, 140);
	assert_int_equal(entries(), 1);
	assert_true(is_listed(SHARE_TOLD));
	assert_int_equal(ask(place.catalog, "SELECT json_extract(body, '$.bitrate_bps') FROM ledger WHERE kind = 'camera.share'"),
			 140000000);
}

static void a_burst_is_no_minute(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		run(1, 4, i % 3 == 2 ? 4 : 140);
	assert_int_equal(entries(), 0);
}

static void a_disk_that_would_be_full_in_a_day_refuses_who_floods_it(void **state)
{
	(void)state;
	free_now = 100e9;
	run(3, 4, 140);
	assert_true(is_listed(SHARE_REFUSED));
	run(3, 4, 0);
	assert_true(is_listed(SHARE_REFUSED));
	keeper_starts();
	assert_true(is_listed(SHARE_REFUSED)); /* and so it stays when the keeper starts */
	run(31, 4, 0);
	assert_true(is_listed(SHARE_TOLD));
	assert_int_equal(entries(), 2);
}

static void a_disk_that_is_away_refuses_nobody(void **state)
{
	(void)state;
	is_away = true;
	run(5, 4, 140);
	assert_true(is_listed(SHARE_TOLD));
}

static void what_may_be_deleted_is_room(void **state)
{
	(void)state;
	free_now = 100e9;
	publish("good", T0 - 100 * US_PER_DAY, 3600, INT64_C(2000000000000));
	keeper_starts();
	run(5, 4, 140);
	assert_true(is_listed(SHARE_TOLD));
	assert_int_equal(db_exec(place.catalog->db, "INSERT INTO hold (camera, start, end, reason, placed_by, placed_at) VALUES "
				 "('good', 0, 9e15, 'r', 'p', 0)"), 0);
	run(1, 4, 140);
	assert_true(is_listed(SHARE_REFUSED)); /* but not while it is held */
}

static void a_smaller_stream_comes_first(void **state)
{
	(void)state;
	cameras[1].has_sub = true;
	free_now = 100e9;
	run(3, 4, 140);
	assert_true(is_listed(SHARE_SUB));
	run(10, 4, 1);
	assert_true(is_listed(SHARE_SUB));
	assert_int_equal(entries(), 1);
}

static void his_habit_counts(void **state)
{
	(void)state;
	free_now = 100e9;
	for (int64_t day = 1; day <= 7; day++)
		publish("flood", T0 - day * US_PER_DAY, 7200, INT64_C(7200) * (day == 3 ? 1 : 40) * MBIT);
	keeper_starts();
	run(10, 4, 140);
	assert_int_equal(entries(), 0);
}

/* --- no high rate ------------------------------------------------------------------------------------ */

static void a_file_that_is_published_is_not_counted_twice(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		grow("flood", LOOK_S, 15);
		publish_open("flood", T0 + i * LOOK_S * US_PER_S);
		look();
	}
	assert_int_equal(entries(), 0);
}

/* Hours of footage, read in a minute: after a start, a recovery, or when a keeper was away. */
static void what_is_read_late_is_no_high_rate(void **state)
{
	(void)state;
	free_now = 1e9;
	for (int i = 0; i < 10; i++) {
		publish("flood", T0 - (i + 1) * 3600 * US_PER_S, 3600, INT64_C(3600) * 8 * MBIT);
		grow("good", 600, 8);
		look();
	}
	assert_int_equal(entries(), 0);
}

static void a_wall_clock_that_is_set_makes_no_rate(void **state)
{
	static const int64_t steps_s[] = {-3600, 86400, -400 * 86400, 2};

	(void)state;
	for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++) {
		now_clock.wall.us += steps_s[i] * US_PER_S;
		run(4, 4, 15);
	}
	assert_int_equal(entries(), 0);
}

static void a_camera_that_is_taken_out_is_forgotten(void **state)
{
	(void)state;
	free_now = 100e9;
	run(3, 4, 140);
	assert_true(is_listed(SHARE_REFUSED));
	conf.camera_count = 1;
	run(1, 4, 0);
	conf.camera_count = 2;
	assert_false(is_listed(SHARE_REFUSED));
}

/* --- what cannot be written is not decided ------------------------------------------------------------ */

static void a_verdict_that_cannot_be_told_is_not_in_force(void **state)
{
	(void)state;
	free_now = 100e9;
	assert_int_equal(db_exec(place.catalog->db, "CREATE TRIGGER sick BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'sick'); END"), 0);
	run(2, 4, 140);
	grow("flood", LOOK_S, 140);
	clock_fake_advance(&now_clock, LOOK_S * US_PER_S);
	assert_true(share_watch_look(&watch) < 0);
	assert_false(is_listed(SHARE_REFUSED));
	assert_int_equal(db_exec(place.catalog->db, "DROP TRIGGER sick"), 0);
	run(1, 4, 140);
	assert_true(is_listed(SHARE_REFUSED));
	assert_int_equal(entries(), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(who_writes_too_much_for_a_minute_is_told_once),
		TEST(a_burst_is_no_minute),
		TEST(a_disk_that_would_be_full_in_a_day_refuses_who_floods_it),
		TEST(a_disk_that_is_away_refuses_nobody),
		TEST(what_may_be_deleted_is_room),
		TEST(a_smaller_stream_comes_first),
		TEST(his_habit_counts),
		TEST(a_file_that_is_published_is_not_counted_twice),
		TEST(what_is_read_late_is_no_high_rate),
		TEST(a_wall_clock_that_is_set_makes_no_rate),
		TEST(a_camera_that_is_taken_out_is_forgotten),
		TEST(a_verdict_that_cannot_be_told_is_not_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
