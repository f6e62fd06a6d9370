/* What one call for a whole file system may be believed to say. */
#include "base/fs.h"

#include <errno.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <cmocka.h>

static struct { long type; bool read_only, turns_read_only; int error; unsigned syncs; } disk;

int __wrap_syncfs(int fd);
int __wrap_fstatfs(int fd, struct statfs *s);
int __wrap_fstatfs64(int fd, struct statfs *s);

int __wrap_syncfs(int fd)
{
	(void)fd;
	disk.syncs++;
	disk.read_only |= disk.turns_read_only;
	errno = disk.error;
	return disk.error ? -1 : 0;
}

int __wrap_fstatfs(int fd, struct statfs *s)
{
	(void)fd;
	memset(s, 0, sizeof *s);
	s->f_type = disk.type;
	s->f_flags = disk.read_only ? ST_RDONLY : 0;
	return 0;
}

int __wrap_fstatfs64(int fd, struct statfs *s) { return __wrap_fstatfs(fd, s); }

static int ask(void) { return fs_real()->sync_all(fs_real(), 0); }

static int set_up(void **state)
{
	(void)state;
	memset(&disk, 0, sizeof disk);
	disk.type = EXT4_SUPER_MAGIC;
	return 0;
}

static void a_disk_that_is_well_is_believed(void **state)
{
	(void)state;
	assert_int_equal(ask(), 0);
	assert_int_equal(disk.syncs, 1);
}

/* The kernel syncs nothing there, and says 0. */
static void a_disk_that_has_become_read_only_is_not_believed(void **state)
{
	(void)state;
	disk.read_only = true;
	assert_int_equal(ask(), -EROFS);
}

static void a_disk_that_becomes_read_only_meanwhile_is_not_believed(void **state)
{
	(void)state;
	disk.turns_read_only = true;
	assert_int_equal(ask(), -EROFS);
}

static void an_error_is_told_as_it_is(void **state)
{
	(void)state;
	disk.error = EIO;
	assert_int_equal(ask(), -EIO);
}

static void a_file_system_that_passes_nothing_on_is_not_asked(void **state)
{
	(void)state;
	disk.type = 0x65735546; /* FUSE */
	assert_int_equal(ask(), -EOPNOTSUPP);
	assert_int_equal(disk.syncs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_disk_that_is_well_is_believed, set_up),
	    cmocka_unit_test_setup(a_disk_that_has_become_read_only_is_not_believed, set_up),
	    cmocka_unit_test_setup(a_disk_that_becomes_read_only_meanwhile_is_not_believed, set_up),
	    cmocka_unit_test_setup(an_error_is_told_as_it_is, set_up),
	    cmocka_unit_test_setup(a_file_system_that_passes_nothing_on_is_not_asked, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
