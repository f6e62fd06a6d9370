/* Local files go because their copies are kept elsewhere, and their footage stays: whatever comes between. */
#include "indexer/scrub.h"
#include "release_fixture.h"

#include <fcntl.h>

/* --- release ------------------------------------------------------------------------------------------ */

static void it_goes_when_it_is_old_enough_and_copied(void **state)
{
	(void)state;
	assert_int_equal(store_copy(&box), 200);
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(stored(), 0); /* too young */
	keeper_pass(&box, (LOCAL_DAYS + 1) * DAY);
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(stored(), 2);
	assert_true(keeper_has(&box, 0, T0)); /* not yet */
	keeper_expect_sound(&box);
	assert_int_equal(store_sweep(&box), 0);
	assert_false(keeper_has(&box, 0, T0) || keeper_has(&box, 1, T0));
	assert_int_equal(count("SELECT count(*) FROM copy"), 0);
	assert_int_equal(entries("footage.released"), 2); /* one a camera */
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(entries("footage.released"), 2);
	expect_tiles(box.place.catalog, "cam-00", 0, 60, "R 0 60");
}

static void nothing_goes_where_it_was_not_asked_for(void **state)
{
	(void)state;
	grow_old();
	assert_int_equal(store_configure(&box, STORE_URL, false, 0), 0);
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(stored(), 0);
}

/* A clock that was set forward makes nothing old. */
static void a_jump_of_the_clock_releases_nothing(void **state)
{
	(void)state;
	assert_int_equal(store_copy(&box), 200);
	clock_fake_advance(&box.clock, 60 * DAY);
	box.clock.is_synced = true;
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(stored(), 0);
}

static void what_is_held_stays(void **state)
{
	int64_t id;

	(void)state;
	grow_old();
	assert_int_equal(catalog_begin(box.place.catalog), 0);
	assert_int_equal(hold_place(box.place.catalog, box.clock.wall, "cam-00", (struct wall_range){{T0}, {T0 + 1}}, "police", "", &chen,
				    &id), 0);
	assert_int_equal(catalog_commit(box.place.catalog), 0);
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(store_sweep(&box), 0);
	assert_true(keeper_has(&box, 0, T0) && !keeper_has(&box, 1, T0));
}

/* The lock must reach to the floor's end. */
static void what_is_not_locked_long_enough_stays(void **state)
{
	(void)state;
	grow_old();
	box.conf.rule.floor_days = 120;
	box.conf.keep_days = 130;
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(stored(), 0);
}

/* An offloader that speaks of another version, place or seal than the catalogue's. */
static void another_copy_releases_nothing(void **state)
{
	static const char *const keys[] = {"version", "place", "seal"};

	(void)state;
	grow_old();
	for (size_t i = 0; i < 3; i++) {
		json_t *list = store_list(&box, "kept"), *one;
		size_t n;
		json_array_foreach(list, n, one)
			json_object_set_new(one, keys[i], json_string(i < 2 ? "other" : "00112233445566778899aabbccddeeff"
									"00112233445566778899aabbccddeeff"));
		assert_int_equal(store_command(&box, "object.asked", json_pack("{so}", "objects", list)), 200);
	}
	assert_int_equal(stored(), 0);
	assert_int_equal(store_command(&box, "object.asked", json_pack("{s[{}]}", "objects")), 400);
}

/* --- a file that is about to go ---------------------------------------------------------------------------- */

static void without_the_store_a_file_takes_its_row_back(void **state)
{
	(void)state;
	grow_old();
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(store_configure(&box, NULL, false, 0), 0);
	assert_int_equal(store_sweep(&box), 0);
	assert_true(keeper_has(&box, 0, T0) && keeper_has(&box, 1, T0));
	assert_int_equal(stored(), 0);
	assert_int_equal(count("SELECT count(*) FROM stored"), 0);
	assert_int_equal(count("SELECT count(*) FROM stored_volume"), 0);
	assert_int_equal(count("SELECT count(*) FROM copy"), 0);
}

