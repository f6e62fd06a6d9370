/* One question that fails is not answered with 0: not how long the box was seen to live, and not until when a camera was
 * recorded. */
#include "fault_life.h"

/* --- the witnessed age -------------------------------------------------------------------------------- */

#define LIVED_US (1055 * US_PER_S)

static int64_t born_us; /* CLOCK_BOOTTIME */

static void live_long(struct keeper_box *b)
{
	born_us = b->clock.mono.us;
	fault_record(b);
	keeper_pass(b, LIVED_US - (b->clock.mono.us - born_us));
}

static void hear_of_five_seconds(struct keeper_box *b, bool alive)
{
	clock_fake_advance(&b->clock, 5 * US_PER_S);
	keeper_say_beat(b);
	fault_index(b, alive);
}

static void it_is_as_old_as_it_was(struct keeper_box *b)
{
	int64_t witnessed_us = fault_count(b, "SELECT CAST(value AS INTEGER) FROM state WHERE key = 'witnessed_us'");

	assert_in_range(witnessed_us, LIVED_US, b->clock.mono.us - born_us);
}

/* --- coverage ------------------------------------------------------------------------------------------- */

static void seal_one(struct keeper_box *b, int64_t start)
{
	char *path = keeper_incoming(b, 0, start, ".mp4");
	size_t bytes = keeper_write_sealed(b, 0, path, start, start + FAULT_FILE_US);

	free(path);
	clock_fake_advance(&b->clock, start + FAULT_FILE_US - b->clock.wall.us);
	keeper_say_sealed(b, 0, start, start + FAULT_FILE_US, bytes);
	keeper_say_beat(b);
}

static void record_one(struct keeper_box *b)
{
	keeper_say(b, "up", json_pack("{ss sI}", "camera", b->cameras[0].id, "start", (json_int_t)T0));
	seal_one(b, T0);
	assert_int_equal(keeper_index(b), 0);
}

/* The next file begins where this one ended. */
static void go_on(struct keeper_box *b, bool alive)
{
	seal_one(b, T0 + FAULT_FILE_US);
	fault_index(b, alive);
}

static void there_is_no_gap(struct keeper_box *b)
{
	assert_int_equal(fault_count(b, "SELECT count(*) FROM gap"), 0);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM ledger WHERE kind LIKE 'gap.%' OR kind LIKE 'footage.%'"), 0);
	assert_int_equal(fault_count(b, "SELECT sum(end - start) FROM span WHERE state = 'recorded'"), 2 * FAULT_FILE_US);
	assert_int_equal(fault_count(b, "SELECT count(*) FROM segment"), 2);
}

static const struct fault_scene scenes[] = {
	{"the age that was witnessed", live_long, hear_of_five_seconds, it_is_as_old_as_it_was, .stride = 3, .stays_stride = 5,
	 .statement_stride = 3},
	{"coverage that goes on", record_one, go_on, there_is_no_gap, .stride = 3, .stays_stride = 5, .statement_stride = 3},
};

int main(void)
{
	return fault_scenes_run(scenes, sizeof scenes / sizeof *scenes);
}
