/* A catalogue that was lost is made again from the files: what is on the disk is covered as before. */
#include "keeper_box.h"

#include "indexer/catalog_internal.h"
#include "indexer/fsck.h"

static struct site_box box;

/* Three days ago the first file; since the journal's files of then are pruned, only files tell of it. */
static void publish(int from, int to)
{
	say_open(&box, from);
	int64_t bytes = put_file(&box, from, to, ".mp4", true);
	say_sealed(&box, from, to, bytes);
}

static int setup(void **state)
{
	(void)state;
	box_init(&box);
	box.conf.keep_days = 95;
	say_up(&box, 1);
	publish(1, 6);
	publish(6, 11);
	say_down(&box, 11);
	say_up(&box, 20);
	publish(20, 26);
	publish(26, 31);
	advance_to(&box, 31);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 31, "R 1 11 | G 11 20 stream_stalled | R 20 31");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	expect_sound(box.place.catalog, CAM);
	box_finish(&box);
	return 0;
}

static void lose_catalogue(void)
{
	keeper_die(&box);
	place_lose_catalog(&box.place);
}

/* The journal begins anew: nobody knows of what was before. */
static void lose_journal_before_the_start(void)
{
	char *dir = xasprintf("%s/journal", box.place.dir);
	struct err e;

	journal_close(box.journal);
	place_remove(dir);
	assert_int_equal(journal_open(fs_real(), &box.clock.base, dir, &box.journal, &e), 0);
	free(dir);
}

static void lose_journal(void)
{
	lose_journal_before_the_start();
	say_start(&box, "boot-1");
	say(&box, "ready", json_object());
}

static int64_t told(const char *kind)
{
	int64_t n = 0;

	assert_int_equal(db_int(box.place.catalog->db, &n, "SELECT count(*) FROM ledger WHERE kind = ?", "t", kind), 0);
	return n;
}

static void on_finding(void *arg, const char *text)
{
	(void)arg;
	fail_msg("%s", text);
}

static void expect_fsck_clean(void)
{
	struct fsck f = {.fs = fs_real(), .conf = &box.conf, .finding = on_finding};
	struct err e;

	assert_int_equal(fsck_run(&f, &e), 0);
	assert_int_equal(f.files, 4);
}

static void with_the_journal_all_is_as_before(void **state)
{
	(void)state;
	lose_catalogue();
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 31, "R 1 11 | G 11 20 stream_stalled | R 20 31");
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM segment"), 4);
	assert_int_equal(told("catalog.lost"), 1);
	assert_int_equal(told("catalog.rebuilt"), 1);
	expect_fsck_clean();
}

static void move_identity(const char *from, const char *to)
{
	char *was = xasprintf("%s/%s", box.root, from), *now = xasprintf("%s/%s", box.root, to);

	assert_int_equal(rename(was, now), 0);
	free(was);
	free(now);
}

/* The disk is mounted late: the catalogue is made again from it all the same, once it is there. */
static void a_disk_that_comes_later_is_looked_at_then(void **state)
{
	(void)state;
	lose_catalogue();
	lose_journal();
	move_identity(".holdfast", "away");
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	say_down(&box, 40); /* enrolled: its obligation begins too late */
	advance_to(&box, 45);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	assert_int_equal(told("catalog.lost"), 0);
	keeper_die(&box);
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	move_identity("away", ".holdfast");
	advance_to(&box, 60);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	advance_to(&box, 75);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM segment"), 4);
	assert_int_equal(told("catalog.lost"), 1);
	assert_int_equal(told("catalog.rebuilt"), 1);
	expect_tiles(box.place.catalog, CAM, 1, 31, "R 1 11 | G 11 20 footage_missing | R 20 31");
	expect_fsck_clean();
}

static void without_the_journal_coverage_is_and_a_hole_has_no_cause(void **state)
{
	(void)state;
	lose_catalogue();
	lose_journal();
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	say_up(&box, 31);
	publish(31, 36);
	advance_to(&box, 40);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 36, "R 1 11 | G 11 20 footage_missing | R 20 36");
}

