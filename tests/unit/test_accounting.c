#include "catalog_fixture.h"
#include "indexer/life.h"

#include <string.h>

#define CAM "front"

/* --- a short way to say facts; seconds since T0 ------------------------------------------------ */

static struct place place;
static struct accounting acc;

static int setup(void **state)
{
	(void)state;
	place_init(&place);
	acc = begin_at(place.catalog, SEC(0));
	assert_int_equal(catalog_set_state(place.catalog, "settled_at", "0"), 0);
	assert_int_equal(account_configure(&acc, CAM, "Front", "hall"), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	expect_sound(place.catalog, CAM);
	assert_int_equal(catalog_commit(place.catalog), 0);
	place_finish(&place);
	return 0;
}

static struct wall at(double s)
{
	return (struct wall){SEC(s)};
}

static void covered(double a, double b)
{
	assert_int_equal(account_covered(&acc, CAM, LIFE_NONE, at(a), at(b)), 0);
}

static void up(double s)
{
	assert_int_equal(account_up(&acc, CAM, at(s)), 0);
}

static void down(double s, const char *cause)
{
	assert_int_equal(account_down(&acc, CAM, at(s), cause, "why"), 0);
}

static void restart(double s)
{
	assert_int_equal(account_restart(&acc, at(s)), 0);
}

static void live(double s)
{
	assert_int_equal(account_live(&acc, at(s)), 0);
}

/* Seconds that the life before had come to. */
static double now_s(void)
{
	return (double)(ask(place.catalog, "SELECT CAST(value AS INTEGER) FROM state WHERE key = 'settled_at'") - T0) / 1e6;
}

static void back(double s)
{
	assert_int_equal(account_settle(&acc, at(now_s())), 0);
	assert_int_equal(account_clock_back(&acc, at(s)), 0);
}

static void forward(double s, double to)
{
	live(s);
	assert_int_equal(account_clock_forward(&acc, at(to), SEC(to) - SEC(s)), 0);
}

static void settled(double s)
{
	live(s);
	acc.now = at(s);
	assert_int_equal(account_settle(&acc, at(s)), 0);

	struct err e = {0};
	if (catalog_check_tiling(place.catalog, CAM, &e) < 0)
		fail_msg("%s", e.text);
}

static void expect(double from, double to, const char *want)
{
	expect_tiles(place.catalog, CAM, from, to, want);
}

static void expect_gaps(int64_t n)
{
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM gap WHERE end IS NULL OR end > start"), n);
}

/* --- what a disk did not keep ------------------------------------------------------------------- */

static void lost(double a, double b)
{
	assert_int_equal(account_lost(&acc, CAM, at(a), at(b), "storage_failed", "why"), 0);
}

static void what_a_disk_lost_is_a_gap_between_its_neighbours(void **state)
{
	(void)state;
	up(0);
	covered(0, 10);
	covered(14, 20);
	lost(8, 16);
	expect(0, 20, "R 0 10 | G 10 14 storage_failed | R 14 20");
	expect_gaps(1);
	covered(10, 12); /* and if it turns up after all, it is footage */
	expect(0, 20, "R 0 12 | G 12 14 storage_failed | R 14 20");
	settled(20);
}

/* --- enrolment ------------------------------------------------------------------------------------ */

static void a_camera_that_connects_at_once_has_no_gap(void **state)
{
	(void)state;
	up(3);
	covered(3, 10);
	settled(12);
	expect(-5, 20, "N -5 3 | R 3 10 | P 10 20");
	expect_gaps(0);
}

static void a_camera_that_never_answered_is_in_a_gap_since_it_was_configured(void **state)
{
	(void)state;
	settled(1);
	expect(-5, 5, "N -5 0 | P 0 5");
	down(2, "camera_unreachable");
	settled(10);
	expect(-5, 20, "N -5 0 | G 0 10 camera_unreachable | P 10 20");
	up(12);
	covered(12, 15);
	settled(15);
	expect(0, 20, "G 0 12 camera_unreachable | R 12 15 | P 15 20");
	expect_gaps(1);
}

static void retirement_and_return(void **state)
{
	(void)state;
	up(0);
	covered(0, 9);
	acc.now = at(10);
	assert_int_equal(account_retire(&acc, CAM), 0);
	settled(12);
	expect(0, 20, "R 0 9 | N 9 20");
	acc.now = at(100);
	assert_int_equal(account_configure(&acc, CAM, "Front", "hall"), 0);
	up(101);
	covered(101, 110);
	settled(110);
	expect(0, 110, "R 0 9 | N 9 101 | R 101 110");
	expect_gaps(0);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'camera.enrolled'"), 2);
}

/* It has no open gap, and that is no reason to leave the others out. */
static void silence_is_not_about_a_retired_camera(void **state)
{
	(void)state;
	up(0);
	covered(0, 9);
	acc.now = at(10);
	assert_int_equal(account_retire(&acc, CAM), 0);
	assert_int_equal(account_silent(&acc, at(20)), 0);
	expect_gaps(0);
}

static void a_camera_retired_while_down_leaves_a_closed_gap(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	down(5, "stream_stalled");
	acc.now = at(10);
	assert_int_equal(account_retire(&acc, CAM), 0);
	settled(30);
	expect(0, 20, "R 0 5 | G 5 10 stream_stalled | N 10 20");
}

/* --- outages ------------------------------------------------------------------------------------------ */

static void an_outage_is_one_gap_whatever_its_causes(void **state)
{
	(void)state;
	up(0);
	covered(0, 10);
	down(10, "stream_stalled");
	down(20, "camera_unreachable");
	down(30, "camera_refused");
	settled(35);
	expect(0, 40, "R 0 10 | G 10 35 stream_stalled | P 35 40");
	up(40);
	covered(40, 50);
	settled(50);
	expect(0, 50, "R 0 10 | G 10 40 stream_stalled | R 40 50");
	assert_int_equal(ask(place.catalog, "SELECT json_array_length(history) FROM gap"), 2);
	expect_gaps(1);
}

static void footage_told_after_down_fills_up_to_it(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	down(10, "stream_stalled");
	covered(5, 10);
	settled(11);
	expect(0, 11, "R 0 10 | G 10 11 stream_stalled");
	expect_gaps(1);
}

static void a_lost_file_is_a_gap_of_its_own(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	down(10, "stream_stalled");
	settled(11);
	expect(0, 11, "R 0 5 | G 5 10 footage_missing | G 10 11 stream_stalled");
}

static void a_hole_between_files_is_missing_or_damaged(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	covered(6, 8);
	assert_int_equal(db_run(place.catalog->db, "INSERT INTO damaged VALUES ('x', ?, ?, ?)", "tii", CAM, SEC(8), SEC(9)), 0);
	covered(9, 10);
	settled(10);
	expect(0, 10, "R 0 5 | G 5 6 footage_missing | R 6 8 | G 8 9 footage_damaged | R 9 10");
}

static void a_file_that_comes_back_narrows_and_splits(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	covered(20, 30);
	settled(30);
	covered(10, 12);
	settled(31);
	expect(0, 30, "R 0 5 | G 5 10 footage_missing | R 10 12 | G 12 20 footage_missing | R 20 30");
	covered(4, 11);
	covered(11, 20);
	settled(32);
	expect(0, 30, "R 0 30");
	expect_gaps(0);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM gap"), 2); /* rows are never deleted */
}

static void an_awaited_file_holds_the_judgement_back(void **state)
{
	struct db *db = place.catalog->db;

	(void)state;
	assert_int_equal(db_run(db, "INSERT INTO root VALUES (1, '/r', 'u')", ""), 0);
	up(0);
	covered(0, 5);
	assert_int_equal(db_run(db, "INSERT INTO open_segment (file, camera, root, start, end, bytes, run, init_bytes, "
				"fragments) VALUES ('f.open', ?, 1, ?, ?, 0, '', 0, x'')", "tii", CAM, SEC(0), SEC(5)), 0);
	down(10, "stream_stalled");
	settled(11);
	expect(0, 11, "R 0 5 | P 5 10 | G 10 11 stream_stalled");
	settled(70); /* nobody told of it for a minute */
	expect(0, 11, "R 0 5 | G 5 10 footage_missing | G 10 11 stream_stalled");
}

/* --- the recorder ------------------------------------------------------------------------------------------ */

static void a_crash_is_one_gap_after_what_was_recovered(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	settled(5);
	restart(9);
	up(12);
	covered(12, 14); /* the new run is on disk before recovery is finished */
	covered(0, 7);   /* recovered */
	settled(14);
	expect(0, 14, "R 0 7 | G 7 12 recorder_down | R 12 14");
	expect_gaps(1);
}

static void a_crash_is_told_as_soon_as_recovery_is_known(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	restart(9);
	settled(10);
	expect(0, 11, "R 0 5 | G 5 10 recorder_down | P 10 11");
	up(12);
	settled(12);
	expect(0, 13, "R 0 5 | G 5 12 recorder_down | P 12 13");
	expect_gaps(1);
}

static void a_camera_that_fails_after_the_restart_gets_its_own_cause(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	restart(9);
	settled(10);
	down(9, "camera_unreachable");
	settled(20);
	expect(0, 20, "R 0 5 | G 5 9 recorder_down | G 9 20 camera_unreachable");
	expect_gaps(2);
}

static void the_same_when_it_fails_before_recovery_is_finished(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	restart(9);
	down(9, "camera_unreachable");
	covered(5, 7);
	settled(20);
	expect(0, 20, "R 0 7 | G 7 9 recorder_down | G 9 20 camera_unreachable");
}

static void a_gap_open_at_the_crash_stays_open(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	down(5, "stream_stalled");
	restart(9);
	settled(10);
	down(9, "camera_unreachable");
	up(15);
	covered(15, 16);
	settled(16);
	expect(0, 16, "R 0 5 | G 5 15 stream_stalled | R 15 16");
	assert_int_equal(ask(place.catalog, "SELECT json_array_length(history) FROM gap"), 2);
}

static void two_restarts_without_a_word_are_one_gap(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	restart(9);
	restart(20);
	up(22);
	covered(22, 25);
	settled(25);
	expect(0, 25, "R 0 5 | G 5 22 recorder_down | R 22 25");
	expect_gaps(1);
}

static void two_crashes_before_any_recovery_are_two_gaps(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	restart(9);
	up(10);
	covered(10, 12);
	restart(15);
	up(16);
	covered(16, 17);
	settled(18);
	expect(0, 17, "R 0 5 | G 5 10 recorder_down | R 10 12 | G 12 16 recorder_down | R 16 17");
	expect_gaps(2);
}

static void silence_opens_and_recovery_corrects(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	assert_int_equal(account_silent(&acc, at(20)), 0);
	settled(20);
	expect(0, 20, "R 0 5 | G 5 20 recorder_down");
	restart(60);
	covered(0, 7);
	up(62);
	covered(62, 64);
	settled(64);
	expect(0, 64, "R 0 7 | G 7 62 recorder_down | R 62 64");
	expect_gaps(1);
}

static void a_recorder_that_was_only_slow_leaves_no_gap(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	assert_int_equal(account_silent(&acc, at(20)), 0);
	covered(0, 25);
	settled(25);
	expect(0, 25, "R 0 25");
	expect_gaps(0);
}

/* --- the clock --------------------------------------------------------------------------------------------------- */

static void a_step_forward_is_a_gap(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	down(5, "clock_stepped");
	up(3605);
	covered(3605, 3610);
	settled(3610);
	expect(0, 3610, "R 0 5 | G 5 3605 clock_stepped | R 3605 3610");
}

static void time_lived_twice_is_recorded_by_both_or_a_gap(void **state)
{
	(void)state;
	up(0);
	covered(0, 100);
	live(100.2);
	down(100, "clock_stepped");
	back(40);
	expect(0, 110, "R 0 40 | P 40 110");
	settled(40.5);
	expect(0, 110, "R 0 40 | G 40 40.5 clock_stepped | P 40.5 110");
	live(50);
	up(41);
	covered(41, 50);
	settled(50);
	expect(0, 110, "R 0 40 | G 40 41 clock_stepped | R 41 50 | P 50 110");
	live(60);
	down(50, "camera_unreachable");
	settled(60);
	live(112);
	up(110);
	covered(110, 112);
	settled(112);
	expect(0, 112, "R 0 40 | G 40 41 clock_stepped | R 41 50 | G 50 110 camera_unreachable | R 110 112");
	expect_gaps(2);
}

/* What the first life lost stays lost, though the second one recorded that time. */
static void a_gap_of_the_first_life_stays(void **state)
{
	(void)state;
	up(0);
	covered(0, 50);
	live(60);
	down(50, "camera_unreachable");
	up(60);
	live(100);
	covered(60, 90);
	down(90, "stream_stalled");
	settled(100);
	back(40);
	live(45);
	up(41);
	live(99);
	covered(41, 98);
	settled(99);
	expect(0, 99, "R 0 40 | G 40 41 stream_stalled | R 41 50 | G 50 60 camera_unreachable | R 60 90 | G 90 99 stream_stalled");
	live(105);
	covered(98, 105);
	settled(105);
	expect(0, 105, "R 0 40 | G 40 41 stream_stalled | R 41 50 | G 50 60 camera_unreachable | R 60 90 | G 90 100 stream_stalled | "
	       "R 100 105");
	expect_gaps(3);
}

/* An outage of the second life goes around one of the first. */
static void gaps_of_two_lives_do_not_overlap(void **state)
{
	(void)state;
	up(0);
	covered(0, 50);
	live(60);
	down(50, "camera_unreachable");
	up(60);
	live(80);
	covered(60, 80);
	down(80, "clock_stepped");
	back(40);
	live(45);
	up(40);
	covered(40, 45);
	live(70);
	down(45, "stream_stalled");
	settled(70);
	live(90);
	up(75);
	covered(75, 90);
	settled(90);
	expect(0, 90, "R 0 45 | G 45 50 stream_stalled | G 50 60 camera_unreachable | G 60 75 stream_stalled | R 75 90");
}

/* What a life that was set back did not come to is as it was. */
static void a_clock_set_back_and_forth_takes_only_what_was_lived_again(void **state)
{
	(void)state;
	up(0);
	covered(0, 100);
	live(100);
	down(100, "clock_stepped");
	back(40);
	live(45);
	up(41);
	covered(41, 45);
	down(45, "clock_stepped");
	forward(45, 105);
	live(120);
	up(106);
	covered(106, 120);
	settled(120);
	expect(0, 120, "R 0 40 | G 40 41 clock_stepped | R 41 100 | G 100 106 clock_stepped | R 106 120");
}

/* The end of the old life's last file is told after the step. Where it never comes, that is its loss. */
static void a_late_file_of_the_first_life_counts_up_to_the_step(void **state)
{
	struct db *db = place.catalog->db;

	(void)state;
	assert_int_equal(db_run(db, "INSERT INTO root VALUES (1, '/r', 'u')", ""), 0);
	assert_int_equal(db_run(db, "INSERT INTO open_segment (file, camera, root, start, end, bytes, run, init_bytes, "
				"fragments) VALUES ('f.open', ?, 1, ?, ?, 0, '', 0, x'')", "tii", CAM, SEC(0), SEC(95)), 0);
	up(0);
	covered(0, 95);
	live(100);
	down(100, "clock_stepped");
	back(98);
	live(105);
	int64_t before;
	assert_int_equal(life_before(place.catalog, CAM, SEC(0), INT64_MAX, &before), 0);
	assert_int_not_equal(before, LIFE_NONE);
	up(99);
	covered(99, 105);
	settled(105);
	expect(0, 105, "R 0 95 | P 95 98 | G 98 99 clock_stepped | R 99 105");
	assert_int_equal(account_covered(&acc, CAM, before, at(0), at(99.5)), 0);
	assert_int_equal(db_exec(db, "UPDATE open_segment SET complete = 1, end = end + 4500000"), 0);
	settled(106);
	expect(0, 105, "R 0 98 | G 98 99 clock_stepped | R 99 99.5 | G 99.5 100 footage_missing | R 100 105");
}

static void a_clock_that_was_far_ahead_hides_no_outage(void **state)
{
	(void)state;
	up(0);
	covered(0, 5);
	down(5, "clock_stepped");
	forward(5, 1e6);
	live(1e6 + 5);
	up(1e6);
	covered(1e6, 1e6 + 5);
	settled(1e6 + 5);
	down(1e6 + 5, "clock_stepped");
	back(20);
	live(30);
	up(22);
	covered(22, 30);
	settled(30);
	live(40);
	down(30, "camera_unreachable");
	settled(40);
	live(60);
	up(50);
	covered(50, 60);
	settled(60);
	live(70);
	down(60, "storage_full");
	settled(70);
	live(1e6 + 30);
	up(1e6 + 20); /* that much later */
	covered(1e6 + 20, 1e6 + 30);
	settled(1e6 + 30);
	expect(1e6 - 1, 1e6 + 30, "G 999999 1.00002e+06 storage_full | R 1.00002e+06 1.00003e+06");
	expect(0, 60, "R 0 5 | G 5 20 clock_stepped | G 20 22 clock_stepped | R 22 30 | G 30 50 camera_unreachable | R 50 60");
}

/* Whatever the clock does, what was recorded before stays, and what comes after is accounted for: also an
 * outage in time that is lived twice, and one after it. */
static void stepped_by(double step)
{
	double t = 200000, b = t + 0.3 + step, again = t > b + 60 ? t : b + 60;

	up(0);
	covered(0, t - 4);
	live(t + 0.3);
	down(t, "clock_stepped");
	covered(t - 4, t); /* the tail of its file comes behind the fact */
	if (step < 0)
		back(b);
	else
		forward(t + 0.3, b);
	live(b + 50);
	up(b + 2);
	covered(b + 2, b + 50);
	settled(b + 50);
	live(b + 60);
	down(b + 50, "camera_unreachable");
	settled(b + 60);
	live(again + 10);
	up(b + 60);
	covered(b + 60, again + 10);
	settled(again + 10);
	live(again + 20);
	down(again + 10, "stream_stalled");
	settled(again + 20);
	live(again + 30);
	up(again + 20);
	covered(again + 20, again + 30);
	settled(again + 30);
}

static int64_t sum_of(const char *camera, enum tile_state state, double from, double to);

static void expect_seconds(enum tile_state state, double from, double to, double want)
{
	assert_int_equal(sum_of(CAM, state, from, to), SEC(want) - T0);
}

static void a_step_of_1_s_forward(void **state)
{
	(void)state;
	stepped_by(1);
	expect(199990, 200091.3, "R 199990 200000 | G 200000 200003 clock_stepped | R 200003 200051 | "
	       "G 200051 200061 camera_unreachable | R 200061 200071 | G 200071 200081 stream_stalled | R 200081 200091");
	expect_gaps(3);
}

static void a_step_of_1_s_back(void **state)
{
	(void)state;
	stepped_by(-1);
	expect(199990, 200089.3, "R 199990 199999 | G 199999 200001 clock_stepped | R 200001 200049 | "
	       "G 200049 200059 camera_unreachable | R 200059 200069 | G 200069 200079 stream_stalled | R 200079 200089");
	expect_gaps(3);
}

static void a_step_of_1_h_forward(void **state)
{
	(void)state;
	stepped_by(3600);
	expect_seconds(TILE_GAP, 0, 203690.3, 3602.3 + 20);
	expect_seconds(TILE_RECORDED, 0, 203690.3, 203690.3 - 3622.3);
	expect_gaps(3);
}

static void a_step_of_1_day_forward(void **state)
{
	(void)state;
	stepped_by(86400);
	expect_seconds(TILE_GAP, 0, 286490.3, 86402.3 + 20);
	expect_gaps(3);
}

static void lived_twice(double step)
{
	stepped_by(step);
	expect_seconds(TILE_RECORDED, 0, 200030, 200030 - 2 - 10 - 10);
	expect_seconds(TILE_GAP, 0, 200030, 22);
	expect(200000, 200030, "R 200000 200010 | G 200010 200020 stream_stalled | R 200020 200030");
	expect_gaps(3);
}

static void a_step_of_1_h_back(void **state)
{
	(void)state;
	lived_twice(-3600);
}

static void a_step_of_1_day_back(void **state)
{
	(void)state;
	lived_twice(-86400);
}

/* A box without a clock of its own, started for the first time: the obligation begins when it began, not 56
 * years before. What it recorded meanwhile stands where it was placed. */
static void a_new_box_that_boots_in_1970_and_gets_the_time_later(void **state)
{
	struct wall boot = {10 * US_PER_S}, first = {30 * US_PER_S}, end = {300 * US_PER_S};

	(void)state;
	assert_int_equal(db_exec(place.catalog->db, "DELETE FROM camera"), 0);
	acc.now = boot;
	assert_int_equal(account_configure(&acc, CAM, "Front", "hall"), 0);
	assert_int_equal(account_configure(&acc, "back", "Back", "hall"), 0);
	assert_int_equal(account_down(&acc, CAM, boot, "camera_unreachable", "x"), 0);
	assert_int_equal(account_up(&acc, CAM, first), 0);
	assert_int_equal(account_covered(&acc, CAM, LIFE_NONE, first, end), 0);
	assert_int_equal(account_live(&acc, end), 0);
	assert_int_equal(account_down(&acc, CAM, end, "clock_stepped", "x"), 0);
	assert_int_equal(account_clock_forward(&acc, at(300), SEC(300) - end.us), 0);
	settled(301);
	up(302);
	covered(302, 310);
	settled(310);
	expect(-100, 310, "N -100 10 | G 10 302 clock_stepped | R 302 310");
	/* the camera that nobody had a word on yet is no older */
	assert_int_equal(account_down(&acc, "back", boot, "camera_unreachable", "x"), 0);
	assert_int_equal(ask(place.catalog, "SELECT enrolled_at FROM camera WHERE id = 'back'"), SEC(10));
}

/* A box that has recorded for long, and comes back from a power cut in 1970. */
static void a_box_that_boots_in_1970_and_gets_the_time_later(void **state)
{
	struct wall boot = {10 * US_PER_S}, first = {30 * US_PER_S}, end = {90 * US_PER_S};

	(void)state;
	up(0);
	covered(0, 100);
	settled(100);
	assert_int_equal(account_clock_back(&acc, boot), 0);
	assert_int_equal(account_restart(&acc, boot), 0);
	assert_int_equal(account_settle(&acc, boot), 0);
	assert_int_equal(account_up(&acc, CAM, first), 0);
	assert_int_equal(account_covered(&acc, CAM, LIFE_NONE, first, end), 0);
	assert_int_equal(account_live(&acc, end), 0);
	assert_int_equal(account_down(&acc, CAM, end, "clock_stepped", "x"), 0);
	assert_int_equal(account_clock_forward(&acc, at(300), SEC(300) - end.us), 0);
	settled(301);
	up(302);
	covered(302, 310);
	settled(310);
	expect(-100, 310, "N -100 0 | R 0 100 | G 100 302 clock_stepped | R 302 310");
	expect_gaps(1);
}

/* Just after a step forward all files look old. The tail of one that is still being sealed is awaited. */
static void a_step_forward_makes_no_file_old(void **state)
{
	struct db *db = place.catalog->db;

	(void)state;
	assert_int_equal(db_run(db, "INSERT INTO root VALUES (1, '/r', 'u')", ""), 0);
	up(0);
	covered(0, 5);
	assert_int_equal(db_run(db, "INSERT INTO open_segment (file, camera, root, start, end, bytes, run, init_bytes, "
				"fragments) VALUES ('f.open', ?, 1, ?, ?, 0, '', 0, x'')", "tii", CAM, SEC(0), SEC(5)), 0);
	down(10, "clock_stepped");
	acc.stepped = true;
	settled(3610);
	expect(0, 11, "R 0 5 | P 5 10 | G 10 11 clock_stepped");
	covered(0, 10);
	assert_int_equal(db_exec(db, "DELETE FROM open_segment"), 0);
	acc.stepped = false;
	settled(3611);
	expect(0, 11, "R 0 10 | G 10 11 clock_stepped");
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM gap"), 1);
}

/* --- any sequence ------------------------------------------------------------------------------------------------------ */

/* A recorder, a camera and a clock that go by chance. What it recorded it remembers. */
struct world {
	uint64_t seed;
	double now, run_start, durable, end, latest; /* latest: that the clock has shown */
	bool up, down, recovering;
	struct { double a, b; } recorded[400];
	int count, outages;
};

static double chance(struct world *w, double max)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (double)(uint32_t)(w->seed >> 33) / 2147483648.0 * max;
}

