/* Whatever call fails while footage is taken up, and wherever the keeper dies: what lies on the disk is found, once, and
 * nothing is called lost. */
#include "fault_life.h"

/* --- publishing, with and without a word of the recorder -------------------------------------------- */

/* The keeper is away while the recorder seals a file of each camera. */
static void seal_two(struct keeper_box *b, bool say)
{
	for (unsigned i = 0; i < 2; i++) {
		char *path = keeper_incoming(b, i, T0, ".mp4");
		keeper_say(b, "up", json_pack("{ss sI}", "camera", b->cameras[i].id, "start", (json_int_t)T0));
		size_t bytes = keeper_write_sealed(b, i, path, T0, T0 + FAULT_FILE_US);
		if (say)
			keeper_say_sealed(b, i, T0, T0 + FAULT_FILE_US, bytes);
		free(path);
	}
	clock_fake_advance(&b->clock, FAULT_FILE_US);
	keeper_say_beat(b);
}

static void sealed_and_said(struct keeper_box *b) { seal_two(b, true); }
static void sealed_and_not_said(struct keeper_box *b) { seal_two(b, false); }

static void both_are_published(struct keeper_box *b)
{
	assert_true(keeper_has(b, 0, T0) && keeper_has(b, 1, T0));
	assert_int_equal(fault_count(b, "SELECT count(*) FROM segment"), 2);
	assert_int_equal(fault_count(b, "SELECT sum(end - start) FROM span WHERE state = 'recorded'"), 2 * FAULT_FILE_US);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind LIKE 'footage.%'"), 0);
}

/* --- the catalogue made again ------------------------------------------------------------------------- */

static void lose_catalogue(struct keeper_box *b)
{
	fault_record(b);
	keeper_die(b);
	place_lose_catalog(&b->place);
}

/* A folder that could not be read at first is looked at once more, and the end of that is told, too. */
static void all_is_found_again(struct keeper_box *b)
{
	both_are_published(b);
	assert_in_range(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'catalog.rebuilt'"), 1, 2);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind = 'catalog.lost'"), 1);
}

static const struct fault_scene scenes[] = {
	{"publish", sealed_and_said, fault_index, both_are_published, .stride = 3, .stays_stride = 4, .statement_stride = 13},
	{"scan", sealed_and_not_said, fault_index, both_are_published, .stride = 3, .stays_stride = 4, .statement_stride = 13},
	{"rebuild", lose_catalogue, fault_index, all_is_found_again, .stride = 5, .stays_stride = 7, .statement_stride = 13},
};

int main(void)
{
	return fault_scenes_run(scenes, sizeof scenes / sizeof *scenes);
}
