/* Whatever call of the keeper fails, and wherever it dies: what it answered is so, and nothing is told that is not. Taking
 * up footage, the reaper and the mover have tests of their own. */
#include "fault_scrub.h"

#include "retention/outlook.h"

/* --- the scrub ------------------------------------------------------------------------------------------ */

static void scrub_all(struct keeper_box *b, bool alive)
{
	if (alive)
		fault_scrub(b);
}

static void only_the_rotten_is_damaged(struct keeper_box *b)
{
	fault_scrub(b);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind LIKE 'footage.%'"), 1);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'footage.damaged' AND camera = 'cam-01'"), 1);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM segment"), 2);
	assert_int_equal(keeper_index(b), 0);
}

/* --- holds ------------------------------------------------------------------------------------------------ */

static int status_of_act;

static int command(struct keeper_box *b, const char *verb, json_t *args)
{
	json_t *reply;
	int status = indexer_command(b->ix, verb, args, &reply);

	json_decref(args);
	json_decref(reply);
	return status;
}

static json_t *hold_args(void)
{
	char start[WALL_TEXT_MAX], end[WALL_TEXT_MAX];

	return json_pack("{ss ss ss ss ss}", "camera", "cam-00", "start", wall_format((struct wall){T0}, start), "end",
			 wall_format((struct wall){T0 + FAULT_FILE_US}, end), "reason", "police", "by", "uid:0");
}

static void place_hold(struct keeper_box *b, bool alive)
{
	status_of_act = alive ? command(b, "hold.place", hold_args()) : 500;
}

static void what_was_answered_is_held(struct keeper_box *b)
{
	int64_t holds = fault_count(b, "SELECT count(*) FROM hold");

	assert_true(status_of_act == 201 ? holds == 1 : holds <= 1);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'hold.placed'"), holds);
}

static void record_and_hold(struct keeper_box *b)
{
	fault_record(b);
	place_account(b->place.catalog, "regulator", "regulator", PERSON_BOX);
	assert_int_equal(command(b, "hold.place", hold_args()), 201);
}

static int release(struct keeper_box *b, const char *by, int id)
{
	return command(b, "hold.release", json_pack("{sI ss ss si ss}", "id", (json_int_t)1, "reason", "closed", "by", by, "by_id",
						    id, "by_secret", by));
}

static void release_hold(struct keeper_box *b, bool alive)
{
	status_of_act = 500;
	if (!alive)
		return;
	release(b, "uid:0", 0);
	status_of_act = release(b, "regulator", 1);
}

/* Whoever was told that it is released, or that it is not. */
static void nobody_releases_alone(struct keeper_box *b)
{
	int64_t released = fault_count(b, "SELECT count(*) FROM hold WHERE released_at IS NOT NULL");
	int64_t asked = fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'hold.release_requested'");

	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'hold.released'"), released);
	assert_true(released <= asked && asked <= 1);
	assert_true(status_of_act != 200 || released == 1);
}

/* --- a disk declared lost ---------------------------------------------------------------------------------- */

/* Another, empty disk stands where the footage was. */
static void lose_disk(struct keeper_box *b)
{
	const uint8_t other[UUID_BYTES] = {9};
	char *replaced = fault_path(b, "replaced");

	fault_record(b);
	keeper_die(b);
	assert_int_equal(fs_mkdirs(fs_real(), replaced, 0755), 0);
	free(replaced);
	for (unsigned i = 0; i < 2; i++) {
		char *path = keeper_archived(b, i, T0);
		assert_int_equal(unlink(path), 0);
		free(path);
	}
	keeper_identify(b, other);
	assert_int_equal(keeper_try(b), 0);
}

static int declare_lost(struct keeper_box *b)
{
	return command(b, "disk.replace", json_pack("{ss ss ss}", "path", b->root, "reason", "dead", "by", "uid:0"));
}

static void replace_disk(struct keeper_box *b, bool alive)
{
	status_of_act = alive ? declare_lost(b) : 500;
	fault_index(b, alive);
}

/* Whoever was told that it failed can say it again. */
static void what_it_held_is_missing_once(struct keeper_box *b)
{
	if (status_of_act != 200 && fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'storage.replaced'") == 0)
		assert_int_equal(declare_lost(b), 200);
	assert_int_equal(keeper_index(b), 0);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM segment"), 0);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'storage.replaced'"), 1);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'footage.missing'"), 2);
	keeper_pass(b, FAULT_FILE_US);
	assert_int_equal(fault_count(b, "SELECT sum(end - start) FROM gap WHERE cause = 'footage_missing'"), 2 * FAULT_FILE_US);
}

/* --- the forecast -------------------------------------------------------------------------------------------------- */

static void too_much_for_the_disk(struct keeper_box *b)
{
	fault_record(b);
	b->conf_cameras[0].has_sub = b->conf_cameras[1].has_sub = true;
	b->conf_root.reserve_bytes = UINT64_C(1) << 50;
}

static void look_ahead(struct keeper_box *b, bool alive)
{
	struct outlook o = {.fs = b->fs, .clock = &b->clock.base, .conf = &b->conf, .catalog = b->place.catalog,
			    .keep_days = b->conf.keep_days};

	for (int i = 0; alive && i < 2; i++)
		outlook_step(&o);
}

static void each_turn_is_told_once(struct keeper_box *b)
{
	look_ahead(b, true);
	json_t *list = outlook_economy(b->place.catalog);

	assert_int_equal(json_array_size(list), 2);
	json_decref(list);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'camera.economy'"), 2);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'storage.at_risk'"), 1);
}

static const struct fault_scene scenes[] = {
	{"scrub", fault_rot, scrub_all, only_the_rotten_is_damaged, .stride = 3, .stays_stride = 8, .statement_stride = 9},
	{"hold", fault_record, place_hold, what_was_answered_is_held, .stride = 3, .stays_stride = 5, .statement_stride = 9},
	{"release", record_and_hold, release_hold, nobody_releases_alone, .stride = 3, .stays_stride = 5, .statement_stride = 9},
	{"a lost disk", lose_disk, replace_disk, what_it_held_is_missing_once, .stride = 5, .stays_stride = 7, .statement_stride = 9},
	{"forecast", too_much_for_the_disk, look_ahead, each_turn_is_told_once, .stride = 3, .stays_stride = 5, .statement_stride = 9},
};

int main(void)
{
	return fault_scenes_run(scenes, sizeof scenes / sizeof *scenes);
}