/* Whole microseconds, so that the model's sums are exact. */
static double later(struct world *w, double max)
{
	w->now += 0.001 + (double)(int64_t)(chance(w, max) * 1e6) / 1e6;
	w->now = (double)(int64_t)(w->now * 1e6 + 0.5) / 1e6;
	return w->now;
}

static void remember(struct world *w, double a, double b)
{
	w->recorded[w->count].a = a;
	w->recorded[w->count++].b = b;
}

static void go_up(struct world *w)
{
	w->run_start = w->durable = later(w, 3);
	up(w->run_start);
	w->up = true;
	w->down = false;
}

static void go_down(struct world *w)
{
	double end = later(w, 3);

	if (chance(w, 1) < 0.5) { /* either order */
		covered(w->run_start, end);
		down(end, "stream_stalled");
	} else {
		down(end, "stream_stalled");
		covered(w->run_start, end);
	}
	remember(w, w->run_start, end);
	w->up = false;
	w->down = true;
	w->outages++;
}

static void crash(struct world *w)
{
	double recovered = w->durable, start;
	bool word_first = chance(w, 1) < 0.5, comes = chance(w, 1) < 0.6, was_up = w->up;

	if (was_up && chance(w, 1) < 0.7)
		recovered = later(w, 2);
	if (was_up && recovered > w->run_start)
		remember(w, w->run_start, recovered);
	start = later(w, 10);
	if (chance(w, 1) < 0.3) {
		assert_int_equal(account_silent(&acc, at(start)), 0);
		start = later(w, 10);
	}
	restart(start);
	w->up = false;
	if (!word_first && was_up) {
		covered(w->run_start, recovered);
		settled(start);
	}
	double old_run = w->run_start;
	w->outages += was_up;
	if (comes) {
		go_up(w);
	} else {
		down(start, "camera_unreachable");
		w->outages += was_up;
		w->down = true;
	}
	if (word_first && was_up)
		covered(old_run, recovered);
}

