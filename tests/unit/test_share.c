/* Who takes more than his share: told, moved to his smaller stream, or refused, and that nobody else is. */
#include "retention/share.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define LOOK_US (20 * US_PER_S)
#define HOUR_US (3600 * US_PER_S)
#define MBIT (1e6 / 8)
#define PLENTY 1e15
#define CREW_MAX 9
#define ROUNDS 3000

static struct mono now;
static uint64_t seed;

static double dice(double from, double to)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return from + (to - from) * (double)(seed >> 33) / (double)(UINT64_C(1) << 31);
}

static struct share_camera writes(double mbit, double habit_mbit)
{
	return (struct share_camera){.id = "a", .rate = mbit * MBIT, .mean = mbit * MBIT, .habit = habit_mbit * MBIT};
}

static void set_rate(struct share_camera *c, double mbit)
{
	c->rate = c->mean = mbit * MBIT;
}

static int setup(void **state)
{
	(void)state;
	now = (struct mono){HOUR_US};
	seed = 14;
	return 0;
}

/* Room for so many hours of what all of them write. */
static double room_for(const struct share_camera *c, size_t count, double hours)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += c[i].mean;
	return sum * hours * 3600;
}

static enum share_verdict look(struct share_camera *c, double room)
{
	now.us += LOOK_US;
	share_decide(c, 1, room, now);
	return c->verdict;
}

static void each_limit_makes_its_own_verdict(void **state)
{
	static const struct { double mbit, habit, hours; bool has_sub; enum share_verdict want; } table[] = {
		{19, 0, 1, false, SHARE_FINE},     /* a newcomer below the least limit, whatever the room */
		{40, 0, 1e4, false, SHARE_TOLD},   /* a new 8K camera */
		{40, 0, 25, false, SHARE_TOLD},
		{40, 0, 23, false, SHARE_REFUSED},
		{40, 0, 23, true, SHARE_SUB},      /* what may help comes first */
		{40, 0, 1e4, true, SHARE_SUB},
		{40, 40, 1, false, SHARE_FINE},    /* and when it is its habit */
		{159, 40, 1, false, SHARE_FINE},
		{161, 40, 1e4, false, SHARE_TOLD},
		{161, 40, 1, false, SHARE_REFUSED},
		{19, 1, 1, false, SHARE_FINE},     /* nineteen times its habit is no harm */
		{21, 1, 1e4, false, SHARE_TOLD},
		{140, 4, 0, false, SHARE_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct share_camera c = writes(table[i].mbit, table[i].habit);
		c.has_sub = table[i].has_sub;
		assert_int_equal(look(&c, room_for(&c, 1, table[i].hours)), table[i].want);
	}
}

static void nobody_is_refused_while_the_room_is_not_known(void **state)
{
	struct share_camera c = writes(140, 4);

	(void)state;
	assert_int_equal(look(&c, -1), SHARE_TOLD);
}

static void who_is_most_above_his_habit_goes_first_and_no_more_than_must(void **state)
{
	struct share_camera c[] = {writes(4, 4), writes(100, 20), writes(60, 4), writes(30, 0)};

	(void)state;
	now.us += LOOK_US;
	share_decide(c, 4, 134 * MBIT * 86400 + 1, now); /* what lasts a day when the third is gone */
	assert_int_equal(c[0].verdict, SHARE_FINE);
	assert_int_equal(c[1].verdict, SHARE_TOLD);
	assert_int_equal(c[2].verdict, SHARE_REFUSED);
	assert_int_equal(c[3].verdict, SHARE_TOLD);
}

static int turns(struct share_camera *c, double room, int64_t us)
{
	int n = 0;

	for (int64_t end = now.us + us; now.us < end;) {
		enum share_verdict was = c->verdict;
		n += look(c, room) != was;
	}
	return n;
}

static void is_told_once_and_once_that_it_is_over(void **state)
{
	struct share_camera c = writes(40, 0);

	(void)state;
	assert_int_equal(turns(&c, PLENTY, 100 * HOUR_US), 1);
	set_rate(&c, 4);
	assert_int_equal(turns(&c, PLENTY, HOUR_US / 2), 0);
	assert_int_equal(turns(&c, PLENTY, HOUR_US), 1);
	assert_int_equal(c.verdict, SHARE_FINE);
}

/* The usual stream is tried again after an hour, then two … a day. */
static void comes_back_from_the_smaller_stream_less_and_less_often(void **state)
{
	struct share_camera c = writes(40, 4);
	int subs = 0;

	(void)state;
	c.has_sub = true;
	for (int64_t end = now.us + 10 * US_PER_DAY; now.us < end;) {
		enum share_verdict was = c.verdict;
		set_rate(&c, was == SHARE_SUB ? 1 : 40);
		subs += look(&c, PLENTY) == SHARE_SUB && was != SHARE_SUB;
	}
	assert_in_range(subs, 10, 16);
}

static void a_smaller_stream_that_is_not_recorded_is_refused_when_it_must(void **state)
{
	struct share_camera c = writes(40, 4);

	(void)state;
	c.has_sub = true;
	assert_int_equal(look(&c, 0), SHARE_SUB);
	set_rate(&c, 0);
	assert_int_equal(look(&c, 0), SHARE_SUB);
	set_rate(&c, 40);
	assert_int_equal(look(&c, PLENTY), SHARE_SUB);
	assert_int_equal(look(&c, 0), SHARE_REFUSED);
}

static void a_refused_one_is_tried_again_and_at_once_when_there_is_room(void **state)
{
	struct share_camera c = writes(40, 4);
	double little = 40 * MBIT * 3600;

	(void)state;
	assert_int_equal(look(&c, little), SHARE_REFUSED);
	set_rate(&c, 0);
	int64_t began = now.us;
	while (look(&c, little) == SHARE_REFUSED)
		;
	assert_in_range(now.us - began, SHARE_REFUSED_US, SHARE_REFUSED_US + LOOK_US);
	assert_int_equal(c.verdict, SHARE_TOLD);
	set_rate(&c, 40);
	assert_int_equal(look(&c, little), SHARE_REFUSED);
	set_rate(&c, 0);
	assert_int_equal(turns(&c, little, SHARE_REFUSED_US + LOOK_US), 0); /* for longer */
	assert_int_equal(look(&c, PLENTY), SHARE_TOLD);
}

/* --- whatever comes ----------------------------------------------------------------------------- */

static bool is_above(const struct share_camera *a, const struct share_camera *b)
{
	const double least = SHARE_LEAST / SHARE_HABITS;

	return a->rate / (a->habit > 0 ? a->habit : least) > b->rate / (b->habit > 0 ? b->habit : least);
}

static void check(const struct share_camera *was, const struct share_camera *c, size_t count, double room)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += was[i].verdict == SHARE_REFUSED ? 0 : was[i].mean;
	for (size_t i = 0; i < count; i++) {
		bool fresh = c[i].verdict == SHARE_REFUSED && was[i].verdict != SHARE_REFUSED;
		if (!fresh)
			continue;
		assert_true(was[i].rate > SHARE_LEAST && was[i].rate > SHARE_HABITS * was[i].habit);
		assert_true(room >= 0 && room / sum < SHARE_LASTS_S);
		for (size_t j = 0; j < count; j++)
			assert_false(c[j].verdict <= SHARE_TOLD && share_is_over(&c[j]) && is_above(&c[j], &c[i]));
	}
}

