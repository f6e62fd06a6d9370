/* Where the copy of a segment lies: only of that very segment, whole, in the store that is configured. */
#include "catalog_fixture.h"

#include <errno.h>

#define PLACE "https://s3.example.com/footage"

static const uint8_t seal[SHA256_BYTES] = {1, 2, 3}, other_seal[SHA256_BYTES] = {1, 2, 4};

static void add(struct catalog *c, const char *camera, const char *state, const char *place)
{
	assert_int_equal(db_run(c->db, "INSERT INTO object (camera, start, state, place, key, version, bytes, seal_digest) VALUES "
				"(?, ?, ?, ?, 'site/key', 'v1', 1000, ?)", "tittb", camera, T0, state, place, seal, sizeof seal), 0);
}

static void finds_what_is_kept_and_nothing_else(void **state)
{
	static const struct { const char *camera, *state, *place; bool found; } t[] = {
		{"kept", "kept", PLACE, true}, {"alone", "alone", PLACE, true}, {"waiting", "waiting", NULL, false},
		{"doomed", "doomed", PLACE, false}, {"elsewhere", "kept", "https://s3.example.com/other", false}};
	struct catalog_object_place p;
	struct place box;

	(void)state;
	place_init(&box);
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		add(box.catalog, t[i].camera, t[i].state, t[i].place);
		int rc = catalog_object_find(box.catalog, PLACE, t[i].camera, (struct wall){T0}, seal, &p);
		assert_int_equal(rc, t[i].found ? 0 : -ENOENT);
		assert_int_equal(catalog_object_find(box.catalog, PLACE, t[i].camera, (struct wall){T0}, other_seal, &p), -ENOENT);
		assert_int_equal(catalog_object_find(box.catalog, PLACE, t[i].camera, (struct wall){T0 + 1}, seal, &p), -ENOENT);
	}
	assert_int_equal(catalog_object_find(box.catalog, PLACE, "kept", (struct wall){T0}, seal, &p), 0);
	assert_string_equal(p.key, "site/key");
	assert_string_equal(p.version, "v1");
	assert_int_equal(p.bytes, 1000);
	place_finish(&box);
}

/* A text longer than object stores allow came from nobody of ours. */
static void refuses_a_key_that_is_too_long(void **state)
{
	struct catalog_object_place p;
	struct place box;

	(void)state;
	place_init(&box);
	add(box.catalog, "a", "kept", PLACE);
	assert_int_equal(db_run(box.catalog->db, "UPDATE object SET key = printf('%.*c', 1024, 'k')", ""), 0);
	assert_int_equal(catalog_object_find(box.catalog, PLACE, "a", (struct wall){T0}, seal, &p), 0);
	assert_int_equal(db_run(box.catalog->db, "UPDATE object SET key = printf('%.*c', 1025, 'k')", ""), 0);
	assert_int_equal(catalog_object_find(box.catalog, PLACE, "a", (struct wall){T0}, seal, &p), -EIO);
	place_finish(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_kept_and_nothing_else),
		cmocka_unit_test(refuses_a_key_that_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
