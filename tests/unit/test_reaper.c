/* Deletion on real rows and real files: only what the policy allows, and whole through any crash. */
#include "keeper_fixture.h"
#include "retention/keep.h"
#include "vfs_fault.h"

#include <errno.h>

#define DAY US_PER_DAY
#define MINUTE (60 * US_PER_S)

/* A disk whose room the test decides. */
static struct { struct fs base; uint64_t short_of; } disk;

static int disk_free_bytes(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
	const uint64_t headroom = UINT64_C(256) << 20;

	(void)fs, (void)path;
	*total_bytes = 0;
	*free_bytes = disk.short_of > headroom ? 0 : headroom - disk.short_of;
	return 0;
}

static struct keeper_box box;

static void begin(struct keeper_box *b, unsigned cameras)
{
	disk.base = *fs_real();
	disk.base.free_bytes = disk_free_bytes;
	disk.short_of = 0;
	keeper_init(b, cameras);
	b->fs = b->reaper.fs = &disk.base;
}

static int setup(void **state)
{
	(void)state;
	begin(&box, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return keeper_finish_sound(&box);
}

static int64_t count(const char *sql) { return ask(box.place.catalog, sql); }

static void hold(unsigned camera, int64_t start, int64_t end, int64_t *id)
{
	assert_int_equal(catalog_begin(box.place.catalog), 0);
	assert_int_equal(hold_place(box.place.catalog, box.clock.wall, box.cameras[camera].id,
				    (struct wall_range){{start}, {end}}, "police", "", &chen, id), 0);
	assert_int_equal(catalog_commit(box.place.catalog), 0);
}

static void release(int64_t id)
{
	assert_int_equal(catalog_begin(box.place.catalog), 0);
	assert_int_equal(hold_release(box.place.catalog, box.clock.wall, id, "closed", &li), CONSENT_ASK);
	assert_int_equal(hold_release(box.place.catalog, box.clock.wall, id, "closed", &bureau), 0);
	assert_int_equal(catalog_commit(box.place.catalog), 0);
}

/* --- age ------------------------------------------------------------------------------------------ */

static void nothing_under_the_floor_goes_even_under_pressure(void **state)
{
	int64_t end = T0 + 5 * MINUTE;

	(void)state;
	keeper_record(&box, 0, T0, end);
	disk.short_of = 1 << 20;
	keeper_pass(&box, 89 * DAY);
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, end + 91 * DAY - 1 - box.clock.wall.us);
	assert_int_equal(keeper_reap(&box), 0);
	assert_true(keeper_has(&box, 0, T0));
	keeper_pass(&box, 1);
	assert_int_equal(keeper_reap(&box), 1);
	assert_false(keeper_has(&box, 0, T0));
}

static void what_is_past_keep_goes_and_the_ledger_says_what_it_was(void **state)
{
	int64_t end = T0 + 5 * MINUTE;
	char hex[SHA256_HEX_MAX], *sql;

	(void)state;
	keeper_record(&box, 0, T0, end);
	uint8_t digest[SHA256_BYTES];
	sha256(box.cameras[0].digest, SHA256_BYTES, digest); /* over all seals: it is one */
	hex_encode(digest, SHA256_BYTES, hex);
	keeper_pass(&box, end + 95 * DAY - 1 - box.clock.wall.us);
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, 1);
	assert_int_equal(keeper_reap(&box), 1);
	assert_false(keeper_has(&box, 0, T0));
	assert_int_equal(count("SELECT count(*) FROM segment"), 0);
	assert_int_equal(count("SELECT count(*) FROM garbage"), 0);
	sql = xasprintf("SELECT count(*) FROM ledger WHERE kind = 'footage.expired' AND json_extract(body, '$.cameras[0].camera') = "
			"'cam-00' AND json_extract(body, '$.cameras[0].seals_sha256') = '%s'", hex);
	assert_int_equal(count(sql), 1);
	expect_tiles(box.place.catalog, "cam-00", 0, 400, "E 0 300 | G 300 400 stream_stalled");
	free(sql);
}

