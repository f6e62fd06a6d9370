/* Files of the archive that go away, change what they are, or come back: what the catalogue says of them. */
#include "keeper_fixture.h"

#include <unistd.h>

#define MINUTE (60 * US_PER_S)

static struct keeper_box box;

static int setup(void **state)
{
	(void)state;
	keeper_init(&box, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	keeper_finish(&box);
	return 0;
}

static void put_instead(int64_t start, int (*make)(const char *path))
{
	char *path = keeper_archived(&box, 0, start);

	assert_int_equal(unlink(path), 0);
	if (make)
		assert_int_equal(make(path), 0);
	free(path);
}

static int make_fifo(const char *path) { return mkfifo(path, 0644); }
static int make_link(const char *path) { return symlink("/dev/zero", path); }
static int make_folder(const char *path) { return mkdir(path, 0755); }

/* --- nobody waits for what is no file ---------------------------------------------------------------- */

static void fsck_waits_for_no_fifo_and_follows_no_link(void **state)
{
	static int (*const makes[])(const char *path) = {make_fifo, make_link, make_folder};

	(void)state;
	for (unsigned i = 0; i < sizeof makes / sizeof *makes; i++) {
		keeper_record(&box, 0, T0 + i * MINUTE, T0 + (i + 1) * MINUTE);
		put_instead(T0 + i * MINUTE, makes[i]);
		struct keeper_findings f = keeper_fsck(&box, true);
		assert_int_equal(f.count, i + 1);
		assert_non_null(strstr(f.first, "is no regular file"));
	}
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(fsck_waits_for_no_fifo_and_follows_no_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
