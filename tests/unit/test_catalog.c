#include "catalog_fixture.h"
#include "indexer/life.h"

#include "indexer/tiles.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define CAM "front"

static struct place place;

static int setup(void **state)
{
	(void)state;
	place_init(&place);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	place_finish(&place);
	return 0;
}

static struct wall at(double s)
{
	return (struct wall){SEC(s)};
}

static char *db_path(void)
{
	return xasprintf("%s/catalog.db", place.dir);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void a_reader_before_the_keeper_is_told_to_try_again(void **state)
{
	struct catalog *c;
	struct err e;
	char *path = xasprintf("%s/none.db", place.dir);

	(void)state;
	assert_int_equal(catalog_open(path, &c, &e), -EAGAIN);
	int fd = open(path, O_CREAT | O_WRONLY, 0644); /* made, but its schema is not in yet */
	close(fd);
	assert_int_equal(catalog_open(path, &c, &e), -EAGAIN);
	free(path);
}

static void a_reader_reads_and_cannot_write(void **state)
{
	struct catalog *c;
	struct err e;
	char *path = db_path(), value[16];

	(void)state;
	assert_int_equal(catalog_set_state(place.catalog, "k", "v"), 0);
	assert_int_equal(catalog_open(path, &c, &e), 0);
	assert_int_equal(catalog_state(c, "k", value, sizeof value), 0);
	assert_string_equal(value, "v");
	assert_true(catalog_set_state(c, "k", "w") < 0);
	catalog_close(c);
	free(path);
}

static void a_view_does_not_change_while_it_is_held(void **state)
{
	struct catalog *c;
	struct err e;
	char *path = db_path(), value[16];

	(void)state;
	assert_int_equal(catalog_set_state(place.catalog, "k", "1"), 0);
	assert_int_equal(catalog_open(path, &c, &e), 0);
	assert_int_equal(catalog_begin_read(c), 0);
	catalog_state(c, "k", value, sizeof value);
	assert_int_equal(catalog_set_state(place.catalog, "k", "2"), 0);
	catalog_state(c, "k", value, sizeof value);
	assert_string_equal(value, "1");
	catalog_end_read(c);
	catalog_state(c, "k", value, sizeof value);
	assert_string_equal(value, "2");
	catalog_close(c);
	free(path);
}

/* The WAL stays after the keeper's end, and a reader's close neither checkpoints nor removes it. */
static void a_reader_works_after_the_keeper_has_gone(void **state)
{
	struct catalog *c;
	struct err e;
	struct stat st;
	char *path = db_path(), *wal = xasprintf("%s-wal", path), value[16];

	(void)state;
	assert_int_equal(catalog_set_state(place.catalog, "k", "v"), 0);
	catalog_close(place.catalog);
	place.catalog = NULL;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stat(wal, &st), 0);
		assert_int_equal(catalog_open(path, &c, &e), 0);
		assert_int_equal(catalog_state(c, "k", value, sizeof value), 0);
		assert_string_equal(value, "v");
		catalog_close(c);
	}
	free(wal);
	free(path);
}

static void a_file_that_is_no_catalogue_is_refused(void **state)
{
	struct catalog *c;
	struct err e;
	char *path = xasprintf("%s/odd.db", place.dir);
	int fd = open(path, O_CREAT | O_WRONLY, 0644);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(write(fd, "this is not a database, whatever its name says ", 47), 47);
	close(fd);
	assert_int_equal(catalog_open(path, &c, &e), -EUCLEAN);
	assert_int_equal(catalog_create(path, &c, &e), -EUCLEAN);
	free(path);
}

/* --- spans ---------------------------------------------------------------------------------------- */

static int span_text(struct buf *out)
{
	struct db_query q;

	assert_int_equal(db_query(place.catalog->db, &q, "SELECT start, end, state FROM span ORDER BY start", ""), 0);
	while (db_step(&q) > 0)
		buf_printf(out, "%s%c %g %g", out->len ? " | " : "", db_text(&q, 2)[0] == 'r' ? 'R' : 'E',
			   (double)(db_i64(&q, 0) - T0) / 1e6, (double)(db_i64(&q, 1) - T0) / 1e6);
	db_done(&q);
	buf_add(out, "", 1);
	return 0;
}

