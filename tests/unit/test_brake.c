/* No clock, no journal, no old state and no setting makes more go than falls due: the witnessed age and the brake. */
#include "keeper_fixture.h"
#include "indexer/brake_lift.h"
#include "indexer/consent.h"
#include "retention/brake.h"

#include <errno.h>

#define DAY US_PER_DAY
#define HOUR (3600 * US_PER_S)
#define MINUTE (60 * US_PER_S)
#define HOURS_A_FILE 1

/* A disk whose room the test decides. */
static struct { struct fs base; uint64_t short_of; } disk;

static int disk_free_bytes(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
	(void)fs, (void)path;
	*total_bytes = 0;
	*free_bytes = (UINT64_C(256) << 20) - disk.short_of;
	return 0;
}

static struct keeper_box box;

static int setup(void **state)
{
	(void)state;
	disk.base = *fs_real();
	disk.base.free_bytes = disk_free_bytes;
	disk.short_of = 0;
	keeper_init(&box, 2);
	box.fs = box.reaper.fs = &disk.base;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return keeper_finish_sound(&box);
}

static int64_t count(const char *sql) { return ask(box.place.catalog, sql); }
static int64_t witnessed(void) { return count("SELECT CAST(value AS INTEGER) FROM state WHERE key = 'witnessed_us'"); }

#define PAUSES "SELECT count(*) FROM ledger WHERE kind = 'retention.paused' AND json_extract(body, '$.paused') = "

/* Whole days of a camera, in files of an hour. */
static void record_days(unsigned camera, int64_t start, int days)
{
	for (int i = 0; i < days * 24 / HOURS_A_FILE; i++)
		keeper_record(&box, camera, start + i * HOURS_A_FILE * HOUR, start + (i + 1) * HOURS_A_FILE * HOUR);
}

static void restart_keeper(void)
{
	keeper_die(&box);
	assert_int_equal(keeper_try(&box), 0);
}

/* --- the age -------------------------------------------------------------------------------------- */

/* As a recorder that was taken over would write it. */
static void forge_beats(int64_t ahead_us)
{
	int64_t mono = box.clock.mono.us;

	box.clock.mono.us += ahead_us;
	keeper_say_beat(&box);
	box.clock.mono.us = mono;
	assert_int_equal(keeper_index(&box), 0);
}

static void a_forged_journal_and_a_wrong_clock_delete_nothing(void **state)
{
	(void)state;
	keeper_record(&box, 0, T0, T0 + 5 * MINUTE);
	disk.short_of = 1 << 20;
	box.clock.wall.us += 100 * DAY;
	forge_beats(100 * DAY);
	forge_beats(200 * DAY);
	for (int synced = 0; synced < 2; synced++) {
		box.clock.is_synced = synced;
		keeper_pass(&box, 10 * US_PER_S);
		assert_int_equal(keeper_reap(&box), 0);
		restart_keeper();
		assert_int_equal(keeper_reap(&box), 0);
	}
	assert_true(keeper_has(&box, 0, T0));
	assert_true(witnessed() < HOUR);
}

static void forged_boots_are_no_time(void **state)
{
	int64_t before;

	(void)state;
	keeper_record(&box, 0, T0, T0 + 5 * MINUTE);
	before = witnessed();
	for (int i = 0; i < 50; i++) {
		keeper_say_start(&box, i % 2 ? "boot-1" : "boot-0");
		forge_beats(i * 10 * DAY);
	}
	assert_int_equal(witnessed(), before);
}

static void another_boot_begins_at_nothing(void **state)
{
	int64_t before;

	(void)state;
	keeper_pass(&box, DAY);
	before = witnessed();
	box.clock.base.boot = "boot-2"; /* its clock is ahead of the one before, which says nothing */
	box.clock.mono.us += 200 * DAY;
	restart_keeper();
	assert_int_equal(witnessed(), before);
	keeper_pass(&box, HOUR);
	assert_int_equal(witnessed(), before + HOUR);
}

static void the_kernel_counted_while_the_keeper_was_away(void **state)
{
	int64_t before = witnessed();

	(void)state;
	keeper_die(&box);
	clock_fake_advance(&box.clock, DAY);
	assert_int_equal(keeper_try(&box), 0);
	assert_int_equal(witnessed(), before + DAY);
}

static void a_boot_without_a_name_witnesses_nothing(void **state)
{
	int64_t before = witnessed();

	(void)state;
	box.clock.base.boot = "";
	restart_keeper();
	keeper_pass(&box, DAY);
	assert_int_equal(witnessed(), before);
}