/* The clock was ahead, and set back by 20 s; then the camera was away for a while. */
/* Who has no key yet can judge no seal: the archive is looked at when the recorder has named one. */
static void a_keeper_that_is_there_before_the_recorder_waits(void **state)
{
	(void)state;
	lose_catalogue();
	lose_journal_before_the_start();
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM segment"), 0);
	say_start(&box, "boot-1");
	say(&box, "ready", json_object());
	assert_int_equal(run(&box), 0);
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM segment"), 4);
	assert_int_equal(told("catalog.rebuilt"), 1);
}

static void set_back_and_away(void)
{
	box.clock.wall.us -= 20 * US_PER_S;
	say(&box, "clock", json_pack("{sI sb}", "step_us", (json_int_t)(-20 * US_PER_S), "synced", 1));
	say_up(&box, 13);
	publish(13, 16);
	advance_to(&box, 24);
	say_down(&box, 16);
	say_up(&box, 24);
	publish(24, 29);
	publish(29, 34);
	advance_to(&box, 34);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
}

static void steps_of_the_clock_are_told_by_the_journal(void **state)
{
	(void)state;
	say_down(&box, 31);
	set_back_and_away();
	expect_tiles(box.place.catalog, CAM, 1, 34, "R 1 11 | G 11 20 stream_stalled | G 20 24 stream_stalled | R 24 34");
	lose_catalogue();
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 34, "R 1 11 | G 11 20 stream_stalled | G 20 24 stream_stalled | R 24 34");
}

static void only_files_tell_of_a_step(void)
{
	say_down(&box, 31);
	set_back_and_away();
	lose_catalogue();
	lose_journal();
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	say_up(&box, 34);
	publish(34, 36);
	advance_to(&box, 40);
}

/* The order of the seals says it. */
static void or_by_the_files_alone(void **state)
{
	struct err e = {0};

	(void)state;
	only_files_tell_of_a_step();
	assert_int_equal(run(&box), 0);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 36, "R 1 11 | G 11 13 footage_missing | R 13 16 | G 16 24 footage_missing | R 24 36");
	if (catalog_check_claims(box.place.catalog, CAM, &e) < 0)
		fail_msg("%s", e.text);
}

static void a_camera_of_before_is_found_and_retired(void **state)
{
	(void)state;
	lose_catalogue();
	box.conf.camera_count = 0;
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM camera WHERE retired_at IS NOT NULL"), 1);
	expect_tiles(box.place.catalog, CAM, 1, 35, "R 1 11 | G 11 20 footage_missing | R 20 31 | N 31 35");
	box.conf.camera_count = 1;
}

static void age_is_what_was_filmed_since(void **state)
{
	(void)state;
	lose_catalogue();
	lose_journal();
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	/* 11 seconds of footage were made after the second file */
	assert_int_equal(ask(box.place.catalog, "SELECT (SELECT max(witnessed_us) FROM segment) - witnessed_us FROM segment "
			     "WHERE sequence = 2"), 11 * US_PER_S);
}

static void footage_from_before_what_is_kept_obliges_to_nothing(void **state)
{
	(void)state;
	enum { LATER = 200 * 86400 };
	advance_to(&box, LATER + 5);
	publish(LATER, LATER + 5);
	assert_int_equal(run(&box), 0);
	lose_catalogue();
	lose_journal();
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 31, "R 1 11 | N 11 20 | R 20 31");
	expect_tiles(box.place.catalog, CAM, LATER - 10, LATER + 5, "N 1.728e+07 1.728e+07 | R 1.728e+07 1.728e+07");
}

/* It goes on where it was, and whatever day comes first. */
static void a_keeper_that_dies_meanwhile_goes_on(void **state)
{
	bool more;

	(void)state;
	lose_catalogue();
	keeper_start(&box);
	assert_int_equal(indexer_step(box.ix, &more), 0);
	keeper_die(&box);
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 31, "R 1 11 | G 11 20 stream_stalled | R 20 31");
	assert_int_equal(told("catalog.rebuilt"), 1);
}

