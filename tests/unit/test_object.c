/* Which segments wait for the object store, in which order, and what becomes of those that are kept. */
#include "catalog_fixture.h"
#include "indexer/object.h"
#include "retention/reap_objects.h"

#include <errno.h>
#include <string.h>

#define PLACE "https://s3.example/footage"

struct bed { struct place place; struct catalog *c; };

static int setup(void **state)
{
	static struct bed bed;

	bed = (struct bed){0};
	place_init(&bed.place);
	bed.c = bed.place.catalog;
	assert_int_equal(db_exec(bed.c->db, "INSERT INTO root VALUES (1, '/footage', 'u');"
					    "INSERT INTO init VALUES (1, x'00', 'h264', 1, 1, 90000)"), 0);
	*state = &bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	place_finish(&b->place);
	return 0;
}

static void configure(struct bed *b, const char *place)
{
	assert_int_equal(catalog_begin(b->c), 0);
	assert_int_equal(object_configure(b->c, (struct wall){T0}, place), 0);
	assert_int_equal(catalog_commit(b->c), 0);
	for (bool more = true; more;)
		assert_int_equal(object_fill(b->c, &more), 0);
}

static void publish(struct bed *b, const char *camera, int second, char seal)
{
	uint8_t digest[SHA256_BYTES];

	memset(digest, seal, sizeof digest);
	assert_int_equal(db_run(b->c->db,
				"INSERT INTO segment (camera, root, start, end, bytes, init, init_bytes, fragments, frames, sequence, "
				"flags, seal_digest, run, witnessed_us) VALUES (?1, 1, ?2, ?2 + 1000000, 1000, 1, 10, x'', 1, 1, 0, ?3, 'r', 0)",
				"tib", camera, SEC(second), digest, sizeof digest), 0);
}

static void delete_segment(struct bed *b, const char *camera, int second)
{
	assert_int_equal(db_run(b->c->db, "DELETE FROM segment WHERE camera = ? AND start = ?", "ti", camera, SEC(second)), 0);
}

static int keep(struct bed *b, const char *camera, int second, char seal)
{
	struct object_kept k = {.camera = camera, .place = PLACE, .key = "key", .version = "v1", .start = {SEC(second)},
				.end = {SEC(second + 1)}, .retain_until = {SEC(second + 91)}, .bytes = 1000};
	struct object_kept told;

	memset(k.seal_digest, seal, sizeof k.seal_digest);
	json_t *args = object_kept_json(&k);
	assert_int_equal(object_kept_parse(args, &told), 0);
	int rc = object_keep(b->c, &told);
	json_decref(args);
	return rc;
}

static int list(void *arg, const struct catalog_object *row)
{
	buf_printf(arg, "%s%g ", row->camera, (double)(row->start.us - T0) / 1e6);
	return 0;
}

static void expect_waiting(struct bed *b, const char *want)
{
	struct buf text = {0};

	assert_int_equal(catalog_objects_waiting(b->c, (struct wall){INT64_MIN}, "", 100, list, &text), 0);
	buf_add(&text, "", 1);
	assert_string_equal((const char *)text.data, want);
	buf_finish(&text);
}

static int64_t rows(struct bed *b, const char *state)
{
	int64_t n = -1;

	assert_int_equal(db_int(b->c->db, &n, "SELECT count(*) FROM object WHERE state = ?", "t", state), 0);
	return n;
}

static void the_oldest_comes_first_over_all_cameras(void **state)
{
	struct bed *b = *state;
	struct catalog_object_sums sums;

	publish(b, "b", 10, 1);
	publish(b, "a", 20, 1);
	configure(b, PLACE); /* what was there before it was configured waits, too */
	publish(b, "a", 0, 1);
	publish(b, "b", 20, 1);
	expect_waiting(b, "a0 b10 a20 b20 ");
	assert_int_equal(catalog_object_sums(b->c, &sums), 0);
	assert_int_equal(sums.waiting, 4);
	assert_int_equal(sums.oldest.us, SEC(0));
}

