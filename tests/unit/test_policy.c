/* Nothing under the floor, nothing held: for every input. */
#include "retention/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define DAY US_PER_DAY
#define NOW (INT64_C(1795478400) * US_PER_S)

static struct retention_item aged(int64_t age_us)
{
	struct wall end = {NOW - age_us};

	return (struct retention_item){.start = {end.us - 300 * US_PER_S}, .end = end,
				       .witnessed_us = 200 * DAY - age_us};
}

static const struct retention_state usual = {
	.now = {NOW}, .clock_synced = true, .witnessed_us = 200 * DAY, .floor_days = 90, .keep_days = 95};

static enum retention_verdict judge(int64_t age_us, bool need)
{
	struct retention_item i = aged(age_us);

	return retention_judge(&i, NULL, 0, &usual, need);
}

static void keeps_the_floor_and_a_day(void **state)
{
	(void)state;
	assert_int_equal(judge(89 * DAY, false), RETENTION_FLOOR);
	assert_int_equal(judge(89 * DAY, true), RETENTION_FLOOR);
	assert_int_equal(judge(91 * DAY - 1, true), RETENTION_FLOOR);
	assert_int_equal(judge(91 * DAY, true), RETENTION_PRESSED);
	assert_int_equal(judge(91 * DAY, false), RETENTION_KEEP);
	assert_int_equal(judge(95 * DAY - 1, false), RETENTION_KEEP);
	assert_int_equal(judge(95 * DAY, false), RETENTION_OLD);
}

/* By the same age as deletion: what a clock's jump made old is not. */
static void a_local_file_goes_when_it_is_old_enough_and_not_held(void **state)
{
	struct retention_item i = aged(30 * DAY), young = aged(30 * DAY - 1);
	const struct retention_hold hold = {{i.start, {i.start.us + 1}}};
	struct retention_state jumped = usual;

	(void)state;
	assert_true(retention_may_release(&i, NULL, 0, &usual, 30));
	assert_false(retention_may_release(&young, NULL, 0, &usual, 30));
	assert_true(retention_may_release(&young, NULL, 0, &usual, 0));
	assert_false(retention_may_release(&i, &hold, 1, &usual, 30));
	jumped.witnessed_us -= 10 * DAY;
	assert_false(retention_may_release(&i, NULL, 0, &jumped, 30));
}

static int64_t summer_ends(struct wall at) { return at.us < NOW ? 7200 * US_PER_S : 3600 * US_PER_S; }
static int64_t no_summer(struct wall at) { return at.us * 0 + 28800 * US_PER_S; }

/* What is locked until then is not deletable an instant before, and deletable then, by the same rule. */
static void the_floor_ends_when_the_rule_says_so(void **state)
{
	struct retention_item i = {.start = {NOW - 10 * DAY}, .end = {NOW - 10 * DAY + 300 * US_PER_S}, .offset_us = 7200 * US_PER_S};
	struct wall end = retention_floor_end(&i, 90, summer_ends);
	struct retention_state then = {.now = end, .offset_us = 3600 * US_PER_S, .clock_synced = true,
				       .witnessed_us = 1000 * DAY, .floor_days = 90, .keep_days = 95};

	(void)state;
	assert_int_equal(end.us, i.end.us + 91 * DAY + 3600 * US_PER_S);
	assert_int_equal(retention_judge(&i, NULL, 0, &then, true), RETENTION_PRESSED);
	then.now.us--;
	assert_int_equal(retention_judge(&i, NULL, 0, &then, true), RETENTION_FLOOR);
	i.offset_us = 28800 * US_PER_S;
	assert_int_equal(retention_floor_end(&i, 90, no_summer).us, i.end.us + 91 * DAY);
}

static void a_hold_beats_age_and_need(void **state)
{
	struct retention_item i = aged(400 * DAY);
	struct retention_hold touching = {{{i.end.us - 1}, {i.end.us + DAY}}};
	struct retention_hold beside = {{{i.end.us}, {i.end.us + DAY}}};

	(void)state;
	assert_int_equal(retention_judge(&i, &touching, 1, &usual, true), RETENTION_HELD);
	assert_int_equal(retention_judge(&i, &beside, 1, &usual, true), RETENTION_OLD);
}

