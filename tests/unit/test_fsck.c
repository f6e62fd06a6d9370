/* Each kind of violation is found, and a sound box has none. */
#include "keeper_fixture.h"

#include <errno.h>
#include <fcntl.h>

#define MINUTE (60 * US_PER_S)

static struct keeper_box box;

static int64_t start_of(int n) { return T0 + n * 10 * MINUTE; }

static int setup(void **state)
{
	(void)state;
	keeper_init(&box, 1);
	for (int i = 0; i < 3; i++)
		keeper_record(&box, 0, start_of(i), start_of(i) + 5 * MINUTE);
	keeper_expect_sound(&box);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	keeper_finish(&box);
	return 0;
}

static void sql(const char *text) { assert_int_equal(db_exec(box.place.catalog->db, text), 0); }

static void expect_findings(bool full, unsigned count, const char *first)
{
	struct keeper_findings f = keeper_fsck(&box, full);

	if (f.count != count || !strstr(f.first, first))
		fail_msg("%u findings, first \"%s\"; wanted %u with \"%s\"", f.count, f.first, count, first);
}

static void write_at(int n, off_t at, const char *bytes)
{
	char *path = keeper_archived(&box, 0, start_of(n));
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	off_t end = lseek(fd, 0, SEEK_END);

	assert_true(fd >= 0 && pwrite(fd, bytes, strlen(bytes), at < 0 ? end + at : at) == (ssize_t)strlen(bytes));
	close(fd);
	free(path);
}

static void put(const char *below_root)
{
	char *path = xasprintf("%s/%s", box.root, below_root);

	assert_int_equal(fs_replace(fs_real(), path, "x", 1, 0644), 0);
	free(path);
}

static void say_stop(void)
{
	keeper_say(&box, "stop", json_object());
	assert_int_equal(journal_sync(box.journal), 0);
}

/* --- 1: rows and their files -------------------------------------------------------------------- */

static void a_missing_file(void **state)
{
	char *path = keeper_archived(&box, 0, start_of(1));

	(void)state;
	assert_int_equal(unlink(path), 0);
	expect_findings(false, 1, "No such file");
	free(path);
}

static void another_size(void **state)
{
	char *path = keeper_archived(&box, 0, start_of(1));

	(void)state;
	assert_int_equal(truncate(path, 100), 0);
	expect_findings(false, 1, "another size");
	free(path);
}

static void an_altered_byte_shows_when_every_byte_is_read(void **state)
{
	(void)state;
	int64_t mdat = ask(box.place.catalog, "SELECT max(init_bytes) FROM segment") + 200;
	write_at(1, mdat, "!");
	expect_findings(false, 0, "");
	expect_findings(true, 1, "");
}

static void a_broken_seal(void **state)
{
	(void)state;
	write_at(1, -10, "!!!");
	expect_findings(true, 1, "");
}

static void a_file_in_the_place_of_another(void **state)
{
	(void)state;
	sql("UPDATE segment SET seal_digest = zeroblob(32) WHERE start = (SELECT min(start) FROM segment)");
	expect_findings(true, 2, "not those that were sealed"); /* and the next does not follow it */
}

/* --- 2: files and their rows ---------------------------------------------------------------------- */

/* As the keeper leaves it between the move to the archive and the row. */
static void publish_without_row(int64_t start)
{
	char *path = keeper_archived(&box, 0, start), *folder = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);

	assert_int_equal(fs_mkdirs(fs_real(), folder, 0755), 0);
	keeper_write_sealed(&box, 0, path, start, start + MINUTE);
	free(folder);
	free(path);
}

static void a_file_that_no_row_tells_of(void **state)
{
	(void)state;
	publish_without_row(start_of(2) + 6 * MINUTE);
	publish_without_row(start_of(0) - MINUTE); /* the clock was set back */
	expect_findings(false, 0, "");
	say_stop();
	expect_findings(false, 2, "is in no catalogue");
}

static void a_file_older_than_the_rows(void **state)
{
	(void)state;
	box.cameras[0].sequence = 0;
	publish_without_row(start_of(2) + 6 * MINUTE);
	expect_findings(false, 1, "is in no catalogue");
}