static void nothing_waits_where_no_store_is_configured(void **state)
{
	struct bed *b = *state;

	configure(b, NULL);
	publish(b, "a", 0, 1);
	expect_waiting(b, "");
	configure(b, PLACE);
	expect_waiting(b, "a0 ");
	configure(b, NULL);
	publish(b, "a", 1, 1);
	expect_waiting(b, "");
}

/* Years of footage are not one transaction; a death in between is made good. */
static void the_queue_of_a_large_site_is_filled_in_batches(void **state)
{
	struct bed *b = *state;
	bool more;

	for (int i = 0; i < 4100; i++)
		publish(b, "a", i, 1);
	assert_int_equal(catalog_begin(b->c), 0);
	assert_int_equal(object_configure(b->c, (struct wall){T0}, PLACE), 0);
	assert_int_equal(catalog_commit(b->c), 0);
	assert_int_equal(rows(b, "waiting"), 0);
	assert_int_equal(object_fill(b->c, &more), 0);
	assert_true(more);
	assert_int_equal(rows(b, "waiting"), 2000);
	publish(b, "b", 0, 1);
	configure(b, PLACE); /* the next start */
	assert_int_equal(rows(b, "waiting"), 4101);
	configure(b, NULL);
	assert_int_equal(rows(b, "waiting"), 0);
}

static void what_is_kept_waits_no_more(void **state)
{
	struct bed *b = *state;

	configure(b, PLACE);
	publish(b, "a", 0, 1);
	publish(b, "a", 1, 1);
	assert_int_equal(keep(b, "a", 0, 1), 0);
	expect_waiting(b, "a1 ");
	assert_int_equal(keep(b, "a", 0, 1), 0); /* told twice */
	assert_int_equal(rows(b, "kept"), 1);
	configure(b, NULL);
	assert_int_equal(rows(b, "kept"), 1); /* it is under lock there, whatever is configured */
}

static void another_file_s_copy_is_not_this_one_s(void **state)
{
	struct bed *b = *state;

	configure(b, PLACE);
	publish(b, "a", 0, 1);
	assert_int_equal(keep(b, "a", 0, 2), -EBADMSG);
	expect_waiting(b, "a0 ");
}

static void a_copy_outlives_its_segment(void **state)
{
	struct bed *b = *state;

	configure(b, PLACE);
	publish(b, "a", 0, 1);
	publish(b, "a", 1, 1);
	assert_int_equal(keep(b, "a", 0, 1), 0);
	delete_segment(b, "a", 0);
	delete_segment(b, "a", 1);
	assert_int_equal(rows(b, "alone"), 1);
	assert_int_equal(rows(b, "waiting"), 0);
	assert_int_equal(keep(b, "a", 1, 1), 0); /* it was on its way when the segment went */
	assert_int_equal(rows(b, "alone"), 2);
	publish(b, "a", 0, 1); /* found again */
	assert_int_equal(rows(b, "kept"), 1);
	publish(b, "a", 1, 7); /* another one of the same start */
	expect_waiting(b, "a1 ");
}

static int name_doomed(void *arg, const struct object_kept *row)
{
	buf_printf(arg, "%s%g=%s ", row->camera, (double)(row->start.us - T0) / 1e6, row->version);
	return 0;
}

static void expect_doomed(struct bed *b, int64_t now_us, const char *place, const char *want)
{
	struct buf text = {0};

	assert_int_equal(catalog_objects_doomed(b->c, place, (struct wall){now_us}, (struct wall){INT64_MIN}, "", 100, name_doomed,
						&text), 0);
	buf_add(&text, "", 1);
	assert_string_equal((const char *)text.data, want);
	buf_finish(&text);
}