static void the_clock_alone_deletes_nothing(void **state)
{
	(void)state;
	keeper_record(&box, 0, T0, T0 + 5 * MINUTE);
	disk.short_of = 1 << 20;
	for (int synced = 0; synced < 2; synced++) {
		box.clock.is_synced = synced;
		box.clock.wall.us += 1000 * DAY;
		assert_int_equal(keeper_reap(&box), 0);
		box.clock.wall.us -= 1000 * DAY;
	}
	box.clock.is_synced = false;
	keeper_pass(&box, 90 * DAY);
	box.clock.wall.us += 5 * DAY;
	assert_int_equal(keeper_reap(&box), 0);
	box.clock.wall.us -= 5 * DAY;
	keeper_pass(&box, 6 * DAY);
	assert_int_equal(keeper_reap(&box), 1);
}

static void time_that_the_box_did_not_live_through_does_not_count(void **state)
{
	(void)state;
	keeper_record(&box, 0, T0, T0 + 5 * MINUTE);
	keeper_pass(&box, 60 * DAY);
	box.clock.wall.us += 40 * DAY; /* it was off, and another boot counts from zero */
	box.clock.mono.us = US_PER_S;
	keeper_say_start(&box, "boot-2");
	keeper_say(&box, "ready", json_object());
	keeper_pass(&box, MINUTE);
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, 34 * DAY);
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, 1 * DAY);
	assert_int_equal(keeper_reap(&box), 1);
}

/* --- holds ------------------------------------------------------------------------------------------- */

static void a_hold_wins_until_it_is_released(void **state)
{
	int64_t end = T0 + 5 * MINUTE, id, other;

	(void)state;
	keeper_record(&box, 0, T0, end);
	keeper_record(&box, 0, end, end + 5 * MINUTE);
	keeper_record(&box, 1, end + 5 * MINUTE, end + 6 * MINUTE);
	keeper_pass(&box, 200 * DAY);
	disk.short_of = 1 << 20;
	hold(0, end - 1, end, &id);
	assert_int_equal(keeper_reap(&box), 2);
	assert_true(keeper_has(&box, 0, T0));
	hold(0, T0 - DAY, T0 + 1, &other);
	release(id);
	assert_int_equal(keeper_reap(&box), 0);
	release(other);
	assert_int_equal(keeper_reap(&box), 1);
	assert_false(keeper_has(&box, 0, T0));
}

static void expect_protected(int64_t start, int64_t end, int64_t want_start, int64_t want_end)
{
	struct wall_range kept;

	assert_int_equal(catalog_hold_protected(box.place.catalog, box.cameras[0].id, (struct wall_range){{start}, {end}}, &kept), 0);
	assert_int_equal(kept.start.us, want_start);
	assert_int_equal(kept.end.us, want_end);
}

/* To the microsecond: what is told to be kept is what stays. */
static void what_a_hold_keeps_is_told(void **state)
{
	int64_t a = T0 + 5 * MINUTE, b = a + 5 * MINUTE, c = b + 10 * MINUTE, d = c + 5 * MINUTE, id;

	(void)state;
	keeper_record(&box, 0, T0, a);
	keeper_record(&box, 0, a, b);
	keeper_record(&box, 0, c, d);
	keeper_record(&box, 1, T0, d); /* another camera's files are not asked */
	expect_protected(a, b, a, b);
	expect_protected(a, b + 1, a, b + 1); /* b to c is a gap */
	expect_protected(a - 1, c, T0, c);
	expect_protected(a + 1, c + 1, a, d);
	expect_protected(d - 1, d + DAY, c, d + DAY);
	expect_protected(T0 - DAY, T0 + 1, T0 - DAY, a);
	keeper_pass(&box, 200 * DAY);
	hold(0, a, c, &id);
	assert_int_equal(keeper_reap(&box), 3);
	assert_true(keeper_has(&box, 0, a));
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'hold.placed' AND json_extract(body, '$.protected_end') = "
			       "json_extract(body, '$.end')"), 1);
}