static void nobody_within_his_share_is_ever_refused(void **state)
{
	size_t refused = 0;

	(void)state;
	for (int r = 0; r < ROUNDS; r++) {
		struct share_camera c[CREW_MAX], was[CREW_MAX];
		size_t count = (size_t)dice(1, CREW_MAX);
		memset(c, 0, sizeof c);
		for (size_t i = 0; i < count; i++)
			c[i] = (struct share_camera){.id = "x", .has_sub = dice(0, 1) < 0.2, .habit = dice(0, 1) < 0.2 ? 0 : dice(1, 12) * MBIT};
		for (int step = 0; step < 20; step++) {
			double room = dice(0, 1) < 0.1 ? -1 : dice(0, 60) * MBIT * 86400 * (double)count;
			for (size_t i = 0; i < count; i++)
				set_rate(&c[i], c[i].verdict == SHARE_REFUSED ? 0 : dice(0, 1) < 0.3 ? dice(20, 150) : dice(1, 20));
			memcpy(was, c, sizeof c);
			now.us += (int64_t)dice(LOOK_US, HOUR_US);
			share_decide(c, count, room, now);
			check(was, c, count, room);
			for (size_t i = 0; i < count; i++)
				refused += c[i].verdict == SHARE_REFUSED;
		}
	}
	assert_true(refused > ROUNDS); /* it was no idle question */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_limit_makes_its_own_verdict, setup),
		cmocka_unit_test_setup(nobody_is_refused_while_the_room_is_not_known, setup),
		cmocka_unit_test_setup(who_is_most_above_his_habit_goes_first_and_no_more_than_must, setup),
		cmocka_unit_test_setup(is_told_once_and_once_that_it_is_over, setup),
		cmocka_unit_test_setup(comes_back_from_the_smaller_stream_less_and_less_often, setup),
		cmocka_unit_test_setup(a_smaller_stream_that_is_not_recorded_is_refused_when_it_must, setup),
		cmocka_unit_test_setup(a_refused_one_is_tried_again_and_at_once_when_there_is_room, setup),
		cmocka_unit_test_setup(nobody_within_his_share_is_ever_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