/* A total of 0.1 goes on; what was noted of records then is not added again. */
static void a_total_of_before_is_carried_over_once(void **state)
{
	(void)state;
	assert_int_equal(db_exec(box.place.catalog->db, "UPDATE state SET value = '8640000000000' WHERE key = 'witnessed_us'; "
				 "DELETE FROM state WHERE key = 'witness_seen'"), 0);
	restart_keeper();
	restart_keeper();
	assert_int_equal(witnessed(), 100 * DAY);
	keeper_pass(&box, MINUTE);
	assert_int_equal(witnessed(), 100 * DAY + MINUTE);
}

static void copy_catalog(const char *from, const char *to)
{
	char *a = xasprintf("%s/%s", box.place.dir, from), *b = xasprintf("%s/%s", box.place.dir, to), *data;
	size_t len;

	assert_int_equal(fs_read_all(fs_real(), a, 64 << 20, &data, &len), 0);
	assert_int_equal(fs_replace(fs_real(), b, data, len, 0644), 0);
	free(data);
	free(a);
	free(b);
}

static void remove_wal(void)
{
	char *wal = xasprintf("%s/catalog.db-wal", box.place.dir), *shm = xasprintf("%s/catalog.db-shm", box.place.dir);

	unlink(wal);
	unlink(shm);
	free(wal);
	free(shm);
}

/* What came after the old catalogue is found in the archive, and is as old as its being found. */
static void an_old_catalogue_makes_nothing_older(void **state)
{
	(void)state;
	keeper_record(&box, 0, T0, T0 + 5 * MINUTE);
	assert_int_equal(db_exec(box.place.catalog->db, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	keeper_die(&box);
	copy_catalog("catalog.db", "old.db");
	assert_int_equal(keeper_try(&box), 0);
	keeper_record(&box, 0, T0 + DAY, T0 + DAY + 5 * MINUTE);
	keeper_die(&box);
	copy_catalog("old.db", "catalog.db");
	remove_wal();
	box.clock.base.boot = "boot-2";
	box.clock.wall.us += 100 * DAY;
	assert_int_equal(keeper_try(&box), 0);
	assert_int_equal(keeper_index(&box), 0);
	disk.short_of = 1 << 20;
	assert_int_equal(keeper_reap(&box), 0);
	assert_true(keeper_has(&box, 0, T0) && keeper_has(&box, 0, T0 + DAY));
}

/* --- the brake ---------------------------------------------------------------------------------------- */

static void no_more_than_two_days_go_in_a_day_through_restarts(void **state)
{
	int64_t end = T0 + 6 * DAY;

	(void)state;
	record_days(0, T0, 6);
	keeper_record(&box, 1, end, end + MINUTE);
	keeper_pass(&box, 200 * DAY);
	assert_int_equal(keeper_reap(&box), 2 * 24 / HOURS_A_FILE + 1); /* the other camera does not wait with it */
	for (int i = 0; i < 3; i++) {
		restart_keeper();
		assert_int_equal(keeper_reap(&box), 0);
		keeper_pass(&box, 7 * HOUR);
	}
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, 5 * HOUR);
	assert_int_equal(keeper_reap(&box), 2 * 24 / HOURS_A_FILE);
	assert_int_equal(count("SELECT count(*) FROM segment"), 2 * 24 / HOURS_A_FILE);
}

static void who_waits_is_told_once_and_when_it_is_over(void **state)
{
	(void)state;
	record_days(0, T0, 6);
	keeper_pass(&box, 200 * DAY);
	keeper_reap(&box);
	assert_int_equal(count(PAUSES "1 AND json_extract(body, '$.cameras') = '[\"cam-00\"]'"), 1);
	for (int i = 0; i < 30; i++) {
		restart_keeper();
		keeper_reap(&box);
		keeper_pass(&box, HOUR);
	}
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'retention.paused'"), 1);
	for (int i = 0; i < 60; i++) {
		keeper_reap(&box);
		keeper_pass(&box, HOUR);
	}
	assert_int_equal(count("SELECT count(*) FROM segment"), 0);
	assert_int_equal(count(PAUSES "1"), 1);
	assert_int_equal(count(PAUSES "0 AND json_extract(body, '$.cameras') = '[\"cam-00\"]'"), 1);
}

static void want_of_room_is_braked_like_age(void **state)
{
	(void)state;
	record_days(0, T0, 6);
	keeper_pass(&box, T0 + 6 * DAY + 92 * DAY - box.clock.wall.us); /* all past the floor, four days of it not past keep */
	disk.short_of = 200 << 20;
	assert_int_equal(keeper_reap(&box), 2 * 24 / HOURS_A_FILE);
	keeper_pass(&box, 12 * HOUR);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(count(PAUSES "1 AND json_extract(body, '$.pressed') = 1"), 1);
}

static void a_lower_keep_is_braked(void **state)
{
	(void)state;
	record_days(0, T0, 6);
	box.conf.keep_days = 300;
	keeper_reap(&box);
	keeper_pass(&box, 200 * DAY);
	box.conf.keep_days = 95;
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, 8 * DAY);
	assert_int_equal(keeper_reap(&box), 2 * 24 / HOURS_A_FILE);
}

