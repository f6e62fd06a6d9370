/* A transaction cannot forget what failed in it, and nothing that follows a failure is done. */
#include "indexer/db.h"

#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct { char dir[64]; char *path; struct db *db; } bed;

static int setup(void **state)
{
	struct err e;

	(void)state;
	snprintf(bed.dir, sizeof bed.dir, "/tmp/holdfast-test-XXXXXX");
	assert_non_null(mkdtemp(bed.dir));
	bed.path = xasprintf("%s/a.db", bed.dir);
	assert_int_equal(db_open_writer(bed.path, &bed.db, &e), 0);
	assert_int_equal(db_exec(bed.db, "CREATE TABLE t (x INTEGER PRIMARY KEY, b BLOB)"), 0);
	return 0;
}

static int teardown(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};

	(void)state;
	db_close(bed.db);
	for (int i = 0; i < 3; i++) {
		char *path = xasprintf("%s%s", bed.path, ends[i]);
		unlink(path);
		free(path);
	}
	free(bed.path);
	return rmdir(bed.dir);
}

static int insert(int64_t x)
{
	return db_run(bed.db, "INSERT INTO t (x) VALUES (?)", "i", x);
}

static int64_t rows(void)
{
	int64_t n = -1;

	assert_int_equal(db_int(bed.db, &n, "SELECT count(*) FROM t", ""), 0);
	return n;
}

static void an_error_that_nobody_looked_at_is_not_committed(void **state)
{
	int64_t n = 0;

	(void)state;
	assert_int_equal(db_begin(bed.db), 0);
	assert_int_equal(insert(1), 0);
	assert_int_equal(db_int(bed.db, &n, "SELECT x FROM absent", ""), -EIO); /* "it is 0, then" */
	assert_int_equal(insert(2), -EIO);
	assert_int_equal(db_end(bed.db, 0), -EIO);
	assert_int_equal(rows(), 0);
	assert_int_equal(db_begin(bed.db), 0);
	assert_int_equal(insert(3), 0);
	assert_int_equal(db_end(bed.db, 0), 0);
	assert_int_equal(rows(), 1);
}

static void no_row_is_an_answer_and_no_error(void **state)
{
	int64_t n = 7;

	(void)state;
	assert_int_equal(db_begin(bed.db), 0);
	assert_int_equal(db_int(bed.db, &n, "SELECT x FROM t WHERE x = 5", ""), -ENOENT);
	assert_int_equal(n, 7);
	assert_int_equal(insert(1), 0);
	assert_int_equal(db_end(bed.db, 0), 0);
	assert_int_equal(rows(), 1);
}

static void a_walk_that_is_under_way_ends_with_the_first_error(void **state)
{
	struct db_query q;

	(void)state;
	assert_int_equal(insert(1), 0);
	assert_int_equal(insert(2), 0);
	assert_int_equal(db_begin(bed.db), 0);
	assert_int_equal(db_query(bed.db, &q, "SELECT x FROM t ORDER BY x", ""), 0);
	assert_int_equal(db_step(&q), 1);
	assert_int_equal(insert(1), -EEXIST);
	assert_int_equal(db_step(&q), -EEXIST);
	db_done(&q);
	assert_int_equal(db_end(bed.db, 0), -EEXIST);
}

/* As after an I/O error in an INSERT: SQLite has rolled back by itself, and each further write would be a transaction
 * of its own. */
static void what_sqlite_rolled_back_by_itself_is_not_taken_up_again(void **state)
{
	(void)state;
	assert_int_equal(db_begin(bed.db), 0);
	assert_int_equal(insert(1), 0);
	assert_int_equal(db_run(bed.db, "INSERT OR ROLLBACK INTO t (x) VALUES (1)", ""), -EEXIST);
	assert_int_equal(insert(2), -EEXIST);
	assert_int_equal(db_exec(bed.db, "INSERT INTO t (x) VALUES (3)"), -EEXIST);
	assert_int_equal(db_end(bed.db, 0), -EEXIST);
	assert_int_equal(rows(), 0);
	assert_int_equal(db_begin(bed.db), 0);
	assert_int_equal(db_exec(bed.db, "ROLLBACK"), 0); /* by somebody who ought not to */
	assert_int_equal(insert(4), -EIO);
	assert_int_equal(db_end(bed.db, 0), -EIO);
	assert_int_equal(rows(), 0);
}