/* --- pressure -------------------------------------------------------------------------------------------- */

static void under_pressure_the_oldest_go_first_and_no_more_than_needed(void **state)
{
	int64_t one;

	(void)state;
	for (int i = 0; i < 6; i++)
		keeper_record(&box, (unsigned)i % 2, T0 + i * DAY, T0 + i * DAY + 5 * MINUTE);
	one = count("SELECT max(bytes) FROM segment");
	keeper_pass(&box, T0 + 94 * DAY - box.clock.wall.us); /* 0, 1 and 2 are past the floor, none past keep */
	disk.short_of = (uint64_t)one + 1;
	assert_int_equal(reaper_step(&box.reaper), 2);
	assert_false(keeper_has(&box, 0, T0) || keeper_has(&box, 1, T0 + DAY));
	assert_int_equal(count("SELECT count(*) FROM segment"), 4);
	disk.short_of = 1 << 28;
	assert_int_equal(keeper_reap(&box), 1);
	assert_int_equal(count("SELECT min(start) FROM segment"), T0 + 3 * DAY);
	disk.short_of = 0;
	keeper_pass(&box, 3 * DAY);
	assert_int_equal(keeper_reap(&box), 0);
}

static unsigned long vm_steps;
static int on_progress(void *arg)
{
	(void)arg;
	vm_steps += 100;
	return 0;
}

static int watch_connection(sqlite3 *db, const char **why, const struct sqlite3_api_routines *api)
{
	(void)why, (void)api;
	sqlite3_progress_handler(db, 100, on_progress, NULL);
	return SQLITE_OK;
}

static unsigned long work_of_a_step(int want)
{
	vm_steps = 0;
	assert_int_equal(reaper_step(&box.reaper), want);
	return vm_steps;
}

static void held_footage_at_the_head_costs_nothing(void **state)
{
	int64_t id;

	(void)state;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	keeper_record(&box, 0, T0 + DAY, T0 + DAY + MINUTE);
	keeper_pass(&box, 200 * DAY);
	hold(0, T0, T0 + MINUTE, &id);
	keeper_die(&box);
	sqlite3_auto_extension((void (*)(void))(void *)watch_connection);
	assert_int_equal(keeper_try(&box), 0);
	sqlite3_cancel_auto_extension((void (*)(void))(void *)watch_connection);
	unsigned long alone = work_of_a_step(1);
	keeper_record(&box, 0, T0 + 2 * DAY, T0 + 2 * DAY + MINUTE);
	/* ten thousand more behind the first, all under the hold: rows without files will do, as nobody may look */
	assert_int_equal(db_exec(box.place.catalog->db,
		"BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO segment "
		"(camera, root, start, end, bytes, init, init_bytes, fragments, frames, sequence, flags, seal_digest, run, "
		"witnessed_us) SELECT camera, root, start + i, end - 10001 + i, bytes, init, init_bytes, fragments, frames, 0, flags, "
		"seal_digest, run, 0 FROM segment, n WHERE start < (SELECT max(start) FROM segment)"), 0);
	assert_int_equal(db_exec(box.place.catalog->db, "COMMIT"), 0);
	keeper_pass(&box, 200 * DAY);
	unsigned long crowded = work_of_a_step(1);
	assert_true(crowded < alone * 2 + 1000);
	assert_int_equal(db_exec(box.place.catalog->db, "DELETE FROM segment WHERE sequence = 0"), 0);
}

/* --- the wrong disk ------------------------------------------------------------------------------------------ */

static void a_disk_that_is_not_the_one_is_not_touched(void **state)
{
	uint8_t other[UUID_BYTES] = {1, 2, 3};
	char *identity = xasprintf("%s/.holdfast", box.root);

	(void)state;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	keeper_pass(&box, 200 * DAY);
	assert_int_equal(unlink(identity), 0);
	assert_int_equal(keeper_reap(&box), 0);
	keeper_identify(&box, other);
	assert_int_equal(keeper_reap(&box), 0);
	assert_true(keeper_has(&box, 0, T0));
	assert_int_equal(count("SELECT count(*) FROM segment"), 1);
	keeper_identify(&box, box.uuid);
	assert_int_equal(keeper_reap(&box), 1);
	free(identity);
}

