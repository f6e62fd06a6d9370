/* A box with two cameras, a minute of each, and an object store that releases local files: for tests of what becomes of them. */
#pragma once
#include "store_fixture.h"

#define DAY US_PER_DAY
#define MINUTE (60 * US_PER_S)
#define LOCAL_DAYS 30

static struct keeper_box box;

static inline int64_t count(const char *sql) { return ask(box.place.catalog, sql); }
static inline int64_t entries(const char *kind)
{
	int64_t n = -1;

	assert_int_equal(db_int(box.place.catalog->db, &n, "SELECT count(*) FROM ledger WHERE kind = ?", "t", kind), 0);
	return n;
}
static inline int64_t stored(void) { return count("SELECT count(*) FROM segment WHERE root = 0"); }

static inline int setup(void **state)
{
	(void)state;
	keeper_init(&box, 2);
	assert_int_equal(store_configure(&box, STORE_URL, true, LOCAL_DAYS), 0);
	for (unsigned i = 0; i < 2; i++)
		keeper_record(&box, i, T0, T0 + MINUTE);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	keeper_expect_sound(&box);
	keeper_finish(&box);
	return 0;
}

/* Both files are old enough, and copied. */
static inline void grow_old(void)
{
	assert_int_equal(store_copy(&box), 200);
	keeper_pass(&box, (LOCAL_DAYS + 1) * DAY);
}

static inline void release_all(void)
{
	grow_old();
	assert_int_equal(store_ask(&box), 200);
	assert_int_equal(stored(), 2);
	assert_int_equal(store_sweep(&box), 0);
	assert_false(keeper_has(&box, 0, T0) || keeper_has(&box, 1, T0));
}
