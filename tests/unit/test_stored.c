/* Footage that is in the object store only: it expires, is counted and told as any other, and comes back to a catalogue made anew. */
#include "indexer/object_found.h"
#include "release_fixture.h"

#include <fcntl.h>

/* --- life there ---------------------------------------------------------------------------------------------------- */

static struct wall no_hold_until(unsigned days) { return (struct wall){T0 + (int64_t)days * DAY}; }

static void it_expires_there_by_the_same_policy(void **state)
{
	int64_t id;

	(void)state;
	release_all();
	assert_int_equal(catalog_begin(box.place.catalog), 0);
	assert_int_equal(hold_place(box.place.catalog, box.clock.wall, "cam-01", (struct wall_range){{T0}, no_hold_until(1)}, "police", "",
				    &chen, &id), 0);
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

static int64_t files_told(const char *kind)
{
	char *sql = xasprintf("SELECT coalesce(sum(json_extract(body, '$.files')), 0) FROM ledger WHERE kind = '%s'", kind);
	int64_t n = count(sql);

	free(sql);
	return n;
}

static void copies_are_told_once_a_day_for_all_cameras(void **state)
{
	(void)state;
	assert_int_equal(store_copy(&box), 200);
	assert_int_equal(entries("offload.copied"), 0);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(entries("offload.copied"), 1);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'offload.copied' AND camera IS NULL AND "
			       "json_extract(body, '$.cameras[1].camera') = 'cam-01' AND json_extract(body, '$.cameras[1].place') = '" STORE_PLACE
			       "' AND length(json_extract(body, '$.cameras[1].seals_sha256')) = 64"), 1);
	assert_int_equal(db_exec(box.place.catalog->db, "INSERT INTO object_told SELECT 'copied', camera, place, start + 1, seal_digest, end, "
				 "bytes FROM object"), 0);
	keeper_pass(&box, US_PER_DAY - 1);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(entries("offload.copied"), 1);
	keeper_die(&box); /* and a kill takes none of them away */
	assert_int_equal(keeper_try(&box), 0);
	keeper_pass(&box, 1);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(entries("offload.copied"), 2);
	assert_int_equal(files_told("offload.copied"), 4);
	assert_int_equal(count("SELECT count(*) FROM object_told"), 0);
}

static void what_version_0_1_counted_is_told(void **state)
{
	char rows[] = "INSERT INTO copied VALUES ('cam-00', 'p', 1, 7, 100, 1, 2), ('cam-01', 'p', 1, 5, 50, 1, 2)";

	(void)state;
	assert_int_equal(db_exec(box.place.catalog->db, rows), 0);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(entries("offload.copied"), 1);
	assert_int_equal(files_told("offload.copied"), 12);
	assert_int_equal(count("SELECT count(*) FROM copied"), 0);
}

/* Footage that is still here as well: not an expiry. */
static void deletions_are_told_once_a_day_for_all_cameras(void **state)
{
	(void)state;
	assert_int_equal(store_copy(&box), 200);
	assert_int_equal(db_exec(box.place.catalog->db, "INSERT INTO object_gone SELECT camera, start, end, place, bytes, seal_digest, 0 "
				 "FROM object"), 0);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(entries("offload.deleted"), 1);
	assert_int_equal(files_told("offload.deleted"), 2);
	assert_int_equal(entries("footage.expired"), 0);
	assert_int_equal(count("SELECT (SELECT count(*) FROM object_gone) + (SELECT count(*) FROM object_told WHERE kind = 'deleted')"), 0);
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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(it_expires_there_by_the_same_policy),
		T(bytes_count_where_they_lie),
		T(fsck_knows_what_lies_elsewhere),
		T(copies_are_told_once_a_day_for_all_cameras),
		T(what_version_0_1_counted_is_told),
		T(deletions_are_told_once_a_day_for_all_cameras),
		T(a_change_of_the_store_is_told),
		T(a_new_catalogue_takes_back_what_the_store_has),
		T(what_its_seal_does_not_bear_out_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
