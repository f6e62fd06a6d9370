/* Files of the archive that go away, change what they are, or come back: what the catalogue says of them. */
#include "indexer/presence_watch.h"
#include "keeper_fixture.h"
#include "media/root_identity.h"

#include <unistd.h>

#define MINUTE (60 * US_PER_S)

static struct keeper_box box;
static struct scrub scrub;
static struct presence presence;
static struct presence_watch watch;

static void begin_presence(void)
{
	assert_int_equal(scrub_init(&scrub, box.fs, &box.clock.base, &box.conf, box.place.catalog), 0);
	presence_init(&presence, &(struct presence){.fs = box.fs, .clock = &box.clock.base, .conf = &box.conf, .catalog = box.place.catalog,
						    .indexer = box.ix, .scrub = &scrub});
	assert_int_equal(presence_watch_init(&watch, &presence), 0);
}

static int setup(void **state)
{
	(void)state;
	keeper_init(&box, 2);
	box.conf.scrub_us = 30 * US_PER_DAY;
	begin_presence();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	presence_watch_finish(&watch);
	presence_finish(&presence);
	keeper_finish(&box);
	return 0;
}

static int64_t count(const char *sql) { return ask(box.place.catalog, sql); }
#define MISSING "SELECT count(*) FROM ledger WHERE kind = 'footage.missing'"

/* Everything that is due until then. */
static void look_for(int64_t us)
{
	const int64_t until = box.clock.mono.us + us;
	struct presence_job j;
	int rc;

	for (;;) {
		presence_watch_read(&watch);
		while ((rc = presence_next(&presence, &j)) > 0) {
			presence_read(&j);
			assert_int_equal(presence_apply(&presence, &j), 0);
		}
		assert_int_equal(rc, 0);
		int64_t wait = presence_wait_us(&presence) + 1;
		if (box.clock.mono.us + wait > until)
			break;
		clock_fake_advance(&box.clock, wait);
	}
	keeper_say_beat(&box);
	assert_int_equal(keeper_index(&box), 0);
}

static char *path_of(unsigned camera, int64_t start) { return keeper_archived(&box, camera, start); }

static void move_path(const char *from, const char *to)
{
	char *a = xasprintf("%s/archive/%s", box.root, from), *b = xasprintf("%s/%s", box.root, to);

	assert_int_equal(rename(a, b), 0);
	free(a);
	free(b);
}

static void move_back(const char *from, const char *to)
{
	char *a = xasprintf("%s/%s", box.root, from), *b = xasprintf("%s/archive/%s", box.root, to);

	assert_int_equal(rename(a, b), 0);
	free(a);
	free(b);
}

/* Minutes [0, count) of camera 0, and one of camera 1. */
static void record(int minutes)
{
	for (int i = 0; i < minutes; i++)
		keeper_record(&box, 0, T0 + i * MINUTE, T0 + (i + 1) * MINUTE);
	keeper_record(&box, 1, T0 + minutes * MINUTE, T0 + (minutes + 1) * MINUTE);
	presence_watch_refresh(&watch);
	look_for(US_PER_S);
}

static void put_instead(int64_t start, int (*make)(const char *path))
{
	char *path = keeper_archived(&box, 0, start);

	assert_int_equal(unlink(path), 0);
	if (make)
		assert_int_equal(make(path), 0);
	free(path);
}

static int make_fifo(const char *path) { return mkfifo(path, 0644); }
static int make_link(const char *path) { return symlink("/dev/zero", path); }
static int make_folder(const char *path) { return mkdir(path, 0755); }

/* --- nobody waits for what is no file ---------------------------------------------------------------- */

static void fsck_waits_for_no_fifo_and_follows_no_link(void **state)
{
	static int (*const makes[])(const char *path) = {make_fifo, make_link, make_folder};

	(void)state;
	for (unsigned i = 0; i < sizeof makes / sizeof *makes; i++) {
		keeper_record(&box, 0, T0 + i * MINUTE, T0 + (i + 1) * MINUTE);
		put_instead(T0 + i * MINUTE, makes[i]);
		struct keeper_findings f = keeper_fsck(&box, true);
		assert_int_equal(f.count, i + 1);
		assert_non_null(strstr(f.first, "is no regular file"));
	}
}

