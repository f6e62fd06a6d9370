/* A database of version 0.1 is taken over whole, in one transaction, after a copy; what a newer program made is refused. */
#include "catalog_fixture.h"
#include "indexer/db_format.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct { char dir[64]; char *path; struct err e; } bed;

static int setup(void **state)
{
	(void)state;
	snprintf(bed.dir, sizeof bed.dir, "/tmp/holdfast-test-XXXXXX");
	assert_non_null(mkdtemp(bed.dir));
	bed.path = xasprintf("%s/catalog.db", bed.dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	place_remove(bed.dir);
	free(bed.path);
	return 0;
}

static char *name(const char *end)
{
	return xasprintf("%s%s", bed.path, end);
}

static bool exists(const char *end)
{
	struct stat st;
	char *path = name(end);
	bool there = stat(path, &st) == 0;

	free(path);
	return there;
}

static struct db *writer(const char *path)
{
	struct db *db;

	assert_int_equal(db_open_writer(path, &db, &bed.e), 0);
	return db;
}

static void run(struct db *db, const char *sql)
{
	assert_int_equal(db_exec(db, sql), 0);
}

static void run_at(const char *path, const char *sql)
{
	struct db *db = writer(path);

	run(db, sql);
	db_close(db);
}

/* Of the first row. */
static int64_t number(const char *path, const char *sql)
{
	struct db *db;
	int64_t n = -1;

	assert_int_equal(db_open_reader(path, &db, &bed.e), 0);
	assert_int_equal(db_int(db, &n, sql, ""), 0);
	db_close(db);
	return n;
}

static char *file_text(const char *path)
{
	char text[65536];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);

	assert_true(n > 0);
	close(fd);
	return xasprintf("%.*s", (int)n, text);
}

static void make_0_1(void)
{
	char *sql = file_text(STATE_0_1 "/catalog.sql");

	run_at(bed.path, sql);
	run_at(bed.path, "INSERT INTO ledger VALUES (1, 5, 'a', NULL, '{}', x'01'); INSERT INTO state VALUES ('witnessed_us', '77')");
	assert_int_equal(number(bed.path, "PRAGMA user_version"), 0);
	free(sql);
}

/* --- a catalogue of 0.1 ------------------------------------------------------------------------ */

/* All columns, indexes, triggers: one line each, sorted. */
static char *schema_of(const char *path)
{
	struct buf out = {0};
	struct db *db;
	struct db_query q;

	assert_int_equal(db_open_reader(path, &db, &bed.e), 0);
	assert_int_equal(db_query(db, &q, "SELECT 'column ' || m.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || "
					  "ifnull(c.dflt_value, '-') || ' ' || c.pk FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
					  "WHERE m.type = 'table' UNION ALL SELECT type || ' ' || sql FROM sqlite_master "
					  "WHERE type IN ('index', 'trigger') AND sql NOT NULL ORDER BY 1", ""), 0);
	while (db_step(&q) > 0)
		buf_printf(&out, "%s\n", db_text(&q, 0));
	db_done(&q);
	db_close(db);
	buf_add(&out, "", 1);
	return (char *)out.data;
}

static void a_catalogue_of_0_1_becomes_what_a_new_one_is(void **state)
{
	struct catalog *c;
	char *fresh = xasprintf("%s/fresh.db", bed.dir);

	(void)state;
	make_0_1();
	assert_int_equal(catalog_create(bed.path, &c, &bed.e), 0);
	catalog_close(c);
	assert_int_equal(catalog_create(fresh, &c, &bed.e), 0);
	catalog_close(c);
	char *old = schema_of(bed.path), *new = schema_of(fresh);
	assert_string_equal(old, new); /* a column of schema.sql that schema_upgrade.sql forgot */
	assert_int_equal(number(bed.path, "PRAGMA user_version"), CATALOG_FORMAT);
	assert_int_equal(number(bed.path, "SELECT min_reader FROM format"), CATALOG_FORMAT);
	assert_int_equal(number(bed.path, "SELECT value + 0 FROM state WHERE key = 'witnessed_us'"), 77);
	assert_int_equal(number(bed.path, "SELECT count(*) FROM ledger"), 1);
	free(old);
	free(new);
	free(fresh);
}

