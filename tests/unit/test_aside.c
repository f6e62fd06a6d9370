/* Files that were put aside go as footage goes: after keep, unless held, and the ledger says what they were. */
#include "fault_life.h"
#include "indexer/aside.h"

#define DAY US_PER_DAY
#define MINUTE (60 * US_PER_S)

static struct keeper_box box;

static int setup(void **state)
{
	(void)state;
	keeper_init(&box, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return keeper_finish_sound(&box);
}

static int64_t count(const char *sql) { return ask(box.place.catalog, sql); }

/* A sealed file of which one byte is another when the keeper reads it. */
static void put_aside(struct keeper_box *b, int64_t start, int64_t end)
{
	char *path = keeper_incoming(b, 0, start, ".mp4");
	size_t bytes = keeper_write_sealed(b, 0, path, start, end);
	FILE *f = fopen(path, "r+");

	assert_non_null(f);
	assert_int_equal(fseek(f, (long)bytes / 2, SEEK_SET), 0);
	assert_int_equal(fputc(0x5a, f), 0x5a);
	fclose(f);
	keeper_say_sealed(b, 0, start, end, bytes);
	if (end > b->clock.wall.us)
		clock_fake_advance(&b->clock, end - b->clock.wall.us);
	keeper_say_beat(b);
	assert_int_equal(keeper_index(b), 0);
	free(path);
}

static bool is_there(const struct keeper_box *b, int64_t start)
{
	char *path = keeper_incoming(b, 0, start, ASIDE_SUFFIX);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static void digest_of(const struct keeper_box *b, int64_t start, char hex[SHA256_HEX_MAX])
{
	char *path = keeper_incoming(b, 0, start, ASIDE_SUFFIX), *data;
	uint8_t digest[SHA256_BYTES];
	size_t len;

	assert_int_equal(fs_read_all(fs_real(), path, 1 << 20, &data, &len), 0);
	sha256(data, len, digest);
	hex_encode(digest, sizeof digest, hex);
	free(data);
	free(path);
}

static void it_goes_after_keep_and_the_ledger_says_what_it_was(void **state)
{
	char hex[SHA256_HEX_MAX], *sql;

	(void)state;
	put_aside(&box, T0, T0 + MINUTE);
	assert_true(is_there(&box, T0));
	digest_of(&box, T0, hex);
	/* how far it reaches nobody knows: as far as a segment can */
	keeper_pass(&box, T0 + box.conf.segment_us + 95 * DAY - 1 - box.clock.wall.us);
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, 1);
	assert_int_equal(keeper_reap(&box), 1);
	assert_false(is_there(&box, T0));
	assert_int_equal(count("SELECT count(*) FROM aside"), 0);
	sql = xasprintf("SELECT count(*) FROM ledger WHERE kind = 'footage.expired' AND camera IS NULL AND "
			"json_extract(body, '$.aside[0].camera') = 'cam-00' AND json_extract(body, '$.aside[0].sha256') = '%s' AND "
			"json_extract(body, '$.aside[0].file') LIKE '%%.bad' AND json_extract(body, '$.bytes') > 100", hex);
	assert_int_equal(count(sql), 1);
	free(sql);
}

static int no_room(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
	(void)fs, (void)path;
	*free_bytes = *total_bytes = 0;
	return 0;
}

static void room_is_not_made_of_it(void **state)
{
	struct fs full = *fs_real();

	(void)state;
	full.free_bytes = no_room;
	box.reaper.fs = &full;
	put_aside(&box, T0, T0 + MINUTE);
	keeper_pass(&box, 94 * DAY);
	assert_int_equal(keeper_reap(&box), 0);
	assert_true(is_there(&box, T0));
	box.reaper.fs = box.fs;
}

static void what_is_held_stays_and_does_not_stand_in_the_way(void **state)
{
	struct catalog *c = box.place.catalog;
	int64_t id;

	(void)state;
	put_aside(&box, T0, T0 + MINUTE);
	put_aside(&box, T0 + DAY, T0 + DAY + MINUTE);
	assert_int_equal(catalog_begin(c), 0);
	assert_int_equal(hold_place(c, box.clock.wall, "cam-00", (struct wall_range){{T0}, {T0 + 1}}, "police", "", &chen, &id), 0);
	assert_int_equal(catalog_commit(c), 0);
	keeper_pass(&box, 200 * DAY);
	assert_int_equal(keeper_reap(&box), 1);
	assert_true(is_there(&box, T0));
	assert_false(is_there(&box, T0 + DAY));
	assert_int_equal(catalog_begin(c), 0);
	assert_int_equal(hold_release(c, box.clock.wall, id, "closed", &li), CONSENT_ASK);
	assert_int_equal(hold_release(c, box.clock.wall, id, "closed", &bureau), 0);
	assert_int_equal(catalog_commit(c), 0);
	assert_int_equal(keeper_reap(&box), 1);
	assert_false(is_there(&box, T0));
}

/* Nobody knows how old it is, but since when it has been seen. */
static void one_that_is_found_waits_as_long_as_a_new_one(void **state)
{
	char *path = keeper_incoming(&box, 0, T0 - 300 * DAY, ASIDE_SUFFIX), *odd = xasprintf("%s/incoming/odd.bad", box.root);

	(void)state;
	assert_int_equal(fs_replace(fs_real(), path, "x", 1, 0644), 0);
	assert_int_equal(fs_replace(fs_real(), odd, "x", 1, 0644), 0);
	keeper_die(&box);
	assert_int_equal(keeper_try(&box), 0);
	assert_int_equal(keeper_index(&box), 0);
	keeper_pass(&box, 95 * DAY - US_PER_S);
	assert_int_equal(keeper_reap(&box), 0);
	keeper_pass(&box, US_PER_S);
	assert_int_equal(keeper_reap(&box), 1);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(odd, F_OK), 0); /* not of our making */
	assert_int_equal(unlink(odd), 0);
	free(path);
	free(odd);
}

