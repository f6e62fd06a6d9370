/* What rots is found, costs what it must and no more, and is told once. */
#include "indexer/scrub.h"
#include "keeper_box.h"

#include <math.h>

static struct site_box box;
static struct scrub scrub;

/* Three files of five fragments of a second each: [1, 6), [6, 11) and [11, 16). */
static void publish_three(void)
{
	say_up(&box, 1);
	for (int from = 1; from < 16; from += 5) {
		say_open(&box, from);
		int64_t bytes = put_file(&box, from, from + 5, ".mp4", true);
		say_sealed(&box, from, from + 5, bytes);
	}
	advance_to(&box, 17);
	say_beat(&box, 99, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 16, "R 1 16");
}

static void scrub_start(void)
{
	assert_int_equal(scrub_init(&scrub, fs_real(), &box.clock.base, &box.conf, box.place.catalog), 0);
}

static int setup(void **state)
{
	(void)state;
	box_init(&box);
	box.conf.scrub_us = 30 * US_PER_DAY;
	publish_three();
	scrub_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	expect_sound(box.place.catalog, CAM);
	box_finish(&box);
	return 0;
}

static char *path_of(int from)
{
	char name[256];

	segment_archive_name(name, CAM, (struct wall){SEC(from)});
	return xasprintf("%s/archive/%s", box.root, name);
}

static long size_of(int from)
{
	char *path = path_of(from);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	free(path);
	return st.st_size;
}