/* The disk goes away between the check and the unlink: what is not found there is not believed deleted. */
static int gone_unlink(struct fs *fs, const char *path)
{
	char *identity = xasprintf("%s/.holdfast", box.root);

	(void)fs, (void)path;
	unlink(identity);
	free(identity);
	return -ENOENT;
}

static void a_disk_that_goes_away_meanwhile_loses_no_row(void **state)
{
	struct fs going = disk.base;

	(void)state;
	going.unlink = gone_unlink;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	keeper_pass(&box, 200 * DAY);
	box.reaper.fs = &going;
	assert_int_equal(reaper_step(&box.reaper), -ENODEV);
	assert_int_equal(count("SELECT count(*) FROM garbage"), 1);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'footage.expired'"), 0);
	keeper_identify(&box, box.uuid);
	box.reaper.fs = &disk.base;
	assert_int_equal(keeper_reap(&box), 1);
}

/* --- keep ------------------------------------------------------------------------------------------------------ */

#define CHANGES "SELECT count(*) FROM ledger WHERE kind = 'config.changed' AND json_extract(body, '$.key') = 'retention.keep_days'"

static void a_shorter_keep_waits_through_restarts(void **state)
{
	(void)state;
	assert_int_equal(reaper_configure(&box.reaper), 0);
	keeper_record(&box, 0, T0, T0 + MINUTE);
	keeper_pass(&box, 94 * DAY);
	box.conf.keep_days = 92;
	for (int i = 0; i < 2; i++) {
		keeper_die(&box);
		assert_int_equal(keeper_try(&box), 0);
		assert_int_equal(reaper_configure(&box.reaper), 0);
		assert_int_equal(count(CHANGES), 1);
		assert_int_equal(keeper_reap(&box), 0);
	}
	box.conf.keep_days = 200; /* what is asked for is withdrawn, and a longer one holds at once */
	assert_int_equal(reaper_configure(&box.reaper), 0);
	assert_int_equal(count(CHANGES " AND json_extract(body, '$.old') = 95 AND json_extract(body, '$.new') = 200"), 1);
	box.conf.keep_days = 91;
	keeper_pass(&box, DAY);
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, 7 * DAY - 1);
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, 1);
	assert_int_equal(keeper_reap(&box), 1);
	assert_int_equal(count(CHANGES), 4);
}

static void the_pause_gives_the_disk_its_time(void **state)
{
	(void)state;
	assert_int_equal(reaper_pause_ms(0, 0), 60000);
	assert_int_equal(reaper_pause_ms(REAPER_BATCH - 1, 5 * US_PER_S), 60000);
	assert_int_equal(reaper_pause_ms(REAPER_BATCH, 0), 200);
	assert_int_equal(reaper_pause_ms(REAPER_BATCH, US_PER_S), 4000);
	assert_int_equal(reaper_pause_ms(REAPER_BATCH, 3600 * US_PER_S), 60000);
}

/* --- any fault, any crash ------------------------------------------------------------------------------------------ */

static void expect_all_gone(struct keeper_box *b, unsigned files)
{
	struct catalog *c = b->place.catalog;

	assert_int_equal(ask(c, "SELECT count(*) FROM segment"), 0);
	assert_int_equal(ask(c, "SELECT count(*) FROM garbage"), 0);
	assert_int_equal(ask(c, "SELECT count(*) FROM span WHERE state = 'recorded'"), 0);
	assert_int_equal(ask(c, "SELECT (SELECT coalesce(sum(json_extract(body, '$.files')), 0) FROM ledger WHERE kind = 'footage.expired') + "
				"(SELECT count(*) FROM expired_told)"), files);
	for (unsigned i = 0; i < files; i++)
		assert_false(keeper_has(b, i % 2, T0 + (int64_t)i * DAY));
}

enum { FILES = 4 }; /* two of each camera, one of which will be held */