static void one_that_somebody_took_is_forgotten(void **state)
{
	char *path = keeper_incoming(&box, 0, T0, ASIDE_SUFFIX);

	(void)state;
	put_aside(&box, T0, T0 + MINUTE);
	assert_int_equal(unlink(path), 0);
	keeper_pass(&box, 200 * DAY);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(count("SELECT count(*) FROM aside"), 0);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'footage.expired'"), 0);
	free(path);
}

static void a_disk_without_identity_is_left_alone(void **state)
{
	char *identity = xasprintf("%s/.holdfast", box.root);

	(void)state;
	put_aside(&box, T0, T0 + MINUTE);
	keeper_pass(&box, 200 * DAY);
	assert_int_equal(unlink(identity), 0);
	assert_int_equal(keeper_reap(&box), 0);
	assert_true(is_there(&box, T0));
	keeper_identify(&box, box.uuid);
	assert_int_equal(keeper_reap(&box), 1);
	free(identity);
}

/* --- any fault, any crash ------------------------------------------------------------------------- */

static void put_one_aside(struct keeper_box *b)
{
	put_aside(b, T0, T0 + MINUTE);
	keeper_pass(b, 200 * DAY);
}

static void reap(struct keeper_box *b, bool alive)
{
	if (alive)
		reaper_step(&b->reaper);
}

static void it_is_gone_and_told_once(struct keeper_box *b)
{
	assert_true(keeper_reap(b) >= 0);
	assert_false(is_there(b, T0));
	assert_int_equal(fault_count(b, "SELECT count(*) FROM aside"), 0);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'footage.expired'"), 1);
}

static void whatever_fails_it_goes_once_and_is_told_once(void **state)
{
	static const struct fault_scene scene = {"put aside", put_one_aside, reap, it_is_gone_and_told_once, .statement_stride = 9};

	(void)state;
	fault_scene_run(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_goes_after_keep_and_the_ledger_says_what_it_was, setup, teardown),
		cmocka_unit_test_setup_teardown(room_is_not_made_of_it, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_held_stays_and_does_not_stand_in_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_is_found_waits_as_long_as_a_new_one, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_somebody_took_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disk_without_identity_is_left_alone, setup, teardown),
		cmocka_unit_test(whatever_fails_it_goes_once_and_is_told_once),
	};

	vfs_fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