/* --- the sweep ------------------------------------------------------------------------------------------ */

static void what_is_gone_is_a_gap_within_the_hour_and_told_once(void **state)
{
	(void)state;
	record(5);
	presence_watch_finish(&watch);
	for (int i = 1; i < 4; i++)
		put_instead(T0 + i * MINUTE, i == 1 ? NULL : i == 2 ? make_fifo : make_folder);
	look_for(2 * PRESENCE_SWEEP_US);
	expect_tiles(box.place.catalog, "cam-00", 0, 300, "R 0 60 | G 60 240 footage_missing | R 240 300");
	assert_int_equal(count(MISSING), 1);
	assert_int_equal(count(MISSING " AND camera = 'cam-00' AND json_extract(body, '$.files') = 3"), 1);
	look_for(3 * PRESENCE_SWEEP_US);
	assert_int_equal(count(MISSING), 1);
}

static void a_link_is_no_file(void **state)
{
	(void)state;
	record(2);
	presence_watch_finish(&watch);
	put_instead(T0, make_link);
	look_for(2 * PRESENCE_SWEEP_US);
	expect_tiles(box.place.catalog, "cam-00", 0, 120, "G 0 60 footage_missing | R 60 120");
}

static void a_disk_that_is_away_makes_no_gap(void **state)
{
	char *identity = xasprintf("%s/.holdfast", box.root);

	(void)state;
	record(3);
	move_path("cam-00", "elsewhere");
	assert_int_equal(unlink(identity), 0);
	look_for(3 * PRESENCE_SWEEP_US);
	assert_int_equal(count(MISSING), 0);
	expect_tiles(box.place.catalog, "cam-00", 0, 180, "R 0 180");
	keeper_identify(&box, box.uuid);
	move_back("elsewhere", "cam-00");
	look_for(2 * PRESENCE_SWEEP_US);
	assert_int_equal(count(MISSING), 0);
	free(identity);
}

/* It went away while the folders were read. */
static void a_disk_that_goes_away_meanwhile_makes_no_gap(void **state)
{
	char *identity = xasprintf("%s/.holdfast", box.root);
	struct presence_job j;
	int rc;

	(void)state;
	record(3);
	move_path("cam-00", "elsewhere");
	clock_fake_advance(&box.clock, 2 * PRESENCE_SWEEP_US);
	presence_hint(&presence, 1, "cam-00", NULL);
	clock_fake_advance(&box.clock, US_PER_S);
	rc = presence_next(&presence, &j);
	assert_int_equal(rc, 1);
	assert_string_equal(j.camera, "cam-00");
	presence_read(&j);
	assert_int_equal(unlink(identity), 0);
	assert_int_equal(presence_apply(&presence, &j), 0);
	assert_int_equal(count(MISSING), 0);
	free(identity);
}

static void a_file_that_was_cut_is_read_within_a_day(void **state)
{
	char *path;

	(void)state;
	record(2);
	presence_watch_finish(&watch);
	path = path_of(0, T0);
	assert_int_equal(truncate(path, 100), 0);
	look_for((PRESENCE_PARTS + 1) * PRESENCE_SWEEP_US);
	assert_true(scrub.suspect_count > 0);
	assert_string_equal(scrub.suspects[0].camera, "cam-00");
	assert_int_equal(scrub.suspects[0].at.us, T0);
	free(path);
}

/* --- at once ---------------------------------------------------------------------------------------------- */

static void what_is_removed_is_a_gap_at_once(void **state)
{
	(void)state;
	record(3);
	put_instead(T0 + MINUTE, NULL);
	look_for(2 * US_PER_S);
	expect_tiles(box.place.catalog, "cam-00", 0, 180, "R 0 60 | G 60 120 footage_missing | R 120 180");
}

