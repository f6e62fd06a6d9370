/* Footage moves between disks, and what is held lies on two of them: whole through any crash. */
#include "indexer/mover.h"
#include "indexer/scrub.h"
#include "keeper_fixture.h"
#include "vfs_fault.h"

#include <errno.h>
#include <fcntl.h>

#define DAY US_PER_DAY
#define MINUTE (60 * US_PER_S)

/* A disk whose room the test decides. */
static struct { struct fs base; uint64_t free_bytes; } disk;
static struct keeper_box box;
static struct conf_root roots[3];
static char paths[3][160];
static struct mover mover;

static int disk_free_bytes(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
	(void)fs, (void)path;
	*total_bytes = 0;
	*free_bytes = disk.free_bytes;
	return 0;
}

static int64_t count(const char *sql) { return ask(box.place.catalog, sql); }

/* --- a box with several disks ----------------------------------------------------------------------- */

static void identify(unsigned nth)
{
	struct root_identity id = {.site = KEEPER_SITE};
	uint8_t sector[ROOT_SECTOR_BYTES];
	char *path = xasprintf("%s/.holdfast", paths[nth]), *archive = xasprintf("%s/archive", paths[nth]), *moving = xasprintf("%s/moving", paths[nth]);

	memset(id.root, (int)(7 + nth), sizeof id.root);
	root_identity_encode(&id, sector);
	assert_int_equal(fs_mkdirs(fs_real(), archive, 0755), 0);
	assert_int_equal(fs_mkdirs(fs_real(), moving, 0755), 0);
	assert_int_equal(fs_replace(fs_real(), path, sector, sizeof sector, 0644), 0);
	free(path);
	free(archive);
	free(moving);
}

static void mover_start(void)
{
	mover_init(&mover, box.fs, &box.clock.base, &box.conf, box.place.catalog);
}

static void begin(unsigned disks)
{
	disk.base = *fs_real();
	disk.base.free_bytes = disk_free_bytes;
	disk.free_bytes = UINT64_C(1) << 40;
	keeper_init(&box, 2);
	box.fs = &disk.base;
	for (unsigned i = 0; i < disks; i++) {
		snprintf(paths[i], sizeof paths[i], "%s%s", box.root, i == 0 ? "" : i == 1 ? "-b" : "-c");
		roots[i] = (struct conf_root){.path = paths[i]};
		identify(i);
	}
	box.conf.roots = roots;
	box.conf.root_count = disks;
	keeper_die(&box);
	assert_int_equal(keeper_try(&box), 0);
	mover_start();
}

static int setup(void **state)
{
	(void)state;
	begin(2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return keeper_finish_sound(&box);
}

static bool has(unsigned nth, unsigned camera, int64_t start)
{
	char *path = copy_path(paths[nth], box.cameras[camera].id, (struct wall){start});
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* One job; 1, 0 or negative. */
static int step(void)
{
	struct mover_job j;
	int rc = mover_next(&mover, &j);

	if (rc <= 0)
		return rc;
	mover_copy(&j);
	rc = mover_apply(&mover, &j);
	return rc < 0 ? rc : 1;
}

/* Until there is nothing to do, and what became surplus is gone. */
static void run(void)
{
	while (step() > 0)
		;
	assert_int_equal(step(), 0);
}

static void hold(int64_t start, int64_t end, int64_t *id)
{
	assert_int_equal(catalog_begin(box.place.catalog), 0);
	assert_int_equal(hold_place(box.place.catalog, box.clock.wall, box.cameras[0].id, (struct wall_range){{start}, {end}},
				    "police", "", &chen, id), 0);
	assert_int_equal(catalog_commit(box.place.catalog), 0);
}

static void release(int64_t id)
{
	assert_int_equal(catalog_begin(box.place.catalog), 0);
	assert_int_equal(hold_release(box.place.catalog, box.clock.wall, id, "closed", &li), CONSENT_ASK);
	assert_int_equal(hold_release(box.place.catalog, box.clock.wall, id, "closed", &bureau), 0);
	assert_int_equal(catalog_commit(box.place.catalog), 0);
}

/* --- draining --------------------------------------------------------------------------------------------- */

static void a_drained_disk_gives_all_it_has_away(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		keeper_record(&box, (unsigned)i % 2, T0 + i * DAY, T0 + i * DAY + MINUTE);
	run();
	assert_true(has(0, 0, T0) && !has(1, 0, T0));
	roots[0].drain = true;
	mover_start();
	run();
	for (int i = 0; i < 4; i++)
		assert_true(!has(0, (unsigned)i % 2, T0 + i * DAY) && has(1, (unsigned)i % 2, T0 + i * DAY));
	assert_int_equal(count("SELECT count(*) FROM segment s JOIN root r ON r.id = s.root WHERE r.path LIKE '%-b'"), 4);
	assert_int_equal(count("SELECT count(*) FROM copy"), 0);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'storage.draining'"), 1);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind LIKE 'footage.%'"), 0);
	expect_tiles(box.place.catalog, "cam-00", 0, 60, "R 0 60");
}

