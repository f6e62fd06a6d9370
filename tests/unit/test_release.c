/* Local files go because their copies are kept elsewhere, and their footage stays: whatever comes between. */
#include "indexer/object_found.h"
#include "indexer/scrub.h"
#include "retention/outlook.h"
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>

#define DAY US_PER_DAY
#define MINUTE (60 * US_PER_S)
#define LOCAL_DAYS 30

static struct keeper_box box;

static int64_t count(const char *sql) { return ask(box.place.catalog, sql); }
static int64_t entries(const char *kind)
{
	int64_t n = -1;

	assert_int_equal(db_int(box.place.catalog->db, &n, "SELECT count(*) FROM ledger WHERE kind = ?", "t", kind), 0);
	return n;
}
static int64_t stored(void) { return count("SELECT count(*) FROM segment WHERE root = 0"); }

static int setup(void **state)
{
	(void)state;
	keeper_init(&box, 2);
	assert_int_equal(store_configure(&box, STORE_URL, true, LOCAL_DAYS), 0);
	for (unsigned i = 0; i < 2; i++)
		keeper_record(&box, i, T0, T0 + MINUTE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	keeper_expect_sound(&box);
	keeper_finish(&box);
	return 0;
}

/* Both files are old enough, and copied. */
static void grow_old(void)
{
	assert_int_equal(store_copy(&box), 200);
	keeper_pass(&box, (LOCAL_DAYS + 1) * DAY);
}

static void release_all(void)
{
	grow_old();
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(stored(), 2);
	assert_int_equal(store_sweep(&box), 0);
	assert_false(keeper_has(&box, 0, T0) || keeper_has(&box, 1, T0));
}

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
	assert_int_equal(hold_place(box.place.catalog, box.clock.wall, "cam-00", (struct wall_range){{T0}, {T0 + 1}}, "police", "", "chen",
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
	assert_int_equal(store_lose(&box, "cam-00", true), 200);
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
	assert_int_equal(store_lose(&box, "cam-00", true), 200);
	assert_int_equal(store_lose(&box, "cam-00", true), 200);
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
	assert_int_equal(store_lose(&box, "cam-00", false), 200);
	assert_int_equal(entries("footage.missing"), 1);
	assert_int_equal(count("SELECT count(*) FROM object WHERE state = 'alone'"), 1);
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

/* --- life there ---------------------------------------------------------------------------------------------------- */

static struct wall no_hold_until(unsigned days) { return (struct wall){T0 + (int64_t)days * DAY}; }

static void it_expires_there_by_the_same_policy(void **state)
{
	int64_t id;

	(void)state;
	release_all();
	assert_int_equal(catalog_begin(box.place.catalog), 0);
	assert_int_equal(hold_place(box.place.catalog, box.clock.wall, "cam-01", (struct wall_range){{T0}, no_hold_until(1)}, "police", "",
				    "chen", &id), 0);
	assert_int_equal(catalog_commit(box.place.catalog), 0);
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, 60 * DAY);
	assert_int_equal(keeper_reap(&box), 0); /* under the floor, or kept */
	keeper_pass(&box, 10 * DAY);
	assert_int_equal(keeper_reap(&box), 1); /* one is held */
	assert_int_equal(count("SELECT count(*) FROM object WHERE state = 'doomed' AND camera = 'cam-00'"), 1);
	assert_int_equal(count("SELECT count(*) FROM garbage"), 0);
	assert_int_equal(entries("footage.expired"), 0); /* it is still there */
	expect_tiles(box.place.catalog, "cam-00", 0, 60, "E 0 60");
	expect_tiles(box.place.catalog, "cam-01", 0, 60, "R 0 60");
	keeper_expect_sound(&box);
	json_t *args = json_pack("{ss sI sI ss ss ss sI ss ss sI}", "camera", "cam-00", "start_us", (json_int_t)T0, "end_us",
				 (json_int_t)(T0 + MINUTE), "place", STORE_PLACE, "key", "key", "version", "v1", "bytes", (json_int_t)1,
				 "sha256", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "seal",
				 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "retain_until_us", (json_int_t)1);
	assert_int_equal(store_command(&box, "object.drop", args), 200);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(entries("footage.expired"), 1);
	assert_int_equal(count("SELECT json_extract(body, '$.files') FROM ledger WHERE kind = 'footage.expired'"), 1);
	assert_int_equal(count("SELECT count(*) FROM stored"), 1);
	assert_int_equal(count("SELECT count(*) FROM object_gone"), 0);
}

static int add_volume(void *arg, const struct catalog_volume *v)
{
	int64_t *sums = arg;

	sums[0] += v->bytes;
	sums[1] += v->stored_bytes;
	return 0;
}

static int add_camera(void *arg, const struct catalog_camera *row)
{
	uint64_t *sums = arg;

	sums[0] += row->bytes;
	sums[1] += row->stored_bytes;
	return 0;
}

static void bytes_count_where_they_lie(void **state)
{
	int64_t before[2] = {0}, after[2] = {0}, files, bytes;
	uint64_t cameras[2] = {0};

	(void)state;
	assert_int_equal(catalog_volumes(box.place.catalog, add_volume, before), 0);
	assert_true(before[0] > 0 && before[1] == 0);
	release_all();
	assert_int_equal(catalog_volumes(box.place.catalog, add_volume, after), 0);
	assert_true(after[0] == before[0] && after[1] == before[0]);
	assert_int_equal(catalog_cameras(box.place.catalog, NULL, add_camera, cameras), 0);
	assert_true(cameras[0] == 0 && cameras[1] == (uint64_t)before[0]);
	assert_int_equal(catalog_stored(box.place.catalog, &files, &bytes), 0);
	assert_true(files == 2 && bytes == before[0]);
}

/* fsck counts what is on no disk, and finds what no copy is known of. */
static void fsck_knows_what_lies_elsewhere(void **state)
{
	struct keeper_findings found;

	(void)state;
	release_all();
	assert_int_equal(db_exec(box.place.catalog->db, "UPDATE object SET state = 'waiting' WHERE camera = 'cam-00'"), 0);
	found = keeper_fsck(&box, true);
	assert_int_equal(found.count, 1);
	assert_non_null(strstr(found.first, "no copy of it is known"));
	assert_int_equal(db_exec(box.place.catalog->db, "UPDATE object SET state = 'kept' WHERE camera = 'cam-00'"), 0);
}

/* --- the ledger ---------------------------------------------------------------------------------------------------------- */

static void copies_are_told_once_an_hour(void **state)
{
	(void)state;
	assert_int_equal(store_copy(&box), 200);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(entries("offload.copied"), 0);
	keeper_pass(&box, 3600 * US_PER_S);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(entries("offload.copied"), 2);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(entries("offload.copied"), 2);
}

static void a_change_of_the_store_is_told(void **state)
{
	(void)state;
	assert_int_equal(entries("offload.changed"), 1);
	assert_int_equal(store_configure(&box, STORE_URL, true, 7), 0);
	assert_int_equal(entries("offload.changed"), 1);
	assert_int_equal(store_configure(&box, "https://elsewhere.example", true, 7), 0);
	assert_int_equal(store_configure(&box, NULL, false, 0), 0);
	assert_int_equal(entries("offload.changed"), 3);
}

/* --- a catalogue made anew ---------------------------------------------------------------------------------------------------- */

/* As the offloader would read it there. */
static json_t *found_json(unsigned camera)
{
	char *path = keeper_archived(&box, camera, T0);
	struct object_kept k = {.camera = box.cameras[camera].id, .place = STORE_PLACE, .key = "key", .version = "v1", .start = {T0},
				.end = {T0 + MINUTE}, .retain_until = {T0 + MINUTE + STORE_FLOOR_US}};
	struct segment_scan scan;
	struct stat st;
	uint8_t seal[SEAL_MAX_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	segment_scan_init(&scan, true);
	assert_int_equal(segment_scan(&scan, fs_real(), fd, st.st_size, NULL), 0);
	size_t len = (size_t)(st.st_size - scan.whole_bytes);
	assert_int_equal(pread(fd, seal, len, scan.whole_bytes), len);
	k.bytes = st.st_size;
	memcpy(k.seal_digest, scan.seal_digest, sizeof k.seal_digest);
	json_t *o = object_found_json(&k, &scan, seal, len);
	segment_scan_finish(&scan);
	close(fd);
	free(path);
	return o;
}

static void lose_all(void)
{
	for (unsigned i = 0; i < 2; i++) {
		char *path = keeper_archived(&box, i, T0);
		unlink(path);
		free(path);
	}
	keeper_die(&box);
	place_lose_catalog(&box.place);
	assert_int_equal(keeper_try(&box), 0);
}

static void a_new_catalogue_takes_back_what_the_store_has(void **state)
{
	json_t *found[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		found[i] = found_json(i);
	lose_all();
	assert_int_equal(store_command(&box, "object.found", json_incref(found[0])), 503); /* the archive was not looked at yet */
	assert_int_equal(keeper_index(&box), 0);
	assert_int_equal(store_command(&box, "object.found", json_incref(found[0])), 200);
	assert_int_equal(store_command(&box, "object.found", json_incref(found[0])), 200);
	assert_int_equal(store_command(&box, "object.found", found[1]), 200);
	json_decref(found[0]);
	assert_int_equal(store_command(&box, "object.listed", json_pack("{ss}", "place", "elsewhere")), 400);
	assert_int_equal(store_command(&box, "object.listed", json_pack("{ss}", "place", STORE_PLACE)), 200);
	assert_int_equal(keeper_index(&box), 0);
	assert_int_equal(stored(), 2);
	assert_int_equal(entries("offload.recovered"), 1);
	assert_int_equal(entries("footage.missing"), 0);
	expect_tiles(box.place.catalog, "cam-00", 0, 60, "R 0 60");
	expect_tiles(box.place.catalog, "cam-01", 0, 60, "R 0 60");
	assert_int_equal(count("SELECT count(*) FROM gap WHERE cause LIKE 'footage%'"), 0);
}

/* With a seal that is not signed, and everything else told to match it. */
static json_t *forge(const json_t *good)
{
	json_t *forged = json_deep_copy(good);
	uint8_t seal[SEAL_MAX_BYTES], digest[SHA256_BYTES];
	char hex[2 * SEAL_MAX_BYTES + 1];
	const char *was = json_string_value(json_object_get(forged, "box"));
	size_t len = strlen(was) / 2;

	assert_int_equal(hex_decode(was, seal, len), 0);
	seal[len - 1] ^= 1; /* of its signature */
	hex_encode(seal, len, hex);
	json_object_set_new(forged, "box", json_string(hex));
	seal_digest(seal, len, digest);
	hex_encode(digest, sizeof digest, hex);
	json_object_set_new(forged, "seal", json_string(hex));
	return forged;
}

/* With one more frame in its index than its seal counts. */
static json_t *miscount(const json_t *good)
{
	json_t *bad = json_deep_copy(good);
	struct object_found f;
	struct buf packed = {0};
	char hex[200];

	assert_int_equal(object_found_parse(bad, &f), 0);
	f.scan.index.items[0].frames++;
	fragment_index_pack(&f.scan.index, &packed);
	hex_encode(packed.data, packed.len, hex);
	json_object_set_new(bad, "fragments", json_string(hex));
	buf_finish(&packed);
	object_found_finish(&f);
	return bad;
}

/* Whatever the store, or who speaks for it, made of it. */
static void what_its_seal_does_not_bear_out_is_not_taken(void **state)
{
	static const struct { const char *key; json_int_t more; } lies[] = {
		{"start_us", 1}, {"end_us", 1}, {"bytes", 1}, {"init_bytes", 1}};
	json_t *good;

	(void)state;
	good = found_json(0);
	lose_all();
	assert_int_equal(keeper_index(&box), 0);
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		json_t *bad = json_deep_copy(good);
		json_int_t was = json_integer_value(json_object_get(bad, lies[i].key));
		json_object_set_new(bad, lies[i].key, json_integer(was + lies[i].more));
		assert_int_equal(store_command(&box, "object.found", bad), 409);
	}
	assert_int_equal(store_command(&box, "object.found", forge(good)), 409);
	assert_int_equal(store_command(&box, "object.found", miscount(good)), 409);
	json_t *camera = json_deep_copy(good);
	json_object_set_new(camera, "camera", json_string("cam-01"));
	assert_int_equal(store_command(&box, "object.found", camera), 409);
	json_t *short_of = json_deep_copy(good);
	json_object_del(short_of, "fragments");
	assert_int_equal(store_command(&box, "object.found", short_of), 400);
	assert_int_equal(stored(), 0);
	assert_int_equal(store_command(&box, "object.found", good), 200);
	assert_int_equal(stored(), 1);
	assert_int_equal(store_command(&box, "object.listed", json_pack("{ss}", "place", STORE_PLACE)), 200);
	assert_int_equal(keeper_index(&box), 0);
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
		T(a_disk_that_fails_leaves_it_to_the_store),
		T(it_expires_there_by_the_same_policy),
		T(bytes_count_where_they_lie),
		T(fsck_knows_what_lies_elsewhere),
		T(copies_are_told_once_an_hour),
		T(a_change_of_the_store_is_told),
		T(a_new_catalogue_takes_back_what_the_store_has),
		T(what_its_seal_does_not_bear_out_is_not_taken),
		T(candidates_come_in_batches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