static void step_world(struct world *w)
{
	double dice = chance(w, 1);

	if (dice < 0.15) {
		crash(w);
	} else if (w->down && dice < 0.4) {
		down(later(w, 5), "camera_refused");
	} else if (w->down) {
		go_up(w);
	} else if (dice < 0.6) {
		w->durable = later(w, 5);
		covered(w->run_start, w->durable);
	} else if (dice < 0.9) {
		go_down(w);
	} else { /* the clock jumps ahead */
		go_down(w);
		w->now += (double)(int)chance(w, 3600);
	}
	settled(w->now + 0.5);
}

struct sums { int64_t at, recorded; unsigned gaps; };

struct state_sum { enum tile_state state; int64_t us; };

static int add_state(void *arg, const struct tile *t)
{
	struct state_sum *s = arg;

	s->us += t->state == s->state ? t->end.us - t->start.us : 0;
	return 0;
}

static int64_t sum_of(const char *camera, enum tile_state state, double from, double to)
{
	struct state_sum s = {.state = state};

	assert_int_equal(catalog_tiles(place.catalog, camera, at(from), at(to), add_state, &s), 0);
	return s.us;
}

static int add_up(void *arg, const struct tile *t)
{
	struct sums *s = arg;

	assert_int_equal(t->start.us, s->at);
	s->at = t->end.us;
	s->recorded += t->state == TILE_RECORDED ? t->end.us - t->start.us : 0;
	s->gaps += t->state == TILE_GAP;
	return 0;
}