static void a_jump_of_the_clock_deletes_nothing(void **state)
{
	struct retention_state jumped = usual;
	struct retention_item i = aged(10 * DAY);

	(void)state;
	jumped.now.us += 1000 * DAY;
	assert_int_equal(retention_judge(&i, NULL, 0, &jumped, true), RETENTION_FLOOR);
	jumped.clock_synced = false;
	assert_int_equal(retention_judge(&i, NULL, 0, &jumped, true), RETENTION_FLOOR);
}

static void a_box_without_a_time_server_deletes_in_its_own_good_time(void **state)
{
	struct retention_state alone = usual;
	struct retention_item i = aged(96 * DAY);

	(void)state;
	alone.clock_synced = false;
	assert_int_equal(retention_judge(&i, NULL, 0, &alone, false), RETENTION_OLD);
}

static void a_clock_set_back_deletes_nothing_early(void **state)
{
	struct retention_state back = usual;
	struct retention_item i = aged(96 * DAY);

	(void)state;
	back.now.us -= 30 * DAY;
	assert_int_equal(retention_judge(&i, NULL, 0, &back, true), RETENTION_FLOOR);
}

/* Summer time ended meanwhile: by the calendar the footage is an hour younger than by the stopwatch;
 * and the reverse never makes it older. */
static void days_are_the_sites_days_too(void **state)
{
	struct retention_state s = usual;
	struct retention_item i = aged(91 * DAY);
	const int64_t hour = 3600 * US_PER_S;

	(void)state;
	i.offset_us = 2 * hour;
	s.offset_us = hour;
	assert_int_equal(retention_judge(&i, NULL, 0, &s, true), RETENTION_FLOOR);
	s.now.us += hour - 1;
	s.witnessed_us += hour;
	assert_int_equal(retention_judge(&i, NULL, 0, &s, true), RETENTION_FLOOR);
	s.now.us++;
	assert_int_equal(retention_judge(&i, NULL, 0, &s, true), RETENTION_PRESSED);
	s = usual;
	i = aged(91 * DAY - 1);
	s.offset_us = hour;
	assert_int_equal(retention_judge(&i, NULL, 0, &s, true), RETENTION_FLOOR);
}

static void the_zone_tells_its_offset(void **state)
{
	struct wall january, july;

	(void)state;
	assert_int_equal(wall_parse("2026-01-15T00:00:00Z", &january, NULL), 0);
	assert_int_equal(wall_parse("2026-07-15T00:00:00Z", &july, NULL), 0);
	clock_set_zone("Asia/Shanghai");
	assert_int_equal(clock_zone_offset_us(july), 8 * 3600 * US_PER_S);
	clock_set_zone("Europe/Berlin");
	assert_int_equal(clock_zone_offset_us(january), 3600 * US_PER_S);
	assert_int_equal(clock_zone_offset_us(july), 2 * 3600 * US_PER_S);
	clock_set_zone("UTC");
}

/* --- keep ------------------------------------------------------------------------------------ */

static struct catalog_keep keep;

static enum retention_keep_news ask(unsigned days, int64_t wall_us, int64_t witnessed_us)
{
	return retention_keep(&keep, days, (struct wall){NOW + wall_us}, 200 * DAY + witnessed_us);
}

static void a_shorter_keep_waits_a_week(void **state)
{
	(void)state;
	keep = (struct catalog_keep){0};
	assert_int_equal(ask(100, 0, 0), KEEP_BEGUN);
	assert_int_equal(ask(100, 0, 0), KEEP_SAME);
	assert_int_equal(ask(92, 0, 0), KEEP_ASKED);
	assert_int_equal(ask(92, 7 * DAY - 1, 7 * DAY), KEEP_SAME);
	assert_int_equal(ask(92, 7 * DAY, 7 * DAY - 1), KEEP_SAME); /* the clock was set forward */
	assert_int_equal(keep.days, 100);
	assert_int_equal(ask(92, 7 * DAY, 7 * DAY), KEEP_IN_FORCE);
	assert_int_equal(keep.days, 92);
	assert_int_equal(keep.asked_days, 0);
}