static void the_copy_is_as_it_was_and_stays(void **state)
{
	struct catalog *c;
	struct stat st;
	char *copy = name(".before-2");

	(void)state;
	make_0_1();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(catalog_create(bed.path, &c, &bed.e), 0);
		assert_int_equal(catalog_set_state(c, "witnessed_us", "78"), 0);
		catalog_close(c);
	}
	assert_int_equal(number(copy, "PRAGMA user_version"), 0);
	assert_int_equal(number(copy, "SELECT value FROM state WHERE key = 'witnessed_us'"), 77);
	assert_int_equal(number(copy, "SELECT count(*) FROM sqlite_master WHERE name = 'format'"), 0);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(copy);
}

static void a_new_catalogue_has_no_copy(void **state)
{
	struct catalog *c;

	(void)state;
	assert_int_equal(catalog_create(bed.path, &c, &bed.e), 0);
	catalog_close(c);
	assert_false(exists(".before-2"));
}

static void without_a_copy_nothing_is_changed(void **state)
{
	struct catalog *c;
	char *copy = name(".before-2.part");

	(void)state;
	make_0_1();
	assert_int_equal(mkdir(copy, 0700), 0); /* whatever keeps it from being made */
	assert_true(catalog_create(bed.path, &c, &bed.e) < 0);
	assert_non_null(strstr(bed.e.text, "cannot be copied"));
	assert_int_equal(number(bed.path, "PRAGMA user_version"), 0);
	free(copy);
}

