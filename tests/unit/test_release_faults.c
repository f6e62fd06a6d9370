/* Whatever call fails while local files are released, and wherever the keeper dies: each segment has its file or its copy, no
 * file is without a row, and the ledger tells of each release once. */
#include "fault_life.h"
#include "store_fixture.h"

#define LOCAL_DAYS 30

static json_t *word; /* the offloader's, made before anything fails */
static int asked;

static void say(struct keeper_box *b, bool alive)
{
	asked = alive ? store_command(b, "object.asked", word) : 500;
	if (!alive)
		json_decref(word);
}

static void copy_and_grow_old(struct keeper_box *b)
{
	assert_int_equal(store_configure(b, STORE_URL, true, LOCAL_DAYS), 0);
	fault_record(b);
	assert_int_equal(store_copy(b), 200);
	keeper_pass(b, (LOCAL_DAYS + 1) * US_PER_DAY);
}

static void be_about_to_release(struct keeper_box *b)
{
	copy_and_grow_old(b);
	word = store_has_all(b);
}

static void release_and_sweep(struct keeper_box *b, bool alive)
{
	say(b, alive);
	for (int i = 0; alive && i < 2; i++)
		store_sweep(b);
}

static void each_has_its_file_or_its_copy(struct keeper_box *b)
{
	int64_t stored = fault_count(b, "SELECT count(*) FROM segment WHERE root = 0");

	assert_int_equal(fault_count(b, "SELECT count(*) FROM segment"), 2);
	assert_true(asked != 200 || stored == 2);
	assert_int_equal(fault_count(b, "SELECT coalesce(sum(json_extract(body, '$.files')), 0) FROM ledger WHERE kind = "
				     "'footage.released'"), stored);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM stored"), stored);
	for (unsigned i = 0; i < 2; i++)
		assert_true(keeper_has(b, i, T0) || stored == 2);
	assert_int_equal(store_ask(b), 200);
	assert_int_equal(store_sweep(b), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_false(keeper_has(b, i, T0));
	assert_int_equal(fault_count(b, "SELECT count(*) FROM copy"), 0);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind IN ('footage.missing', 'footage.expired')"), 0);
}

/* --- the store loses what is nowhere else ------------------------------------------------------------ */

static void release_all(struct keeper_box *b)
{
	copy_and_grow_old(b);
	assert_int_equal(store_ask(b), 200);
	assert_int_equal(store_sweep(b), 0);
}

static void be_about_to_lose(struct keeper_box *b)
{
	release_all(b);
	word = store_has_not(b, "cam-00", OBJECT_GONE);
}

static void it_is_missing_once(struct keeper_box *b)
{
	assert_int_equal(store_lose(b, "cam-00", OBJECT_GONE), 200);
	keeper_pass(b, FAULT_FILE_US);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'footage.missing'"), 1);
	assert_int_equal(fault_count(b, "SELECT sum(end - start) FROM gap WHERE cause = 'footage_missing'"), FAULT_FILE_US);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM segment WHERE root = 0"), 1);
}

/* --- it expires there ----------------------------------------------------------------------------------- */

static void release_and_grow_older(struct keeper_box *b)
{
	release_all(b);
	keeper_pass(b, 70 * US_PER_DAY);
}

static void drop_all(struct keeper_box *b)
{
	static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

	for (unsigned i = 0; i < 2; i++)
		store_command(b, "object.drop", json_pack("{ss sI sI ss ss ss sI ss ss sI}", "camera", b->cameras[i].id, "start_us",
			(json_int_t)T0, "end_us", (json_int_t)(T0 + FAULT_FILE_US), "place", STORE_PLACE, "key", "key", "version", "v1",
			"bytes", (json_int_t)1, "sha256", zeros, "seal", zeros, "retain_until_us", (json_int_t)1));
}

static void expire(struct keeper_box *b, bool alive)
{
	for (int i = 0; alive && i < 2; i++) {
		reaper_step(&b->reaper);
		drop_all(b);
	}
}

static void each_expiry_is_told_once(struct keeper_box *b)
{
	expire(b, true);
	expire(b, true);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM segment"), 0);
	assert_int_equal(fault_count(b, "SELECT (SELECT coalesce(sum(json_extract(body, '$.files')), 0) FROM ledger WHERE kind = "
				     "'footage.expired') + (SELECT count(*) FROM expired_told) + (SELECT count(*) FROM object_told WHERE "
				     "kind = 'expired')"), 2);
	assert_int_equal(fault_count(b, "SELECT (SELECT count(*) FROM object) + (SELECT count(*) FROM stored) + "
				     "(SELECT count(*) FROM object_gone)"), 0);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'footage.missing'"), 0);
}

static const struct fault_scene scenes[] = {
	{"release", be_about_to_release, release_and_sweep, each_has_its_file_or_its_copy, .stride = 3, .stays_stride = 4, .statement_stride = 13},
	{"loss", be_about_to_lose, say, it_is_missing_once, .stride = 3, .stays_stride = 5, .statement_stride = 13},
	{"expiry", release_and_grow_older, expire, each_expiry_is_told_once, .stride = 5, .stays_stride = 7, .statement_stride = 13},
};

int main(void)
{
	return fault_scenes_run(scenes, sizeof scenes / sizeof *scenes);
}