static void every_further_lowering_waits_anew(void **state)
{
	(void)state;
	keep = (struct catalog_keep){.days = 100};
	assert_int_equal(ask(95, 0, 0), KEEP_ASKED);
	assert_int_equal(ask(91, 6 * DAY, 6 * DAY), KEEP_ASKED);
	assert_int_equal(ask(91, 8 * DAY, 8 * DAY), KEEP_SAME);
	assert_int_equal(keep.days, 100);
	assert_int_equal(ask(91, 13 * DAY, 13 * DAY), KEEP_IN_FORCE);
}

static void a_longer_keep_holds_at_once(void **state)
{
	(void)state;
	keep = (struct catalog_keep){.days = 100};
	assert_int_equal(ask(95, 0, 0), KEEP_ASKED);
	assert_int_equal(ask(100, DAY, DAY), KEEP_WITHDRAWN);
	assert_int_equal(ask(120, DAY, DAY), KEEP_IN_FORCE);
	assert_int_equal(keep.days, 120);
	assert_int_equal(ask(95, 2 * DAY, 2 * DAY), KEEP_ASKED); /* the first days do not count */
	assert_int_equal(ask(95, 8 * DAY, 8 * DAY), KEEP_SAME);
}

/* The law, restated independently of the code: whatever the settings, nothing whose wall age and
 * witnessed age are not both at least 90 days (less the one day that may go unwitnessed). */
static void nothing_young_is_ever_deleted(void **state)
{
	(void)state;
	srand(7);
	for (int n = 0; n < 200000; n++) {
		struct retention_state s = usual;
		struct retention_item i = aged(0);
		int64_t wall = (int64_t)(rand() % 300) * DAY - 50 * DAY + rand();
		int64_t witnessed = (int64_t)(rand() % 300) * DAY + rand();

		i.end.us = NOW - wall;
		i.start.us = i.end.us - US_PER_S;
		s.witnessed_us = i.witnessed_us + witnessed;
		s.clock_synced = rand() % 2;
		s.keep_days = (unsigned)rand() % 200;
		if (retention_deletes(retention_judge(&i, NULL, 0, &s, rand() % 2))) {
			assert_true(wall >= 91 * DAY);
			assert_true(witnessed >= 90 * DAY);
		}
	}
}

static void room_is_needed_before_the_reserve_is_touched(void **state)
{
	(void)state;
	assert_int_equal(retention_need_bytes(UINT64_C(100) << 30, UINT64_C(4) << 40, UINT64_C(10) << 30), 0);
	assert_true(retention_need_bytes(UINT64_C(10) << 30, UINT64_C(4) << 40, UINT64_C(10) << 30) > 0);
	assert_true(retention_need_bytes(0, 0, 0) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_floor_and_a_day),
		cmocka_unit_test(the_floor_ends_when_the_rule_says_so),
		cmocka_unit_test(a_hold_beats_age_and_need),
		cmocka_unit_test(a_jump_of_the_clock_deletes_nothing),
		cmocka_unit_test(a_box_without_a_time_server_deletes_in_its_own_good_time),
		cmocka_unit_test(a_clock_set_back_deletes_nothing_early),
		cmocka_unit_test(days_are_the_sites_days_too),
		cmocka_unit_test(the_zone_tells_its_offset),
		cmocka_unit_test(a_local_file_goes_when_it_is_old_enough_and_not_held),
		cmocka_unit_test(a_shorter_keep_waits_a_week),
		cmocka_unit_test(every_further_lowering_waits_anew),
		cmocka_unit_test(a_longer_keep_holds_at_once),
		cmocka_unit_test(nothing_young_is_ever_deleted),
		cmocka_unit_test(room_is_needed_before_the_reserve_is_touched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