/* By the policy of the disks: not under keep, not what is held, and not before the clock and the box agree. */
static void a_copy_that_is_alone_goes_when_its_time_is_over(void **state)
{
	struct bed *b = *state;
	struct retention_state s = {.now = {SEC(0) + 95 * US_PER_DAY}, .clock_synced = true, .witnessed_us = 95 * US_PER_DAY,
				    .floor_days = 90, .keep_days = 95};
	struct brake_waiting waiting = {0};
	unsigned deleted = 0;
	int64_t hold;

	configure(b, PLACE);
	for (int i = 0; i < 3; i++) {
		publish(b, "a", i, 1);
		assert_int_equal(keep(b, "a", i, 1), 0);
	}
	delete_segment(b, "a", 0);
	delete_segment(b, "a", 1);
	assert_int_equal(reap_objects(b->c, &s, &waiting, &deleted), 0);
	assert_int_equal(rows(b, "doomed"), 0); /* it ends a second later */
	s.now.us += US_PER_S;
	s.witnessed_us = 3 * US_PER_DAY;
	assert_int_equal(reap_objects(b->c, &s, &waiting, &deleted), 0);
	assert_int_equal(rows(b, "doomed"), 0); /* a clock that jumped */
	s.now.us += US_PER_S;
	s.witnessed_us = 96 * US_PER_DAY;
	assert_int_equal(catalog_begin(b->c), 0);
	assert_int_equal(hold_place(b->c, s.now, "a", (struct wall_range){{SEC(1)}, {SEC(2)}}, "reason", "", &chen, &hold), 0);
	assert_int_equal(catalog_commit(b->c), 0);
	assert_int_equal(reap_objects(b->c, &s, &waiting, &deleted), 0);
	assert_int_equal(rows(b, "doomed"), 1);
	assert_int_equal(rows(b, "kept"), 1); /* its segment is here */
	expect_doomed(b, SEC(90), PLACE, "");  /* under lock there */
	expect_doomed(b, SEC(91), "https://elsewhere/x", "");
	expect_doomed(b, SEC(91), PLACE, "a0=v1 ");
	assert_int_equal(object_drop(b->c, "a", (struct wall){SEC(1)}, "v1"), 0);
	assert_int_equal(rows(b, "alone"), 1);
	assert_int_equal(object_drop(b->c, "a", (struct wall){SEC(0)}, "v1"), 0);
	expect_doomed(b, SEC(91), PLACE, "");
}

/* Between the keeper's word and the deletion. */
static void a_hold_that_comes_late_still_saves_the_copy(void **state)
{
	struct bed *b = *state;
	int64_t hold;

	configure(b, PLACE);
	publish(b, "a", 0, 1);
	assert_int_equal(keep(b, "a", 0, 1), 0);
	delete_segment(b, "a", 0);
	assert_int_equal(object_doom(b->c, "a", (struct wall){SEC(0)}), 0);
	expect_doomed(b, SEC(91), PLACE, "a0=v1 ");
	assert_int_equal(catalog_begin(b->c), 0);
	assert_int_equal(hold_place(b->c, (struct wall){SEC(9)}, "a", (struct wall_range){{SEC(0)}, {SEC(0) + 1}}, "reason", "", &chen,
				    &hold), 0);
	assert_int_equal(catalog_commit(b->c), 0);
	expect_doomed(b, SEC(91), PLACE, "");
}

static void nonsense_is_no_copy(void **state)
{
	struct object_kept k;
	json_t *args = json_pack("{ss}", "camera", "a");

	(void)state;
	assert_int_equal(object_kept_parse(args, &k), -EINVAL);
	assert_int_equal(object_kept_parse(NULL, &k), -EINVAL);
	json_decref(args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_oldest_comes_first_over_all_cameras, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_waits_where_no_store_is_configured, setup, teardown),
		cmocka_unit_test_setup_teardown(the_queue_of_a_large_site_is_filled_in_batches, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_kept_waits_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(another_file_s_copy_is_not_this_one_s, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_outlives_its_segment, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_that_is_alone_goes_when_its_time_is_over, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hold_that_comes_late_still_saves_the_copy, setup, teardown),
		cmocka_unit_test(nonsense_is_no_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