static void expect_spans(const char *want)
{
	struct buf got = {0};

	span_text(&got);
	assert_string_equal((char *)got.data, want);
	buf_finish(&got);
}

static void spans_merge_split_and_expire(void **state)
{
	struct catalog *c = place.catalog;

	(void)state;
	assert_int_equal(span_add(c, CAM, at(0), at(10)), 0);
	assert_int_equal(span_add(c, CAM, at(20), at(30)), 0);
	expect_spans("R 0 10 | R 20 30");
	assert_int_equal(span_add(c, CAM, at(10), at(20)), 0);
	assert_int_equal(span_add(c, CAM, at(5), at(25)), 0);
	expect_spans("R 0 30");
	assert_int_equal(span_expire(c, CAM, at(0), at(5)), 0);
	assert_int_equal(span_expire(c, CAM, at(5), at(10)), 0);
	expect_spans("E 0 10 | R 10 30");
	assert_int_equal(span_remove(c, CAM, at(5), at(15)), 0); /* only what is recorded */
	expect_spans("E 0 10 | R 15 30");
	assert_int_equal(span_expire(c, CAM, at(0), at(20)), 0); /* a hole does not expire */
	expect_spans("E 0 10 | E 15 20 | R 20 30");
	assert_int_equal(span_add(c, CAM, at(8), at(20)), 0);
	expect_spans("E 0 8 | R 8 30");
	assert_int_equal(span_add(c, CAM, at(3), at(3)), 0);
	assert_int_equal(span_remove(c, CAM, at(10), at(20)), 0);
	expect_spans("E 0 8 | R 8 10 | R 20 30");
}

/* --- tiles ------------------------------------------------------------------------------------------ */

static void tiles_cover_any_window(void **state)
{
	struct catalog *c = place.catalog;
	struct accounting a = begin_at(c, SEC(0));
	char settled[24];

	(void)state;
	snprintf(settled, sizeof settled, "%lld", (long long)SEC(50));
	assert_int_equal(catalog_set_state(c, "settled_at", settled), 0);
	assert_int_equal(account_configure(&a, CAM, "Front", "hall"), 0);
	assert_int_equal(account_up(&a, CAM, at(5)), 0);
	assert_int_equal(account_covered(&a, CAM, LIFE_NONE, at(5), at(20)), 0);
	assert_int_equal(account_covered(&a, CAM, LIFE_NONE, at(25), at(30)), 0);
	assert_int_equal(account_down(&a, CAM, at(30), "stream_stalled", ""), 0);
	assert_int_equal(account_settle(&a, at(50)), 0);
	assert_int_equal(span_expire(c, CAM, at(5), at(10)), 0);
	assert_int_equal(catalog_commit(c), 0);
	expect_tiles(c, CAM, 0, 60, "N 0 5 | E 5 10 | R 10 20 | G 20 25 footage_missing | R 25 30 | "
				    "G 30 50 stream_stalled | P 50 60");
	expect_tiles(c, CAM, 12, 13, "R 12 13");
	expect_tiles(c, CAM, 22, 35, "G 22 25 footage_missing | R 25 30 | G 30 35 stream_stalled");
	expect_tiles(c, CAM, -9, -8, "N -9 -8");
	expect_tiles(c, CAM, 70, 80, "P 70 80");
	expect_tiles(c, "nobody", 0, 1, "N 0 1");
}

static int sum(void *arg, const struct tile *t)
{
	coverage_add(arg, t);
	return 0;
}

static void sums_never_divide_by_what_was_found(void **state)
{
	struct coverage s = {0};
	struct tile_layers l = {.awaits_from = INT64_MAX};

	(void)state;
	layer_add(&l.obligation, 0, 100, 0, "");
	layer_add(&l.recorded, 20, 70, 0, "");
	layer_add(&l.expired, 0, 20, 0, "");
	layer_add(&l.gaps, 70, 72, 1, "x");
	layer_add(&l.gaps, 72, 90, 2, "x"); /* neighbours stay two */
	assert_int_equal(tiles_walk(&l, (struct wall){-10}, (struct wall){110}, sum, &s), 0);
	assert_int_equal(s.covered_us, 50);
	assert_int_equal(s.obliged_us, 70);
	assert_int_equal(s.expired_us, 20);
	assert_int_equal(s.pending_us, 10);
	assert_int_equal(s.gaps, 2);
	assert_int_equal(s.longest_gap_us, 18);
	assert_true(coverage_completeness(&s) > 0.714 && coverage_completeness(&s) < 0.715);
	assert_true(coverage_completeness(&(struct coverage){0}) >= 1.0);
	layer_finish(&l.obligation);
	layer_finish(&l.recorded);
	layer_finish(&l.expired);
	layer_finish(&l.gaps);
}