static void nothing_goes_where_there_is_no_room(void **state)
{
	(void)state;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	roots[0].drain = true;
	disk.free_bytes = MOVER_ROOM_BYTES;
	run();
	assert_true(has(0, 0, T0) && !has(1, 0, T0));
	assert_true(mover_wait_us(&mover) > MOVER_IDLE_US);
	disk.free_bytes *= 2;
	run();
	assert_true(has(1, 0, T0) && !has(0, 0, T0));
}

static void retention_goes_on_during_a_move(void **state)
{
	struct mover_job j;

	(void)state;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	keeper_pass(&box, 200 * DAY);
	roots[0].drain = true;
	assert_int_equal(mover_next(&mover, &j), 1);
	assert_int_equal(keeper_reap(&box), 1);
	mover_copy(&j);
	assert_int_equal(mover_apply(&mover, &j), 0);
	run();
	assert_true(!has(0, 0, T0) && !has(1, 0, T0));
	assert_int_equal(count("SELECT count(*) FROM copy"), 0);
}

/* The disk that the row means now loses the file before the other one was unlinked. */
static void the_last_file_is_never_unlinked(void **state)
{
	struct mover_job j;

	(void)state;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	roots[0].drain = true;
	assert_int_equal(mover_next(&mover, &j), 1);
	mover_copy(&j);
	assert_int_equal(mover_apply(&mover, &j), 0);
	char *path = copy_path(paths[1], box.cameras[0].id, (struct wall){T0});
	assert_int_equal(unlink(path), 0);
	free(path);
	roots[0].drain = false;
	run();
	assert_true(has(0, 0, T0));
	assert_int_equal(count("SELECT count(*) FROM segment s JOIN root r ON r.id = s.root WHERE r.path LIKE '%root'"), 1);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'storage.copy_used'"), 1);
}

/* --- held footage ------------------------------------------------------------------------------------------ */

static void what_is_held_lies_on_two_disks_until_it_is_released(void **state)
{
	int64_t id;

	(void)state;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	keeper_record(&box, 0, T0 + DAY, T0 + DAY + MINUTE);
	hold(T0, T0 + 1, &id);
	run();
	assert_true(has(0, 0, T0) && has(1, 0, T0) && !has(1, 0, T0 + DAY));
	keeper_expect_sound(&box);
	run();
	release(id);
	run();
	assert_true(has(0, 0, T0) && !has(1, 0, T0));
	assert_int_equal(count("SELECT count(*) FROM copy"), 0);
}

static void a_drained_disk_leaves_what_is_held_to_its_copy(void **state)
{
	int64_t id;

	(void)state;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	hold(T0, T0 + 1, &id);
	run();
	roots[0].drain = true;
	run();
	assert_true(!has(0, 0, T0) && has(1, 0, T0));
	assert_int_equal(count("SELECT count(*) FROM copy"), 0);
	roots[0].drain = false;
	run();
	assert_true(has(0, 0, T0) && has(1, 0, T0));
}

static void flip_in_copy(void)
{
	char *path = copy_path(paths[1], box.cameras[0].id, (struct wall){T0});
	int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t at = (off_t)count("SELECT init_bytes FROM segment") + 200;
	uint8_t byte = 0;

	assert_true(fd >= 0 && pread(fd, &byte, 1, at) == 1);
	byte ^= 1;
	assert_true(pwrite(fd, &byte, 1, at) == 1);
	close(fd);
	free(path);
}

static void scrub_round(void)
{
	struct scrub scrub;
	struct scrub_job j;

	box.conf.scrub_us = 30 * DAY;
	assert_int_equal(scrub_init(&scrub, box.fs, &box.clock.base, &box.conf, box.place.catalog), 0);
	while (scrub.now.rounds == 0) {
		if (scrub_next(&scrub, &j) == 0)
			continue;
		scrub_read(&j);
		assert_int_equal(scrub_apply(&scrub, &j), 0);
	}
	assert_int_equal(scrub.now.damaged + scrub.now.missing, 0);
}

static void a_copy_that_rots_is_made_again(void **state)
{
	int64_t id;

	(void)state;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	keeper_record(&box, 0, T0 + DAY, T0 + DAY + MINUTE);
	hold(T0, T0 + 1, &id);
	run();
	scrub_round();
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'storage.copy_lost'"), 0);
	assert_int_equal(catalog_set_state(box.place.catalog, "scrub", ""), 0);
	flip_in_copy();
	scrub_round();
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'storage.copy_lost'"), 1);
	run();
	assert_true(has(0, 0, T0) && has(1, 0, T0));
	assert_int_equal(count("SELECT count(*) FROM copy WHERE state = 'kept'"), 1);
	assert_int_equal(catalog_set_state(box.place.catalog, "scrub", ""), 0);
	scrub_round();
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'storage.copy_lost'"), 1);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind LIKE 'footage.%'"), 0);
}

