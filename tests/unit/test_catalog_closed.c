/* A catalogue that the keeper closed need not be checked; any other is. */
#include "base/fault.h"
#include "catalog_fixture.h"
#include "indexer/catalog_closed.h"
#include "indexer/catalog_write.h"
#include "vfs_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static struct place place;
static char *path;

static int setup(void **state)
{
	(void)state;
	place_init(&place);
	catalog_close(place.catalog);
	place.catalog = NULL;
	path = xasprintf("%s/catalog.db", place.dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	place_finish(&place);
	free(path);
	return 0;
}

/* One life of the keeper; `stops`: in an orderly way. Whether it found the catalogue closed. */
static bool live(struct fs *fs, bool stops)
{
	struct catalog_closed k;
	struct catalog *c;
	struct err e;
	bool clean;

	catalog_closed_take(fs, path, &k, &clean);
	assert_int_equal(catalog_create(path, &c, &e), 0);
	assert_int_equal(catalog_begin(c), 0);
	assert_int_equal(ledger_append(c, (struct wall){T0}, "recorder.started", NULL, json_object(), NULL), 0);
	assert_int_equal(catalog_commit(c), 0);
	bool sound = catalog_is_sound(c);
	catalog_close(c);
	if (stops && sound)
		catalog_closed_mark(&k);
	catalog_closed_finish(&k);
	return clean;
}

static void only_an_orderly_end_counts_and_only_once(void **state)
{
	(void)state;
	assert_false(live(fs_real(), true)); /* the first ever */
	assert_true(live(fs_real(), true));
	assert_true(live(fs_real(), false)); /* killed */
	assert_false(live(fs_real(), false));
	assert_false(live(fs_real(), true));
	assert_true(live(fs_real(), true));
}

/* The kernel's times of change go by ticks. */
static void wait_a_tick(void)
{
	struct timespec was, now;

	clock_gettime(CLOCK_REALTIME_COARSE, &was);
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec == was.tv_sec && now.tv_nsec == was.tv_nsec);
}

static void write_at(const char *file, off_t at, const void *data, size_t len)
{
	int fd = open(file, O_RDWR);

	assert_int_equal(pwrite(fd, data, len, at), len);
	close(fd);
}

/* Even one that takes care to look untouched. */
static void a_file_that_was_changed_since_is_checked(void **state)
{
	struct stat st;
	char byte = 'x';

	(void)state;
	live(fs_real(), true);
	wait_a_tick();
	assert_int_equal(stat(path, &st), 0);
	write_at(path, st.st_size - 1, &byte, 1);
	assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){st.st_atim, st.st_mtim}, 0), 0);
	assert_false(live(fs_real(), true));
	assert_true(live(fs_real(), true));
	assert_int_equal(truncate(path, st.st_size + 4096), 0);
	assert_false(live(fs_real(), true));
}

static void another_file_in_its_place_is_checked(void **state)
{
	char *copy = xasprintf("%s.copy", path), *wal = xasprintf("%s-wal", path), *text;
	size_t len;

	(void)state;
	live(fs_real(), true);
	assert_int_equal(fs_read_all(fs_real(), path, 1 << 24, &text, &len), 0);
	assert_int_equal(fs_replace(fs_real(), copy, text, len, 0600), 0);
	assert_int_equal(rename(copy, path), 0);
	assert_false(live(fs_real(), true));
	assert_int_equal(unlink(wal), 0);
	assert_false(live(fs_real(), true));
	free(text);
	free(copy);
	free(wal);
}

/* What cannot be read, emptied or made durable says nothing. */
static void no_failure_makes_it_clean(void **state)
{
	struct fault fault = {.nth = 0};
	struct fs_fault faulty;

	(void)state;
	fs_fault_init(&faulty, fs_real(), &fault, EIO);
	FAULT_EACH(&fault) {
		struct catalog_closed k;
		bool clean;
		live(fs_real(), true);
		int rc = catalog_closed_take(&faulty.base, path, &k, &clean);
		assert_true(clean ? rc == 0 && !fault.hit : fault.hit);
		k.fs = fs_real();
		catalog_closed_finish(&k);
	}
}

static void a_catalogue_that_failed_is_not_sound(void **state)
{
	struct catalog *c;
	struct err e;
	struct fault fault = {.nth = 0, .stays = true};

	(void)state;
	vfs_fault_install();
	assert_int_equal(catalog_create(path, &c, &e), 0);
	assert_true(catalog_is_sound(c));
	vfs_fault_use(&fault);
	assert_int_equal(catalog_begin(c), 0);
	assert_true(catalog_set_state(c, "a", "b") < 0 || catalog_commit(c) < 0);
	vfs_fault_use(NULL);
	catalog_rollback(c);
	assert_false(catalog_is_sound(c));
	catalog_close(c);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(only_an_orderly_end_counts_and_only_once),
		T(a_file_that_was_changed_since_is_checked),
		T(another_file_in_its_place_is_checked),
		T(no_failure_makes_it_clean),
		T(a_catalogue_that_failed_is_not_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