/* Time passes with every look at the clock, so that a step does little. */
static struct mono ticking(struct clock *c)
{
	struct clock_fake *fake = (struct clock_fake *)c;

	fake->mono.us += 60 * US_PER_MS;
	return fake->mono;
}

static void start_slowly(void)
{
	lose_catalogue();
	box.clock.base.mono_now = ticking;
	keeper_start(&box);
}

static void go_on_fast(void)
{
	struct clock_fake model;

	clock_fake_init(&model, box.clock.wall);
	box.clock.base = model.base;
}

static bool is_all_there_after(unsigned steps)
{
	bool more = true;

	start_slowly();
	for (unsigned i = 0; i < steps && more; i++)
		assert_int_equal(indexer_step(box.ix, &more), 0);
	bool whole = told("catalog.rebuilt") > 0;
	go_on_fast();
	keeper_die(&box);
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	return whole;
}

/* Wherever it died: files, ages, and a step of the clock with the coverage that it takes away. */
static void a_keeper_that_dies_after_any_step_goes_on(void **state)
{
	unsigned steps = 0;

	(void)state;
	only_files_tell_of_a_step();
	for (bool whole = false; !whole; steps++) {
		struct err e = {0};
		whole = is_all_there_after(steps);
		expect_tiles(box.place.catalog, CAM, 1, 36, "R 1 11 | G 11 13 footage_missing | R 13 16 | G 16 24 footage_missing | R 24 36");
		if (catalog_check_claims(box.place.catalog, CAM, &e) < 0)
			fail_msg("after %u steps: %s", steps, e.text);
		assert_int_equal(told("catalog.rebuilt"), 1);
		assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM state WHERE key LIKE 'recount%'"), 0);
		assert_int_equal(ask(box.place.catalog, "SELECT (SELECT witnessed_us FROM segment WHERE sequence = 6) - witnessed_us "
				     "FROM segment WHERE sequence = 1"), 24 * US_PER_S);
	}
	assert_true(steps > 10);
}

/* What it recorded before lies there; each file that is found would move the gap's start, and be written into its history. */
static void a_recorder_that_is_silent_meanwhile_has_no_gap_yet(void **state)
{
	bool more = true;

	(void)state;
	say_up(&box, 31);
	assert_int_equal(run(&box), 0);
	start_slowly();
	while (more && told("catalog.rebuilt") == 0) {
		box.clock.mono.us += 20 * US_PER_S;
		assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM gap WHERE end IS NULL"), 0);
		assert_int_equal(indexer_step(box.ix, &more), 0);
	}
	go_on_fast();
	box.clock.mono.us += 20 * US_PER_S;
	assert_int_equal(run(&box), 0);
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM gap WHERE end IS NULL"), 1);
}

static void threads_that_read_ahead_change_nothing(void **state)
{
	(void)state;
	lose_catalogue();
	keeper_start(&box);
	indexer_read_ahead(box.ix, 3);
	assert_int_equal(run(&box), 0);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 31, "R 1 11 | G 11 20 stream_stalled | R 20 31");
	expect_fsck_clean();
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_disk_that_comes_later_is_looked_at_then),
		T(with_the_journal_all_is_as_before), T(without_the_journal_coverage_is_and_a_hole_has_no_cause),
		T(a_keeper_that_is_there_before_the_recorder_waits),
		T(steps_of_the_clock_are_told_by_the_journal),
		T(or_by_the_files_alone),
		T(a_camera_of_before_is_found_and_retired), T(age_is_what_was_filmed_since),
		T(footage_from_before_what_is_kept_obliges_to_nothing), T(a_keeper_that_dies_meanwhile_goes_on),
		T(a_keeper_that_dies_after_any_step_goes_on), T(a_recorder_that_is_silent_meanwhile_has_no_gap_yet),
		T(threads_that_read_ahead_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