static void a_file_of_footages_name_that_is_none(void **state)
{
	char *path = keeper_archived(&box, 0, start_of(2) + MINUTE);

	(void)state;
	assert_int_equal(fs_replace(fs_real(), path, "x", 1, 0644), 0);
	expect_findings(false, 1, "is in no catalogue");
	free(path);
}

static void files_that_are_not_where_footage_is(void **state)
{
	(void)state;
	put("archive/stray.mp4");
	put("archive/cam-00/stray.mp4");
	expect_findings(false, 2, "is in no catalogue");
}

static void a_folder_that_cannot_be_read_is_not_passed_over(void **state)
{
	char *loop = xasprintf("%s/archive/cam-01", box.root);

	(void)state;
	assert_int_equal(symlink(loop, loop), 0);
	expect_findings(false, 1, loop);
	free(loop);
}

static void both_footage_and_garbage(void **state)
{
	(void)state;
	sql("INSERT INTO garbage (camera, root, start, end, bytes, seal_digest) SELECT camera, root, start, end, bytes, "
	    "seal_digest FROM segment LIMIT 1");
	expect_findings(false, 1, "both footage and garbage");
}

/* --- 3: after a clean stop --------------------------------------------------------------------------- */

static void nothing_is_left_after_a_clean_stop(void **state)
{
	char *newer = keeper_archived(&box, 0, start_of(2) + MINUTE);

	(void)state;
	say_stop();
	expect_findings(true, 0, "");
	assert_int_equal(fs_replace(fs_real(), newer, "x", 1, 0644), 0);
	put("incoming/left.open");
	sql("INSERT INTO garbage (camera, root, start, end, bytes, seal_digest) SELECT camera, root, 5, 6, 7, seal_digest FROM "
	    "segment LIMIT 1");
	expect_findings(false, 3, "");
	free(newer);
}

/* --- 4: the accounts ------------------------------------------------------------------------------------ */

static void a_gap_over_footage(void **state)
{
	(void)state;
	sql("INSERT INTO gap (camera, start, end, cause) SELECT camera, start + 1, end, 'recorder_down' FROM segment LIMIT 1");
	expect_findings(false, 1, "a gap and footage overlap");
}

static void two_gaps_at_once(void **state)
{
	(void)state;
	sql("INSERT INTO gap (camera, start, end, cause) SELECT camera, start, end, cause FROM gap WHERE end NOT NULL LIMIT 1");
	expect_findings(false, 1, "two gaps overlap");
}

static void time_that_is_neither_footage_nor_gap(void **state)
{
	(void)state;
	sql("DELETE FROM gap WHERE start = (SELECT min(start) FROM gap)");
	expect_findings(false, 1, "neither footage nor a gap");
}

static void coverage_that_no_file_holds(void **state)
{
	(void)state;
	sql("UPDATE gap SET end = end - 5000000 WHERE start = (SELECT min(start) FROM gap);"
	    "UPDATE span SET start = start - 5000000 WHERE start = (SELECT max(start) FROM (SELECT start FROM span ORDER BY start "
	    "LIMIT 2))");
	expect_findings(false, 1, "no file holds");
}

static void an_altered_ledger(void **state)
{
	(void)state;
	sql("DROP TRIGGER ledger_is_append_only_update; UPDATE ledger SET body = '{}' WHERE seq = 2");
	expect_findings(false, 1, "ledger entry 2 was altered");
}

static void a_ledger_with_a_hole(void **state)
{
	(void)state;
	sql("DROP TRIGGER ledger_is_append_only_delete; DELETE FROM ledger WHERE seq = 2");
	expect_findings(false, 1, "ledger entry 2 is missing");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_missing_file),
		T(another_size),
		T(an_altered_byte_shows_when_every_byte_is_read),
		T(a_broken_seal),
		T(a_file_in_the_place_of_another),
		T(a_file_that_no_row_tells_of),
		T(a_file_older_than_the_rows),
		T(a_file_of_footages_name_that_is_none),
		T(files_that_are_not_where_footage_is),
		T(a_folder_that_cannot_be_read_is_not_passed_over),
		T(both_footage_and_garbage),
		T(nothing_is_left_after_a_clean_stop),
		T(a_gap_over_footage),
		T(two_gaps_at_once),
		T(time_that_is_neither_footage_nor_gap),
		T(coverage_that_no_file_holds),
		T(an_altered_ledger),
		T(a_ledger_with_a_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