static void lose_catalogue(void)
{
	keeper_die(&box);
	place_lose_catalog(&box.place);
	assert_int_equal(keeper_try(&box), 0);
	mover_start();
}

static void a_catalogue_made_anew_knows_of_second_copies(void **state)
{
	int64_t id;

	(void)state;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	hold(T0, T0 + 1, &id);
	run();
	lose_catalogue();
	keeper_pass(&box, 60 * US_PER_S);
	assert_int_equal(count("SELECT count(*) FROM copy WHERE state = 'kept'"), 1);
	keeper_expect_sound(&box);
	run(); /* the hold was lost, and with it the reason for a second copy */
	assert_int_equal(has(0, 0, T0) + has(1, 0, T0), 1);
	assert_int_equal(count("SELECT count(*) FROM copy"), 0);
}

/* --- any fault, any crash ------------------------------------------------------------------------------------ */

enum { FILES = 2 };

static void faulty_life(struct fault *fault)
{
	struct fs_fault faulty;

	fs_fault_init(&faulty, &disk.base, fault, EIO);
	assert_int_equal(keeper_try(&box), 0);
	box.fs = &faulty.base;
	vfs_fault_use(fault);
	mover_start();
	for (int i = 0; i < 6; i++)
		step();
	vfs_fault_use(fault->stays ? fault : NULL);
	keeper_die(&box);
	vfs_fault_use(NULL);
	box.fs = &disk.base;
}

/* drain: all is moved; else the first is held. Between crash and repair nothing may be lost. */
static unsigned all_faults(bool stays, bool drain, int stride)
{
	struct fault fault = {.stays = stays};
	unsigned runs = 0;
	int64_t id;

	FAULT_EACH(&fault) {
		begin(2);
		for (unsigned i = 0; i < FILES; i++)
			keeper_record(&box, i % 2, T0 + i * DAY, T0 + i * DAY + MINUTE);
		if (!drain)
			hold(T0, T0 + 1, &id);
		roots[0].drain = drain;
		keeper_die(&box);
		faulty_life(&fault);
		assert_int_equal(keeper_try(&box), 0);
		keeper_expect_sound(&box);
		assert_int_equal(count("SELECT count(*) FROM segment"), FILES);
		mover_start();
		run();
		run();
		assert_true(has(1, 0, T0) && has(0, 0, T0) == !drain);
		assert_int_equal(count("SELECT count(*) FROM copy"), !drain);
		assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind LIKE 'footage.%'"), 0);
		keeper_expect_sound(&box);
		keeper_finish(&box);
		runs++;
		fault.nth += stride - 1;
	}
	return runs;
}

static void any_call_may_fail(void **state)
{
	(void)state;
	unsigned moved = all_faults(false, true, 2), held = all_faults(false, false, 3);
	print_message("%u and %u of the file and database calls failed once\n", moved - 1, held - 1);
}

static void the_keeper_may_die_anywhere(void **state)
{
	(void)state;
	unsigned moved = all_faults(true, true, 1), held = all_faults(true, false, 2);
	print_message("died at %u (each) and %u of the file and database calls\n", moved - 1, held - 1);
}

/* --- the wrong disk -------------------------------------------------------------------------------------------- */

static void another_disk_at_the_path_is_not_taken_for_the_one(void **state)
{
	(void)state;
	keeper_record(&box, 0, T0, T0 + MINUTE);
	uint8_t other[UUID_BYTES] = {1, 2, 3};
	keeper_identify(&box, other);
	keeper_die(&box);
	assert_int_equal(keeper_try(&box), 0);
	assert_int_equal(keeper_index(&box), 0);
	assert_int_equal(count("SELECT count(*) FROM root WHERE uuid LIKE '070707%'"), 1);
	keeper_pass(&box, 200 * DAY);
	assert_int_equal(keeper_reap(&box), 0);
	assert_int_equal(count("SELECT count(*) FROM segment"), 1);
	keeper_identify(&box, box.uuid);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_drained_disk_gives_all_it_has_away),
		T(nothing_goes_where_there_is_no_room),
		T(retention_goes_on_during_a_move),
		T(the_last_file_is_never_unlinked),
		T(what_is_held_lies_on_two_disks_until_it_is_released),
		T(a_drained_disk_leaves_what_is_held_to_its_copy),
		T(a_copy_that_rots_is_made_again),
		T(a_catalogue_made_anew_knows_of_second_copies),
		T(another_disk_at_the_path_is_not_taken_for_the_one),
		cmocka_unit_test(any_call_may_fail),
		cmocka_unit_test(the_keeper_may_die_anywhere),
	};

	vfs_fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