static void fill(struct keeper_box *b)
{
	begin(b, 2);
	for (unsigned i = 0; i < FILES; i++)
		keeper_record(b, i % 2, T0 + i * DAY, T0 + i * DAY + MINUTE);
	keeper_pass(b, 200 * DAY);
	keeper_die(b);
}

/* The keeper's life between two starts, with the fault in it. */
static void faulty_life(struct keeper_box *b, struct fault *fault, int err)
{
	struct fs_fault faulty;

	fs_fault_init(&faulty, &disk.base, fault, err);
	b->fs = &faulty.base;
	vfs_fault_use(fault);
	if (keeper_try(b) == 0)
		for (int i = 0; i < 2; i++)
			reaper_step(&b->reaper);
	vfs_fault_use(fault->stays ? fault : NULL);
	keeper_die(b);
	vfs_fault_use(NULL);
	b->fs = &disk.base;
}

static unsigned all_faults(int err, bool stays, int stride, void (*check)(struct keeper_box *b))
{
	struct fault fault = {.stays = stays};
	unsigned runs = 0;

	FAULT_EACH(&fault) {
		fill(&box);
		faulty_life(&box, &fault, err);
		check(&box);
		keeper_expect_sound(&box);
		keeper_finish(&box);
		runs++;
		fault.nth += stride - 1;
	}
	return runs;
}

static void finish_and_check(struct keeper_box *b)
{
	assert_int_equal(keeper_try(b), 0);
	assert_int_equal(keeper_index(b), 0);
	assert_true(keeper_reap(b) >= 0);
	expect_all_gone(b, FILES);
}

static void any_call_may_fail(void **state)
{
	(void)state;
	unsigned runs = all_faults(EIO, false, 1, finish_and_check);
	print_message("each of %u file and database calls failed once\n", runs - 1);
}

static void the_keeper_may_die_anywhere(void **state)
{
	(void)state;
	unsigned runs = all_faults(EIO, true, 1, finish_and_check);
	print_message("died at each of %u file and database calls\n", runs - 1);
}

/* Whatever of it is there when the hold is placed is there afterwards, until the hold is released. */
static void hold_then_check(struct keeper_box *b)
{
	bool there = keeper_has(b, 1, T0 + DAY);
	int64_t id;

	assert_int_equal(keeper_try(b), 0);
	hold(1, T0 + DAY, T0 + DAY + 1, &id);
	assert_int_equal(keeper_index(b), 0);
	assert_true(keeper_reap(b) >= 0);
	assert_int_equal(keeper_has(b, 1, T0 + DAY), there);
	assert_false(keeper_has(b, 0, T0) || keeper_has(b, 0, T0 + 2 * DAY) || keeper_has(b, 1, T0 + 3 * DAY));
	keeper_expect_sound(b);
	release(id);
	assert_true(keeper_reap(b) >= 0);
	expect_all_gone(b, FILES);
}

static void a_hold_after_a_crash_saves_what_is_left(void **state)
{
	(void)state;
	all_faults(EIO, true, 3, hold_then_check);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_under_the_floor_goes_even_under_pressure),
		T(what_is_past_keep_goes_and_the_ledger_says_what_it_was),
		T(the_clock_alone_deletes_nothing),
		T(time_that_the_box_did_not_live_through_does_not_count),
		T(a_hold_wins_until_it_is_released),
		T(under_pressure_the_oldest_go_first_and_no_more_than_needed),
		T(what_a_hold_keeps_is_told),
		T(held_footage_at_the_head_costs_nothing),
		T(a_disk_that_is_not_the_one_is_not_touched),
		T(a_disk_that_goes_away_meanwhile_loses_no_row),
		T(a_shorter_keep_waits_through_restarts),
		cmocka_unit_test(the_pause_gives_the_disk_its_time),
		cmocka_unit_test(any_call_may_fail),
		cmocka_unit_test(the_keeper_may_die_anywhere),
		cmocka_unit_test(a_hold_after_a_crash_saves_what_is_left),
	};

	vfs_fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