static void the_store_loses_it_while_the_file_is_here(void **state)
{
	(void)state;
	grow_old();
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(store_lose(&box, "cam-00", OBJECT_GONE), 200);
	assert_int_equal(stored(), 1);
	assert_int_equal(store_sweep(&box), 0);
	assert_true(keeper_has(&box, 0, T0) && !keeper_has(&box, 1, T0));
	assert_int_equal(entries("offload.copy_lost"), 1);
	assert_int_equal(entries("footage.missing"), 0);
	assert_int_equal(count("SELECT count(*) FROM object WHERE state = 'waiting'"), 1); /* to be copied again */
}

/* A file of a segment that is the store's comes back with a disk, or with a catalogue of before. */
static void a_file_that_comes_back_has_its_row(void **state)
{
	char *path = NULL;

	(void)state;
	grow_old();
	path = keeper_archived(&box, 0, T0);
	char *aside = xasprintf("%s.aside", box.place.dir);
	assert_int_equal(link(path, aside), 0);
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(store_sweep(&box), 0);
	assert_int_equal(rename(aside, path), 0);
	keeper_die(&box); /* a walk through the newest days comes with a start */
	assert_int_equal(keeper_try(&box), 0);
	assert_int_equal(keeper_index(&box), 0);
	assert_int_equal(stored(), 1);
	assert_true(keeper_has(&box, 0, T0));
	free(aside);
	free(path);
}

/* --- the store lost it --------------------------------------------------------------------------------------- */

static void what_the_store_lost_is_a_gap_once(void **state)
{
	(void)state;
	release_all();
	assert_int_equal(store_lose(&box, "cam-00", OBJECT_GONE), 200);
	assert_int_equal(store_lose(&box, "cam-00", OBJECT_GONE), 200);
	keeper_pass(&box, MINUTE);
	assert_int_equal(entries("footage.missing"), 1);
	assert_int_equal(count("SELECT sum(end - start) FROM gap WHERE cause = 'footage_missing'"), MINUTE);
	assert_int_equal(stored(), 1);
	assert_int_equal(count("SELECT count(*) FROM object"), 1);
	expect_tiles(box.place.catalog, "cam-01", 0, 60, "R 0 60");
}

/* It stands there altered: not ours any more, but deleted when its time is over. */
static void what_the_store_altered_is_a_gap_and_is_deleted_later(void **state)
{
	(void)state;
	release_all();
	assert_int_equal(store_lose(&box, "cam-00", OBJECT_ALTERED), 200);
	assert_int_equal(entries("footage.missing"), 1);
	assert_int_equal(count("SELECT count(*) FROM object WHERE state = 'alone'"), 1);
}

/* Its bytes are there: no second is lost, and everybody can see that somebody could take it. */
static void what_the_store_does_not_lock_any_more_stays_and_is_told(void **state)
{
	(void)state;
	release_all();
	assert_int_equal(store_lose(&box, "cam-00", OBJECT_UNLOCKED), 200);
	assert_int_equal(entries("offload.unlocked"), 1);
	assert_int_equal(entries("footage.missing"), 0);
	assert_int_equal(stored(), 2);
	expect_tiles(box.place.catalog, "cam-00", 0, 60, "R 0 60");
	json_t *lost = store_has_not(&box, "cam-00", OBJECT_GONE), *odd = json_object_get(lost, "lost");
	json_object_set_new(json_array_get(odd, 0), "how", json_string("somehow"));
	assert_int_equal(store_command(&box, "object.asked", lost), 400);
	assert_int_equal(stored(), 2);
}

/* --- a disk lost it --------------------------------------------------------------------------------------------- */

static void scrub_round(void)
{
	struct scrub scrub;
	struct scrub_job j;

	box.conf.scrub_us = 30 * DAY;
	assert_int_equal(scrub_init(&scrub, box.fs, &box.clock.base, &box.conf, box.place.catalog), 0);
	for (int i = 0; i < 4; i++) {
		if (scrub_next(&scrub, &j) != 1)
			continue;
		scrub_read(&j);
		assert_int_equal(scrub_apply(&scrub, &j), 0);
	}
	assert_int_equal(scrub.now.damaged + scrub.now.missing, 0);
}