static void without_room_no_half_copy_is_left(void **state)
{
	struct rlimit was, small;
	struct catalog *c;

	(void)state;
	make_0_1();
	run_at(bed.path, "CREATE TABLE large (x); INSERT INTO large VALUES (zeroblob(1 << 20)); PRAGMA wal_checkpoint(TRUNCATE)");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = (struct rlimit){256 << 10, was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int rc = catalog_create(bed.path, &c, &bed.e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_true(rc < 0);
	assert_non_null(strstr(bed.e.text, "cannot be copied"));
	assert_false(exists(".before-2.part"));
	assert_false(exists(".before-2"));
	assert_int_equal(number(bed.path, "PRAGMA user_version"), 0);
}

static void a_step_that_fails_leaves_all_as_it_was(void **state)
{
	static const struct db_format broken = {.version = 2, .min_reader = 2, .upgrade = "ALTER TABLE segment ADD COLUMN more INTEGER",
						.schema = "CREATE TABLE fresh (x); INSERT INTO absent VALUES (1)"};
	char *before, *after;

	(void)state;
	make_0_1();
	before = schema_of(bed.path);
	struct db *db = writer(bed.path);
	assert_true(db_format_make(db, bed.path, &broken, &bed.e) < 0);
	db_close(db);
	after = schema_of(bed.path);
	assert_string_equal(before, after);
	assert_int_equal(number(bed.path, "PRAGMA user_version"), 0);
	free(before);
	free(after);
}

static void a_reader_waits_until_it_is_taken_over(void **state)
{
	struct catalog *c;

	(void)state;
	make_0_1();
	assert_int_equal(catalog_open(bed.path, &c, &bed.e), -EAGAIN);
	assert_non_null(strstr(bed.e.text, "earlier version"));
}

/* --- a newer one --------------------------------------------------------------------------------- */

static void make_newer(void)
{
	struct catalog *c;

	make_0_1();
	assert_int_equal(catalog_create(bed.path, &c, &bed.e), 0);
	catalog_close(c);
	char *copy = name(".before-2"), *later = name(".before-9");
	assert_int_equal(rename(copy, later), 0);
	run_at(bed.path, "PRAGMA user_version = 9; UPDATE format SET min_reader = 9, copy = 'catalog.db.before-9'");
	free(copy);
	free(later);
}

static void what_a_newer_program_made_is_refused_by_name_of_the_way_back(void **state)
{
	struct catalog *c;

	(void)state;
	make_newer();
	assert_int_equal(catalog_create(bed.path, &c, &bed.e), -ENOTSUP);
	assert_non_null(strstr(bed.e.text, "`holdfast downgrade`"));
	assert_int_equal(catalog_open(bed.path, &c, &bed.e), -ENOTSUP);
	assert_non_null(strstr(bed.e.text, "(puts the copy from before back)"));
	assert_int_equal(number(bed.path, "PRAGMA user_version"), 9);
}

static void a_newer_one_that_still_suits_is_used_as_it_is(void **state)
{
	struct catalog *c;

	(void)state;
	make_newer();
	run_at(bed.path, "UPDATE format SET min_reader = 2");
	assert_int_equal(catalog_create(bed.path, &c, &bed.e), 0);
	catalog_close(c);
	assert_int_equal(number(bed.path, "PRAGMA user_version"), 9);
}

static void the_copy_is_put_back_and_the_newer_one_kept(void **state)
{
	char aside[4096];
	struct catalog *c;

	(void)state;
	make_newer();
	assert_int_equal(db_format_put_back(bed.dir, "catalog.db", CATALOG_FORMAT, (struct wall){T0}, aside, &bed.e), 0);
	assert_int_equal(number(aside, "PRAGMA user_version"), 9);
	assert_int_equal(number(bed.path, "PRAGMA user_version"), 0);
	assert_int_equal(catalog_create(bed.path, &c, &bed.e), 0);
	catalog_close(c);
	assert_int_equal(db_format_put_back(bed.dir, "catalog.db", CATALOG_FORMAT, (struct wall){T0}, aside, &bed.e), 0);
	assert_string_equal(aside, ""); /* nothing to be done */
}

static void without_its_copy_nothing_is_put_aside(void **state)
{
	char aside[4096], *later = name(".before-9");

	(void)state;
	make_newer();
	assert_int_equal(unlink(later), 0);
	assert_true(db_format_put_back(bed.dir, "catalog.db", CATALOG_FORMAT, (struct wall){T0}, aside, &bed.e) < 0);
	assert_int_equal(number(bed.path, "PRAGMA user_version"), 9);
	free(later);
}

static void what_cannot_be_copied_back_leaves_the_newer_one(void **state)
{
	char aside[4096], *part = name(".part");

	(void)state;
	make_newer();
	assert_int_equal(mkdir(part, 0700), 0); /* whatever keeps it from being made */
	assert_true(db_format_put_back(bed.dir, "catalog.db", CATALOG_FORMAT, (struct wall){T0}, aside, &bed.e) < 0);
	assert_string_equal(aside, "");
	assert_int_equal(number(bed.path, "PRAGMA user_version"), 9);
	free(part);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_catalogue_of_0_1_becomes_what_a_new_one_is),
		TEST(the_copy_is_as_it_was_and_stays),
		TEST(a_new_catalogue_has_no_copy),
		TEST(without_a_copy_nothing_is_changed),
		TEST(without_room_no_half_copy_is_left),
		TEST(a_step_that_fails_leaves_all_as_it_was),
		TEST(a_reader_waits_until_it_is_taken_over),
		TEST(what_a_newer_program_made_is_refused_by_name_of_the_way_back),
		TEST(a_newer_one_that_still_suits_is_used_as_it_is),
		TEST(the_copy_is_put_back_and_the_newer_one_kept),
		TEST(without_its_copy_nothing_is_put_aside),
		TEST(what_cannot_be_copied_back_leaves_the_newer_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