static int lift(const struct person *by)
{
	assert_int_equal(catalog_begin(box.place.catalog), 0);
	int rc = brake_lift(box.place.catalog, box.clock.wall, "a hold of two years ended", by);
	assert_int_equal(catalog_end(box.place.catalog, rc < 0 ? rc : 0), rc < 0 ? rc : 0);
	return rc;
}

static void two_persons_lift_it_for_a_day(void **state)
{
	const int a_day = 24 / HOURS_A_FILE;
	struct person zhao = place_account(box.place.catalog, "zhao", "admin", PERSON_BOX);
	struct person wu = place_account(box.place.catalog, "wu", "admin", PERSON_BOX);

	(void)state;
	record_days(0, T0, 8);
	assert_int_equal(lift(&zhao), -ENOENT); /* nothing waits */
	keeper_pass(&box, T0 + 6 * DAY + 95 * DAY - box.clock.wall.us); /* six days are due */
	assert_int_equal(keeper_reap(&box), 2 * a_day);
	assert_int_equal(lift(&zhao), CONSENT_ASK);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(lift(&zhao), CONSENT_ASK); /* one person is no two */
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(lift(&wu), CONSENT_GIVE);
	restart_keeper();
	assert_int_equal(keeper_reap(&box), 4 * a_day); /* and nothing that is not due */
	assert_int_equal(count("SELECT count(*) FROM segment"), 2 * a_day);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'retention.released' AND json_extract(body, '$.by') = 'wu' AND "
			       "json_extract(body, '$.requested_by') = 'zhao'"), 1);
}

/* Every minute somewhere a file falls due, and the ledger is told once a day, of all cameras. */
static void what_expires_is_told_once_a_day_for_all_cameras(void **state)
{
	const int days = 3, files = days * 24 / HOURS_A_FILE * 2;

	(void)state;
	record_days(0, T0, days);
	record_days(1, T0, days);
	keeper_pass(&box, T0 + 95 * DAY - box.clock.wall.us);
	for (int hour = 0; hour < (days + 1) * 24 + 1; hour++) {
		keeper_pass(&box, HOUR);
		if (hour % 7 == 0)
			restart_keeper();
		keeper_reap(&box);
		assert_int_equal(catalog_quick_check(box.place.catalog), 0);
		assert_int_equal(count("SELECT (SELECT coalesce(sum(json_extract(body, '$.files')), 0) FROM ledger WHERE kind = "
				       "'footage.expired') + (SELECT count(*) FROM expired_told) + (SELECT count(*) FROM segment)"), files);
	}
	assert_in_range(count("SELECT count(*) FROM ledger WHERE kind = 'footage.expired'"), days, days + 2);
	assert_int_equal(count("SELECT sum(json_extract(body, '$.files')) FROM ledger WHERE kind = 'footage.expired'"), files);
	assert_true(count("SELECT count(*) FROM ledger WHERE kind = 'footage.expired' AND json_array_length(body, '$.cameras') = 2") > 0);
}

/* Ordinary running: a day falls due a day, and the keeper was away for a night. */
static void one_day_a_day_is_never_braked(void **state)
{
	(void)state;
	record_days(0, T0, 8);
	keeper_pass(&box, T0 + 95 * DAY + 12 * HOUR - box.clock.wall.us);
	for (int i = 0; i < 14; i++) {
		assert_true(keeper_reap(&box) >= 0);
		keeper_pass(&box, i % 3 == 2 ? 24 * HOUR : 10 * HOUR);
	}
	assert_int_equal(count("SELECT count(*) FROM segment WHERE end < (SELECT CAST(value AS INTEGER) FROM state WHERE key = "
			       "'settled_at') - 96 * 86400000000"), 0);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'retention.paused'"), 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_forged_journal_and_a_wrong_clock_delete_nothing),
		T(forged_boots_are_no_time),
		T(another_boot_begins_at_nothing),
		T(the_kernel_counted_while_the_keeper_was_away),
		T(a_boot_without_a_name_witnesses_nothing),
		T(a_total_of_before_is_carried_over_once),
		T(an_old_catalogue_makes_nothing_older),
		T(no_more_than_two_days_go_in_a_day_through_restarts),
		T(who_waits_is_told_once_and_when_it_is_over),
		T(want_of_room_is_braked_like_age),
		T(a_lower_keep_is_braked),
		T(two_persons_lift_it_for_a_day),
		T(what_expires_is_told_once_a_day_for_all_cameras),
		T(one_day_a_day_is_never_braked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