static void every_second_is_accounted_for(const struct world *w)
{
	struct sums s = {.at = SEC(-10)};
	int64_t recorded = 0;

	for (int i = 0; i < w->count; i++)
		recorded += SEC(w->recorded[i].b) - SEC(w->recorded[i].a);
	if (w->up)
		recorded += SEC(w->durable) - SEC(w->run_start);
	assert_int_equal(catalog_tiles(place.catalog, CAM, at(-10), at(w->now + 100), add_up, &s), 0);
	assert_int_equal(s.at, SEC(w->now + 100));
	assert_int_equal(s.recorded, recorded);
	assert_int_equal(s.gaps, w->outages);
}

static void begin_anew(void)
{
	char camera_gone[] = "DELETE FROM camera; DELETE FROM account; DELETE FROM obligation; DELETE FROM gap; "
			     "DELETE FROM span; DELETE FROM restart";

	assert_int_equal(db_exec(place.catalog->db, camera_gone), 0);
	acc.now = at(0);
	assert_int_equal(account_configure(&acc, CAM, "Front", "hall"), 0);
}

static void any_sequence_of_facts_is_accounted_for(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world w = {.seed = seed};
		begin_anew();
		go_up(&w);
		for (int i = 0; i < 60; i++) {
			step_world(&w);
			every_second_is_accounted_for(&w);
		}
	}
}