static void a_value_that_cannot_be_read_ends_the_transaction(void **state)
{
	struct db_query q;
	char hash[32];

	(void)state;
	assert_int_equal(db_run(bed.db, "INSERT INTO t VALUES (1, x'0102')", ""), 0);
	assert_int_equal(db_begin(bed.db), 0);
	assert_int_equal(db_query(bed.db, &q, "SELECT b FROM t", ""), 0);
	assert_int_equal(db_step(&q), 1);
	assert_int_equal(db_blob_copy(&q, 0, hash, sizeof hash), -EIO);
	db_done(&q);
	assert_int_equal(insert(2), -EIO);
	assert_int_equal(db_end(bed.db, 0), -EIO);
	assert_int_equal(rows(), 1);
}

static void a_part_is_undone_alone_unless_the_database_failed(void **state)
{
	int64_t n;

	(void)state;
	assert_int_equal(db_begin(bed.db), 0);
	assert_int_equal(insert(1), 0);
	assert_int_equal(db_savepoint(bed.db), 0);
	assert_int_equal(insert(2), 0);
	assert_int_equal(insert(1), -EEXIST);
	assert_int_equal(db_savepoint_end(bed.db, -EEXIST), 0);
	assert_int_equal(db_savepoint(bed.db), 0);
	assert_int_equal(insert(3), 0);
	assert_int_equal(db_savepoint_end(bed.db, 0), 0);
	assert_int_equal(db_end(bed.db, 0), 0);
	assert_int_equal(rows(), 2);

	assert_int_equal(db_begin(bed.db), 0);
	assert_int_equal(insert(4), 0);
	assert_int_equal(db_savepoint(bed.db), 0);
	assert_int_equal(db_int(bed.db, &n, "SELECT x FROM absent", ""), -EIO);
	assert_int_equal(db_savepoint_end(bed.db, -EIO), -EIO);
	assert_int_equal(db_end(bed.db, 0), -EIO);
	assert_int_equal(rows(), 2);
}

static void a_transaction_within_another_fails_both(void **state)
{
	(void)state;
	assert_int_equal(db_begin(bed.db), 0);
	assert_int_equal(insert(1), 0);
	assert_int_equal(db_begin(bed.db), -EIO);
	assert_int_equal(db_end(bed.db, 0), -EIO);
	assert_int_equal(rows(), 0);
	assert_int_equal(db_end(bed.db, 0), -EIO); /* there is none */
}

static void a_view_tells_at_its_end_what_it_could_not_answer(void **state)
{
	struct db *reader;
	struct err e;
	int64_t n;

	(void)state;
	assert_int_equal(db_open_reader(bed.path, &reader, &e), 0);
	assert_int_equal(db_begin_read(reader), 0);
	assert_int_equal(db_int(reader, &n, "SELECT x FROM absent", ""), -EIO);
	assert_int_equal(db_end(reader, 0), -EIO);
	assert_int_equal(db_begin_read(reader), 0);
	assert_int_equal(db_int(reader, &n, "SELECT count(*) FROM t", ""), 0);
	assert_int_equal(db_end(reader, 0), 0);
	db_close(reader);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_error_that_nobody_looked_at_is_not_committed),
		TEST(no_row_is_an_answer_and_no_error),
		TEST(a_walk_that_is_under_way_ends_with_the_first_error),
		TEST(what_sqlite_rolled_back_by_itself_is_not_taken_up_again),
		TEST(a_value_that_cannot_be_read_ends_the_transaction),
		TEST(a_part_is_undone_alone_unless_the_database_failed),
		TEST(a_transaction_within_another_fails_both),
		TEST(a_view_tells_at_its_end_what_it_could_not_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