/* A disk on which one file may not be opened, whoever asks. */
static struct { struct fs base; char *path; } closed;

static int closed_open(struct fs *fs, const char *path, int flags, mode_t mode)
{
	return strcmp(path, closed.path) == 0 ? -EACCES : fs_real()->open(fs, path, flags, mode);
}

static void what_nobody_may_open_is_a_gap_after_three_tries(void **state)
{
	char *path;

	(void)state;
	record(3);
	path = path_of(0, T0 + MINUTE);
	closed.base = *fs_real();
	closed.base.open = closed_open;
	closed.path = path;
	presence.fs = &closed.base;
	assert_int_equal(chmod(path, 0), 0);
	look_for(PRESENCE_RETRY_US);
	assert_int_equal(count(MISSING), 0);
	look_for(3 * PRESENCE_RETRY_US);
	assert_int_equal(count(MISSING), 1);
	expect_tiles(box.place.catalog, "cam-00", 0, 180, "R 0 60 | G 60 120 footage_missing | R 120 180");
	free(path);
}

static void a_renamed_folder_is_a_gap_and_plays_again_when_it_returns(void **state)
{
	(void)state;
	record(4);
	move_path("cam-00", "elsewhere");
	look_for(2 * US_PER_S);
	expect_tiles(box.place.catalog, "cam-00", 0, 240, "G 0 240 footage_missing");
	assert_int_equal(count(MISSING), 1);
	assert_int_equal(count("SELECT count(*) FROM segment WHERE camera = 'cam-00'"), 0);
	move_back("elsewhere", "cam-00");
	look_for(2 * US_PER_S);
	assert_int_equal(count("SELECT count(*) FROM segment WHERE camera = 'cam-00'"), 4);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'footage.returned' AND json_extract(body, '$.files') = 4"), 1);
	expect_tiles(box.place.catalog, "cam-00", 0, 240, "G 0 240 footage_missing");
	keeper_expect_sound(&box);
	move_path("cam-00", "elsewhere"); /* and again */
	look_for(2 * US_PER_S);
	assert_int_equal(count(MISSING), 2);
	expect_tiles(box.place.catalog, "cam-00", 0, 240, "G 0 240 footage_missing");
	keeper_expect_sound(&box);
}

static void another_cameras_file_under_the_name_is_read_at_once(void **state)
{
	char *a, *b;

	(void)state;
	record(3);
	a = path_of(0, T0);
	b = path_of(1, T0 + 3 * MINUTE);
	assert_int_equal(unlink(a), 0);
	assert_int_equal(link(b, a), 0);
	assert_int_equal(truncate(b, 50), 0); /* of another size */
	look_for(2 * US_PER_S);
	assert_true(scrub.suspect_count > 0);
	free(a);
	free(b);
}

static void a_file_that_is_no_footage_is_not_taken_up(void **state)
{
	char *path;

	(void)state;
	record(2);
	path = path_of(0, T0 + 100 * MINUTE);
	assert_int_equal(fs_replace(fs_real(), path, "nothing", 7, 0644), 0);
	look_for(2 * US_PER_S);
	look_for(2 * PRESENCE_SWEEP_US);
	assert_int_equal(count("SELECT count(*) FROM segment WHERE camera = 'cam-00'"), 2);
	free(path);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(fsck_waits_for_no_fifo_and_follows_no_link),
		T(what_is_gone_is_a_gap_within_the_hour_and_told_once),
		T(a_link_is_no_file),
		T(a_disk_that_is_away_makes_no_gap),
		T(a_disk_that_goes_away_meanwhile_makes_no_gap),
		T(a_file_that_was_cut_is_read_within_a_day),
		T(what_is_removed_is_a_gap_at_once),
		T(what_nobody_may_open_is_a_gap_after_three_tries),
		T(a_renamed_folder_is_a_gap_and_plays_again_when_it_returns),
		T(another_cameras_file_under_the_name_is_read_at_once),
		T(a_file_that_is_no_footage_is_not_taken_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