/* --- what is too short to be a gap ------------------------------------------------------------------- */

static int64_t told(const char *kind)
{
	char *sql = xasprintf("SELECT count(*) FROM ledger WHERE kind = '%s'", kind);
	int64_t n = ask(place.catalog, sql);

	free(sql);
	return n;
}

static void commit(void)
{
	assert_int_equal(catalog_commit(place.catalog), 0);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM gap_untold"), 0);
	assert_int_equal(catalog_begin(place.catalog), 0);
}

static void a_hole_under_a_millisecond_is_coverage(void **state)
{
	(void)state;
	up(0);
	covered(0, 10);
	covered(10.000999, 20);
	covered(20.001, 30);
	settled(30);
	expect(0, 30, "R 0 20 | G 20 20.001 footage_missing | R 20.001 30");
	expect(10.0001, 10.0005, "R 10.0001 10.0005"); /* wherever one asks from */
	expect(10.0005, 15, "R 10.0005 15");
	expect_gaps(1);
}

static void an_outage_that_ends_where_it_began_was_none(void **state)
{
	(void)state;
	up(0);
	covered(0, 10);
	down(10, "stream_unusable");
	up(10);
	covered(10, 20);
	commit();
	down(20, "stream_unusable");
	up(20.0009);
	covered(20.0009, 30);
	commit();
	settled(30);
	expect(0, 30, "R 0 30");
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM gap"), 0);
	assert_int_equal(told("gap.opened") + told("gap.closed") + told("gap.withdrawn"), 0);
}

