#include "catalog_fixture.h"

#include "base/crypto.h"
#include "indexer/sealed_tell.h"

#include <errno.h>
#include <string.h>

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

static void append(const char *kind, const char *camera, json_t *body)
{
	assert_int_equal(catalog_begin(place.catalog), 0);
	assert_int_equal(ledger_append(place.catalog, (struct wall){SEC(1)}, kind, camera, body, NULL), 0);
	assert_int_equal(catalog_commit(place.catalog), 0);
}

static int64_t check(struct err *e)
{
	int64_t entries;
	int rc = catalog_check_ledger(place.catalog, &entries, e);

	return rc < 0 ? rc : entries;
}

static int copy_body(void *arg, const struct ledger_entry *row)
{
	snprintf(arg, 200, "%s", row->body);
	return 0;
}

/* Computed here from the bytes that catalog.h names, not by the function under test. */
static void the_hash_is_over_the_bytes_that_are_promised(void **state)
{
	uint8_t bytes[200] = {0}, digest[SHA256_BYTES], head[SHA256_BYTES];
	size_t n = SHA256_BYTES;
	int64_t seq;

	(void)state;
	append("gap.opened", "front", json_pack("{si ss}", "id", 1, "cause", "x"));
	put_u64be(bytes + n, 1);
	put_u64be(bytes + n + 8, (uint64_t)SEC(1));
	n += 16;
	static const char rest[] = "gap.opened\0front\0{\"cause\":\"x\",\"id\":1}";
	memcpy(bytes + n, rest, sizeof rest - 1);
	sha256(bytes, n + sizeof rest - 1, digest);
	assert_int_equal(catalog_ledger_head(place.catalog, &seq, head), 0);
	assert_int_equal(seq, 1);
	assert_memory_equal(head, digest, SHA256_BYTES);
}

static void an_empty_ledger_has_a_head_of_zeros(void **state)
{
	uint8_t head[SHA256_BYTES], zeros[SHA256_BYTES] = {0};
	int64_t seq;
	struct err e;

	(void)state;
	assert_int_equal(catalog_ledger_head(place.catalog, &seq, head), 0);
	assert_int_equal(seq, 0);
	assert_memory_equal(head, zeros, SHA256_BYTES);
	assert_int_equal(check(&e), 0);
}

static void bodies_are_canonical(void **state)
{
	char body[200];

	(void)state;
	append("config.changed", NULL, json_pack("{ss si sb}", "z", "门", "a", 1, "m", 1));
	assert_int_equal(catalog_ledger(place.catalog, 0, 1, copy_body, body), 0);
	assert_string_equal(body, "{\"a\":1,\"m\":true,\"z\":\"门\"}");
}

static void entries_cannot_be_changed_or_removed(void **state)
{
	struct db *db = place.catalog->db;

	(void)state;
	append("config.changed", NULL, json_object());
	assert_int_equal(db_exec(db, "UPDATE ledger SET body = '{}'"), -EEXIST);
	assert_int_equal(db_exec(db, "DELETE FROM ledger"), -EEXIST);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger"), 1);
}

static void what_went_around_the_triggers_shows(void **state)
{
	static const char *const forgeries[] = {
		"UPDATE ledger SET body = '{\"n\":9}' WHERE seq = 2", "UPDATE ledger SET at = at + 1 WHERE seq = 2",
		"UPDATE ledger SET camera = 'back' WHERE seq = 2", "DELETE FROM ledger WHERE seq = 2",
		"UPDATE ledger SET kind = 'gap.closed' WHERE seq = 2"};
	struct err e;

	(void)state;
	for (int i = 0; i < 3; i++)
		append("gap.opened", "front", json_pack("{si}", "n", i));
	assert_int_equal(check(&e), 3);
	assert_int_equal(db_exec(place.catalog->db, "DROP TRIGGER ledger_is_append_only_update; "
						    "DROP TRIGGER ledger_is_append_only_delete"), 0);
	for (unsigned i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
		assert_int_equal(catalog_begin(place.catalog), 0);
		assert_int_equal(db_exec(place.catalog->db, forgeries[i]), 0);
		assert_int_equal(check(&e), -EBADMSG);
		catalog_rollback(place.catalog);
	}
	assert_int_equal(check(&e), 3);
}

static void what_is_rolled_back_was_never_written(void **state)
{
	struct err e;

	(void)state;
	append("config.changed", NULL, json_object());
	assert_int_equal(catalog_begin(place.catalog), 0);
	assert_int_equal(ledger_append(place.catalog, (struct wall){0}, "clock.stepped", NULL, json_object(), NULL), 0);
	catalog_rollback(place.catalog);
	append("clock.trusted", NULL, json_object());
	assert_int_equal(check(&e), 2);
}

static void add_segment(const char *camera, int start_s, int sequence)
{
	uint8_t digest[SHA256_BYTES] = {(uint8_t)sequence};
	struct db *db = place.catalog->db;

	assert_int_equal(db_exec(db, "INSERT OR IGNORE INTO root VALUES (1, '/r', 'u');"
				     "INSERT OR IGNORE INTO init VALUES (1, x'00', 'h264', 16, 16, 1000000)"), 0);
	assert_int_equal(db_run(db, "INSERT OR IGNORE INTO camera (id, name, area, configured_at) VALUES (?, 'n', 'a', 0)", "t", camera), 0);
	assert_int_equal(db_run(db, "INSERT INTO segment (camera, root, start, end, bytes, init, init_bytes, fragments, frames, sequence, flags, "
				    "seal_digest, run, witnessed_us) VALUES (?, 1, ?, ?, 1, 1, 1, x'', 1, ?, 0, ?, '', 0)", "tiiib", camera, SEC(start_s),
				SEC(start_s + 1), (int64_t)sequence, digest, sizeof digest), 0);
}

/* Once a day, the last one of each camera; a new keeper knows when it was. */
static void what_was_sealed_last_is_told_once_a_day(void **state)
{
	struct sealed_tell t = {0};

	(void)state;
	assert_int_equal(sealed_tell(&t, place.catalog, (struct wall){SEC(1)}), 0);
	append("config.changed", NULL, json_object());
	add_segment("front", 10, 1);
	add_segment("front", 20, 2);
	add_segment("back", 5, 7);
	assert_int_equal(sealed_tell(&t, place.catalog, (struct wall){SEC(3600)}), 0);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger"), 1);
	assert_int_equal(sealed_tell(&t, place.catalog, (struct wall){SEC(86402)}), 0);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'footage.sealed'"), 1);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger WHERE seq = 2 AND body LIKE '%\"camera\":\"back\"%\"sequence\":2}]}'"), 1);
	t = (struct sealed_tell){0};
	assert_int_equal(sealed_tell(&t, place.catalog, (struct wall){SEC(86403)}), 0);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger"), 2);
	assert_int_equal(sealed_tell(&t, place.catalog, (struct wall){SEC(2 * 86403)}), 0);
	assert_int_equal(ask(place.catalog, "SELECT count(*) FROM ledger"), 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_hash_is_over_the_bytes_that_are_promised),
		T(an_empty_ledger_has_a_head_of_zeros),
		T(bodies_are_canonical),
		T(entries_cannot_be_changed_or_removed),
		T(what_went_around_the_triggers_shows),
		T(what_is_rolled_back_was_never_written),
		T(what_was_sealed_last_is_told_once_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