static int stop_at_once(void *arg, const struct tile *t)
{
	(void)t;
	++*(int *)arg;
	return 7;
}

static void a_callback_ends_the_walk(void **state)
{
	int calls = 0;

	(void)state;
	assert_int_equal(span_add(place.catalog, CAM, at(1), at(2)), 0);
	assert_int_equal(catalog_tiles(place.catalog, CAM, at(0), at(9), stop_at_once, &calls), 7);
	assert_int_equal(calls, 1);
}

/* --- gaps, holds, segments ---------------------------------------------------------------------------- */

static int count_gap(void *arg, const struct catalog_gap *row)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

static int gaps(const char *cause, bool only_open, double from, double to, int64_t after, unsigned limit)
{
	struct gap_query q = {.camera = CAM, .cause = cause, .only_open = only_open, .from = at(from), .to = at(to),
			      .after_id = after, .limit = limit};
	int n = 0;

	assert_int_equal(catalog_gaps(place.catalog, &q, count_gap, &n), 0);
	return n;
}

static void gaps_are_found_by_time_cause_and_cursor(void **state)
{
	struct db *db = place.catalog->db;
	int n = 0;

	(void)state;
	static const char sql[] = "INSERT INTO gap (camera, start, end, cause) VALUES (?, ?, ?, ?)";
	assert_int_equal(db_run(db, sql, "tiit", CAM, SEC(0), SEC(5), "stream_stalled"), 0);
	assert_int_equal(db_run(db, sql, "tiit", CAM, SEC(7), SEC(7), "stream_stalled"), 0); /* narrowed to nothing */
	assert_int_equal(db_run(db, sql, "tint", CAM, SEC(10), "storage_full"), 0);
	assert_int_equal(gaps(NULL, false, 0, 100, 0, 10), 2);
	assert_int_equal(gaps(NULL, false, 5, 10, 0, 10), 0); /* half-open on both sides */
	assert_int_equal(gaps(NULL, false, 4.999999, 5, 0, 10), 1);
	assert_int_equal(gaps(NULL, false, 1000, 2000, 0, 10), 1);
	assert_int_equal(gaps("stream_stalled", false, 0, 100, 0, 10), 1);
	assert_int_equal(gaps(NULL, true, 0, 100, 0, 10), 1);
	assert_int_equal(gaps(NULL, false, 0, 100, 1, 10), 1);
	assert_int_equal(gaps(NULL, false, 0, 100, 0, 1), 1);
	assert_int_equal(catalog_gap_get(place.catalog, 2, count_gap, &n), 0);
	assert_int_equal(catalog_gap_get(place.catalog, 99, count_gap, &n), -ENOENT);
}

/* The same question inside its own answer. */
static int ask_again(void *arg, const struct catalog_gap *row)
{
	int inner = 0;

	++*(int *)arg;
	return catalog_gap_get(place.catalog, row->id, count_gap, &inner) < 0 || gaps(NULL, false, 0, 100, 0, 10) != 3;
}

static void a_callback_may_ask_the_catalogue(void **state)
{
	struct gap_query q = {.from = at(0), .to = at(100), .limit = 10};
	int n = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(db_run(place.catalog->db, "INSERT INTO gap (camera, start, end, cause) VALUES (?, ?, ?, 'x')",
					"tii", CAM, SEC(i), SEC(i + 1)), 0);
	assert_int_equal(catalog_gaps(place.catalog, &q, ask_again, &n), 0);
	assert_int_equal(n, 3);
}

static int keep_last(void *arg, const struct catalog_segment *row)
{
	*(struct wall *)arg = row->start;
	return 0;
}