/* The recorder was only late with its word. */
static void one_that_was_told_too_early_is_withdrawn(void **state)
{
	(void)state;
	up(0);
	covered(0, 10);
	assert_int_equal(account_silent(&acc, at(10)), 0);
	commit();
	covered(10, 20);
	settled(20);
	commit();
	expect(0, 20, "R 0 20");
	assert_int_equal(told("gap.opened"), 1);
	assert_int_equal(told("gap.closed"), 0);
	assert_int_equal(told("gap.withdrawn"), 1);
	expect_gaps(0);
}

/* Steps around a millisecond, and some long ones. */
static double little(struct world *w)
{
	static const int64_t us[] = {0, 1, 2, 400, 500, 998, 999, 1000, 1001, 2000, 700000, 9000000};

	w->now += (double)us[(size_t)chance(w, 12)] / 1e6;
	return w->now = (double)(int64_t)(w->now * 1e6 + 0.5) / 1e6;
}

static void say_anything(struct world *w)
{
	double a = little(w), b = little(w), back_to = a - chance(w, 3);

	switch ((int)chance(w, 8)) {
	case 0: up(a); break;
	case 1: down(a, "stream_stalled"); break;
	case 2: down(b, "camera_unreachable"); break;
	case 3: restart(b); break;
	case 4: lost(a, b); break;
	case 5: covered(back_to, b); break;
	case 6: assert_int_equal(account_silent(&acc, at(now_s())), 0); break;
	default: covered(a, b); break;
	}
}