static void damage(unsigned camera)
{
	char *path = keeper_archived(&box, camera, T0);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0 && pwrite(fd, "rot", 3, (off_t)count("SELECT init_bytes FROM segment") + 200) == 3);
	close(fd);
	free(path);
}

/* Missing or damaged here, kept there: no gap, and the file goes only after the store was asked. */
static void a_disk_that_fails_leaves_it_to_the_store(void **state)
{
	char *path = NULL;

	(void)state;
	assert_int_equal(store_copy(&box), 200);
	path = keeper_archived(&box, 0, T0);
	assert_int_equal(unlink(path), 0);
	free(path);
	damage(1);
	scrub_round();
	assert_int_equal(stored(), 2);
	assert_int_equal(entries("storage.copy_used"), 2);
	assert_int_equal(entries("footage.missing") + entries("footage.damaged"), 0);
	assert_int_equal(store_sweep(&box), 0);
	assert_true(keeper_has(&box, 1, T0)); /* nobody asked the store yet */
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(store_sweep(&box), 0);
	assert_false(keeper_has(&box, 1, T0));
	assert_int_equal(entries("footage.released"), 0);
}

/* --- which may be asked for ----------------------------------------------------------------------------------------------------- */

static int add_start(void *arg, const struct object_kept *k)
{
	buf_printf(arg, "%s+%d ", k->camera, (int)((k->start.us - T0) / DAY));
	return 0;
}

static void expect_releasable(struct wall end, struct catalog_release_at *at, unsigned limit, const char *want)
{
	struct buf text = {0};

	assert_int_equal(catalog_objects_releasable(box.place.catalog, STORE_PLACE, end, at, limit, add_start, &text), 0);
	buf_add(&text, "", 1);
	assert_string_equal((char *)text.data, want);
	buf_finish(&text);
}

static void candidates_come_in_batches(void **state)
{
	struct catalog_release_at at = {.end = {INT64_MIN}};
	struct wall end = {T0 + 2 * DAY + MINUTE};

	(void)state;
	for (int d = 1; d < 4; d++)
		keeper_record(&box, 0, T0 + d * DAY, T0 + d * DAY + MINUTE);
	assert_int_equal(store_copy(&box), 200);
	expect_releasable(end, &at, 2, "cam-00+0 cam-00+1 ");
	expect_releasable(end, &at, 2, "cam-00+2 cam-01+0 ");
	expect_releasable(end, &at, 2, "");
}

/* A row of a catalogue from before heads had a checksum: from the store it would not be played. */
static void what_could_not_be_played_from_there_stays(void **state)
{
	struct catalog_release_at at = {.end = {INT64_MIN}};

	(void)state;
	grow_old();
	assert_int_equal(db_run(box.place.catalog->db, "UPDATE segment SET init_crc = NULL WHERE camera = 'cam-00'", ""), 0);
	expect_releasable((struct wall){T0 + 2 * DAY}, &at, 9, "cam-01+0 ");
	assert_int_equal(store_ask(&box), 200); /* of both */
	assert_int_equal(stored(), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(it_goes_when_it_is_old_enough_and_copied),
		T(nothing_goes_where_it_was_not_asked_for),
		T(a_jump_of_the_clock_releases_nothing),
		T(what_is_held_stays),
		T(what_is_not_locked_long_enough_stays),
		T(another_copy_releases_nothing),
		T(without_the_store_a_file_takes_its_row_back),
		T(the_store_loses_it_while_the_file_is_here),
		T(a_file_that_comes_back_has_its_row),
		T(what_the_store_lost_is_a_gap_once),
		T(what_the_store_altered_is_a_gap_and_is_deleted_later),
		T(what_the_store_does_not_lock_any_more_stays_and_is_told),
		T(a_disk_that_fails_leaves_it_to_the_store),
		T(candidates_come_in_batches),
		T(what_could_not_be_played_from_there_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