static void add_segment(double start, double end)
{
	uint8_t digest[SHA256_BYTES] = {1};

	assert_int_equal(db_run(place.catalog->db,
				"INSERT INTO segment (camera, root, start, end, bytes, init, init_bytes, fragments, frames, "
				"sequence, flags, seal_digest, run, witnessed_us) VALUES (?, 1, ?, ?, 9, 1, 5, x'00', 1, 1, 0, "
				"?, 'r', 0)", "tiib", CAM, SEC(start), SEC(end), digest, sizeof digest), 0);
}

static void segments_are_found_by_overlap_and_cursor(void **state)
{
	struct catalog *c = place.catalog;
	struct wall last = {0}, before, after;
	bool has_before, has_after;

	(void)state;
	assert_int_equal(db_exec(c->db, "INSERT INTO root VALUES (1, '/r', 'u'); "
					"INSERT INTO init VALUES (1, x'00', 'avc1', 640, 360, 90000)"), 0);
	add_segment(0, 10);
	add_segment(10, 20);
	add_segment(30, 40);
	assert_int_equal(catalog_segments(c, CAM, at(5), at(30), NULL, 10, keep_last, &last), 0);
	assert_int_equal(last.us, SEC(10));
	struct wall cursor = at(10);
	assert_int_equal(catalog_segments(c, CAM, at(5), at(99), &cursor, 1, keep_last, &last), 0);
	assert_int_equal(last.us, SEC(30));
	assert_int_equal(span_add(c, CAM, at(0), at(20)), 0);
	assert_int_equal(span_add(c, CAM, at(30), at(40)), 0);
	assert_int_equal(catalog_nearest(c, CAM, at(25), &has_before, &before, &has_after, &after), 0);
	assert_true(has_before && has_after && before.us == SEC(20) && after.us == SEC(30));
	assert_int_equal(catalog_nearest(c, CAM, at(50), &has_before, &before, &has_after, &after), 0);
	assert_true(has_before && !has_after && before.us == SEC(40));
}

static void the_check_finds_what_is_not_accounted_for(void **state)
{
	struct catalog *c = place.catalog;
	struct accounting a = begin_at(c, SEC(0));
	struct err e;

	(void)state;
	assert_int_equal(account_configure(&a, CAM, "Front", "hall"), 0);
	assert_int_equal(account_up(&a, CAM, at(0)), 0);
	assert_int_equal(account_covered(&a, CAM, LIFE_NONE, at(0), at(20)), 0);
	assert_int_equal(account_settle(&a, at(20)), 0);
	assert_int_equal(catalog_commit(c), 0);
	assert_int_equal(catalog_check_tiling(c, CAM, &e), 0);
	assert_int_equal(span_remove(c, CAM, at(5), (struct wall){SEC(5) + 999}), 0); /* the frame before it lasts until the next */
	assert_int_equal(catalog_check_tiling(c, CAM, &e), 0);
	assert_int_equal(span_remove(c, CAM, at(5), (struct wall){SEC(5) + 1000}), 0);
	assert_int_equal(catalog_check_tiling(c, CAM, &e), -EBADMSG);
	assert_int_equal(span_add(c, CAM, at(0), at(20)), 0);
	assert_int_equal(db_run(c->db, "INSERT INTO gap (camera, start, end, cause) VALUES (?, ?, ?, 'x')", "tii", CAM,
				SEC(19), SEC(20)), 0);
	assert_int_equal(catalog_check_tiling(c, CAM, &e), -EBADMSG);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_reader_before_the_keeper_is_told_to_try_again),
		T(a_reader_reads_and_cannot_write),
		T(a_view_does_not_change_while_it_is_held),
		T(a_reader_works_after_the_keeper_has_gone),
		T(a_file_that_is_no_catalogue_is_refused),
		T(spans_merge_split_and_expire),
		T(tiles_cover_any_window),
		T(sums_never_divide_by_what_was_found),
		T(a_callback_ends_the_walk),
		T(gaps_are_found_by_time_cause_and_cursor),
		T(a_callback_may_ask_the_catalogue),
		T(segments_are_found_by_overlap_and_cursor),
		T(the_check_finds_what_is_not_accounted_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