static void no_sequence_of_facts_makes_a_gap_under_a_millisecond(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world w = {.seed = seed};
		begin_anew();
		up(little(&w));
		for (int i = 0; i < 60; i++) {
			say_anything(&w);
			if (chance(&w, 1) < 0.4)
				settled(w.now);
			if (chance(&w, 1) < 0.4)
				commit();
			assert_int_equal(ask(place.catalog, "SELECT count(*) FROM gap WHERE end > start AND end < start + 1000"), 0);
		}
		settled(w.now + 10);
	}
	commit();
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'gap.closed' AND body ->> 'duration_us' < 1000"), 0);
	assert_true(told("gap.closed") > 100);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_camera_that_connects_at_once_has_no_gap),
		T(a_camera_that_never_answered_is_in_a_gap_since_it_was_configured),
		T(retirement_and_return),
		T(a_camera_retired_while_down_leaves_a_closed_gap), T(silence_is_not_about_a_retired_camera),
		T(an_outage_is_one_gap_whatever_its_causes),
		T(footage_told_after_down_fills_up_to_it),
		T(a_lost_file_is_a_gap_of_its_own),
		T(a_hole_between_files_is_missing_or_damaged),
		T(a_file_that_comes_back_narrows_and_splits),
		T(an_awaited_file_holds_the_judgement_back),
		T(what_a_disk_lost_is_a_gap_between_its_neighbours),
		T(a_crash_is_one_gap_after_what_was_recovered),
		T(a_crash_is_told_as_soon_as_recovery_is_known),
		T(a_camera_that_fails_after_the_restart_gets_its_own_cause),
		T(the_same_when_it_fails_before_recovery_is_finished),
		T(a_gap_open_at_the_crash_stays_open),
		T(two_restarts_without_a_word_are_one_gap),
		T(two_crashes_before_any_recovery_are_two_gaps),
		T(silence_opens_and_recovery_corrects),
		T(a_recorder_that_was_only_slow_leaves_no_gap),
		T(a_step_forward_is_a_gap),
		T(time_lived_twice_is_recorded_by_both_or_a_gap),
		T(a_gap_of_the_first_life_stays),
		T(gaps_of_two_lives_do_not_overlap),
		T(a_clock_set_back_and_forth_takes_only_what_was_lived_again),
		T(a_late_file_of_the_first_life_counts_up_to_the_step),
		T(a_clock_that_was_far_ahead_hides_no_outage),
		T(a_step_of_1_s_forward),
		T(a_step_of_1_s_back),
		T(a_step_of_1_h_forward),
		T(a_step_of_1_h_back),
		T(a_step_of_1_day_forward),
		T(a_step_of_1_day_back),
		T(a_new_box_that_boots_in_1970_and_gets_the_time_later),
		T(a_box_that_boots_in_1970_and_gets_the_time_later),
		T(a_step_forward_makes_no_file_old),
		T(a_hole_under_a_millisecond_is_coverage), T(an_outage_that_ends_where_it_began_was_none),
		T(one_that_was_told_too_early_is_withdrawn), T(no_sequence_of_facts_makes_a_gap_under_a_millisecond),
		T(any_sequence_of_facts_is_accounted_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