static void flip(int from, long at)
{
	char *path = path_of(from);
	FILE *f = fopen(path, "r+");

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	int byte = fgetc(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_equal(fputc(byte ^ 1, f), byte ^ 1);
	assert_int_equal(fclose(f), 0);
	free(path);
}

/* Where fragment n of a file begins. */
static long fragment_at(int n)
{
	struct buf b = {0};

	fixture_init(&b);
	for (int i = 0; i < n; i++)
		fixture_fragment(&b, &(struct fixture_fragment){.start = {SEC(1 + i)}, .tfdt = (uint64_t)i * 1000000,
								.sequence = (uint32_t)i + 1, .frames = 25, .frame_us = 40000});
	long at = (long)b.len;
	buf_finish(&b);
	return at;
}

/* One job; whether there was one. */
static bool step(void)
{
	struct scrub_job j;
	int rc = scrub_next(&scrub, &j);

	assert_in_range(rc, 0, 1);
	if (rc == 0)
		return false;
	scrub_read(&j);
	assert_int_equal(scrub_apply(&scrub, &j), 0);
	return true;
}

/* Reads everything once, then lets the accounting look. */
static void read_all(void)
{
	while (step())
		;
	say_beat(&box, 99, 0);
	assert_int_equal(run(&box), 0);
}

/* Time goes on to the next round. */
static void next_round(void)
{
	clock_fake_advance(&box.clock, box.conf.scrub_us);
}

static int64_t told(const char *kind)
{
	int64_t n = 0;

	assert_int_equal(db_int(box.place.catalog->db, &n, "SELECT count(*) FROM ledger WHERE kind = ?", "t", kind), 0);
	return n;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void a_sound_archive_stays_as_it_is(void **state)
{
	(void)state;
	read_all();
	assert_int_equal(scrub.now.rounds, 1);
	assert_int_equal(scrub.now.damaged + scrub.now.missing, 0);
	expect_tiles(box.place.catalog, CAM, 1, 16, "R 1 16");
	assert_false(step()); /* the next round has its time */
	next_round();
	assert_true(step());
}

static void a_damaged_byte_costs_one_fragment(void **state)
{
	static const int inside[] = {40 /* moof */, 400 /* media */};

	(void)state;
	for (int i = 0; i < 2; i++) {
		flip(1 + 5 * i, fragment_at(2) + inside[i]);
		read_all();
		next_round();
	}
	expect_tiles(box.place.catalog, CAM, 1, 16, "R 1 3 | G 3 4 footage_damaged | R 4 8 | G 8 9 footage_damaged | R 9 16");
	assert_int_equal(told("footage.damaged"), 2);
	assert_int_equal(told("gap.closed"), 2);
	assert_int_equal(scrub.now.damaged, 2);
	read_all();
	read_all();
	assert_int_equal(told("footage.damaged"), 2);
}

static void neighbours_are_one_gap(void **state)
{
	(void)state;
	flip(1, fragment_at(1) + 400);
	flip(1, fragment_at(2) + 400);
	flip(1, fragment_at(4) + 400);
	read_all();
	expect_tiles(box.place.catalog, CAM, 1, 16, "R 1 2 | G 2 4 footage_damaged | R 4 5 | G 5 6 footage_damaged | R 6 16");
	assert_int_equal(told("footage.damaged"), 2);
}

static void a_cut_file_keeps_what_is_whole(void **state)
{
	char *path = path_of(6);

	(void)state;
	assert_int_equal(truncate(path, fragment_at(3) + 10), 0);
	read_all();
	expect_tiles(box.place.catalog, CAM, 1, 16, "R 1 9 | G 9 11 footage_damaged | R 11 16");
	free(path);
}

static void without_its_beginning_a_file_is_lost(void **state)
{
	(void)state;
	flip(6, 200); /* in the stsd */
	read_all();
	expect_tiles(box.place.catalog, CAM, 1, 16, "R 1 6 | G 6 11 footage_damaged | R 11 16");
}

static void a_spoilt_seal_is_told_once_and_costs_no_time(void **state)
{
	(void)state;
	flip(1, size_of(1) - 1);
	for (int i = 0; i < 3; i++) {
		read_all();
		next_round();
	}
	expect_tiles(box.place.catalog, CAM, 1, 16, "R 1 16");
	assert_int_equal(told("footage.damaged"), 1);
}

static void a_missing_file_is_a_gap(void **state)
{
	char *path = path_of(1);

	(void)state;
	assert_int_equal(unlink(path), 0);
	read_all();
	expect_tiles(box.place.catalog, CAM, 1, 16, "G 1 6 footage_missing | R 6 16");
	assert_int_equal(told("footage.missing"), 1);
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM segment"), 2);
	assert_int_equal(scrub.now.missing, 1);
	free(path);
}

static void a_disk_that_is_away_is_not_blamed(void **state)
{
	char *away = xasprintf("%s.away", box.root);

	(void)state;
	assert_int_equal(rename(box.root, away), 0);
	while (step())
		;
	assert_int_equal(rename(away, box.root), 0);
	read_all();
	expect_tiles(box.place.catalog, CAM, 1, 16, "R 1 16");
	assert_int_equal(told("footage.missing"), 0);
	free(away);
}

static void what_retention_took_meanwhile_is_nothing(void **state)
{
	struct scrub_job j;
	char *path = path_of(1);

	(void)state;
	assert_int_equal(scrub_next(&scrub, &j), 1);
	assert_int_equal(unlink(path), 0);
	scrub_read(&j);
	assert_int_equal(j.rc, -ENOENT);
	assert_int_equal(db_run(box.place.catalog->db, "DELETE FROM segment WHERE id = ?", "i", j.segment), 0);
	assert_int_equal(scrub_apply(&scrub, &j), 0);
	assert_int_equal(told("footage.missing"), 0);
	free(path);
}

static void a_suspect_comes_first(void **state)
{
	(void)state;
	flip(6, fragment_at(0) + 400);
	scrub_suspect(&scrub, "nobody", (struct wall){SEC(1)});
	scrub_suspect(&scrub, CAM, (struct wall){SEC(6)});
	assert_int_equal(scrub_wait_us(&scrub), 0);
	assert_true(step());
	assert_int_equal(told("footage.damaged"), 1);
	assert_int_equal(scrub.now.round_bytes, 0); /* the round is where it was */
}

static void it_goes_on_where_it_was(void **state)
{
	(void)state;
	assert_true(step());
	assert_int_equal(scrub_save(&scrub), 0);
	int64_t bytes = scrub.now.round_bytes;
	assert_true(bytes > 0);
	scrub_start();
	assert_int_equal(scrub.now.round_bytes, bytes);
	assert_true(step());
	assert_true(step());
	assert_false(step());
	assert_int_equal(scrub.now.rounds, 1);
}

/* Everything in five sixths of the period, at an even pace; and again. */
static void a_round_takes_its_time(void **state)
{
	int64_t began = box.clock.mono.us, aim = box.conf.scrub_us / 6 * 5;

	(void)state;
	while (scrub.now.rounds == 0) {
		step();
		clock_fake_advance(&box.clock, scrub_wait_us(&scrub));
	}
	assert_true(llabs(box.clock.mono.us - began - aim) < aim / 50);
	assert_in_range(scrub.now.round_before.us, SEC(0), SEC(20));
}

static void time_that_was_lost_is_made_up_for(void **state)
{
	(void)state;
	assert_true(step());
	int64_t usual = scrub_wait_us(&scrub);
	clock_fake_advance(&box.clock, box.conf.scrub_us / 6 * 4);
	assert_true(step());
	assert_true(scrub_wait_us(&scrub) < usual * 7 / 10);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_sound_archive_stays_as_it_is), T(a_damaged_byte_costs_one_fragment), T(neighbours_are_one_gap),
		T(a_cut_file_keeps_what_is_whole), T(without_its_beginning_a_file_is_lost),
		T(a_spoilt_seal_is_told_once_and_costs_no_time), T(a_missing_file_is_a_gap), T(a_disk_that_is_away_is_not_blamed),
		T(what_retention_took_meanwhile_is_nothing), T(a_suspect_comes_first), T(it_goes_on_where_it_was),
		T(a_round_takes_its_time), T(time_that_was_lost_is_made_up_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
