#include "recorder/timeline.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define RATE 90000
#define T0 (INT64_C(1795000000) * US_PER_S)

static uint64_t rng = 88172645463325252u;

static double uniform(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (double)(rng >> 11) / 9007199254740992.0;
}

static int64_t ticks_of(double s, double ppm)
{
	return (int64_t)(s * RATE * (1 + ppm / 1e6)) + 4000000000;
}

/* Delays of a network, in seconds at a time: even ones up to half a second; */
static double even_delay(double truth)
{
	(void)truth;
	return uniform() * 0.5;
}

/* and what a nursery's is like: mostly fast with a long tail, slower in busy hours, bursts of a second each
 * minute, and twice an hour a spike of 2 to 8 s, after which all that was held back comes at once. */
static double rough_delay(double truth)
{
	double u = uniform(), delay = 0.003 + u * u * u * u * 0.3;

	if ((int64_t)truth / 3600 % 24 >= 16)
		delay += 0.04;
	if ((int64_t)truth % 60 == 7)
		delay += 1 - (truth - floor(truth));
	if ((int64_t)truth % 1800 == 900)
		delay += 2 + uniform() * 6;
	return delay;
}

/* 30 days, 25 fps by day and 5 by night; arrivals stay in order, as over TCP. */
static void holds_for_days(double ppm, double (*delay)(double truth))
{
	struct timeline t;
	double truth = 0, worst = 0;
	int64_t last_at = 0, last_arrival = 0;

	timeline_init(&t, RATE, 0);
	while (truth < 30 * 86400.0) {
		bool night = (int64_t)truth / 43200 % 2;
		truth += night ? 0.2 : (int64_t)truth % 600 < 30 ? 0.04 : 0.2;
		int64_t arrival = T0 + (int64_t)((truth + delay(truth)) * 1e6);
		if (arrival < last_arrival)
			arrival = last_arrival;
		last_arrival = arrival;
		struct placed p = timeline_place(&t, ticks_of(truth, ppm), arrival);
		assert_true(p.at_us > last_at);
		last_at = p.at_us;
		double error = (double)(p.at_us - T0) / 1e6 - truth;
		if (truth > 600 && /* the first frames were late themselves */
		    (error > worst || -error > worst))
			worst = error < 0 ? -error : error;
	}
	print_message("drift %+.0f ppm: worst error %.1f ms\n", ppm, worst * 1e3);
	assert_true(worst < 0.1);
	assert_int_equal(t.jumps_us[2], INT64_MIN); /* nothing was mistaken for a jump */
}

static void a_crystal_that_drifts_for_30_days(void **state)
{
	(void)state;
	holds_for_days(0, even_delay);
	holds_for_days(200, rough_delay);
	holds_for_days(-200, rough_delay);
}

/* The time server spreads a leap second over a day; our clocks follow it, the camera's does not. */
static void a_leap_second_smear(void **state)
{
	(void)state;
	struct timeline t;
	double worst = 0;

	timeline_init(&t, RATE, 0);
	for (double truth = 0; truth < 36 * 3600.0; truth += 0.2) {
		double smeared = truth - (truth < 86400 ? truth / 86400 : 1);
		int64_t arrival = T0 + (int64_t)((smeared + uniform() * 0.02) * 1e6);
		struct placed p = timeline_place(&t, ticks_of(truth, 0), arrival);
		double error = (double)(p.at_us - T0) / 1e6 - smeared;
		if (error > worst || -error > worst)
			worst = error < 0 ? -error : error;
	}
	print_message("smear: worst error %.1f ms\n", worst * 1e3);
	assert_true(worst < 0.1);
	assert_int_equal(t.jumps_us[2], INT64_MIN);
}

/* A camera's own buffer comes first, in a burst: afterwards time is true at once. */
static void test_burst_at_start(void **state)
{
	(void)state;
	struct timeline t;
	struct placed p = {0};

	timeline_init(&t, RATE, 0);
	for (int n = 0; n < 300; n++) {
		double truth = n / 15.0;
		int64_t arrival = T0 + (int64_t)(truth * 1e6);
		if (arrival < T0 + 2 * US_PER_S)
			arrival = T0 + 2 * US_PER_S + n * 500;
		p = timeline_place(&t, ticks_of(truth, 0), arrival);
		assert_true(p.at_us <= arrival + 40 * US_PER_MS);
		if (n > 60)
			assert_true(llabs(p.at_us - T0 - (int64_t)(truth * 1e6)) < 40 * US_PER_MS);
	}
}

/* Steady arrivals, and timestamps of any kind: times follow the arrivals, always forward. */
static void follows_arrivals(int64_t (*ticks)(int n), int64_t within_us)
{
	struct timeline t;
	int64_t last = 0;

	timeline_init(&t, RATE, 0);
	for (int n = 0; n < 15 * 600; n++) {
		int64_t arrival = T0 + n * US_PER_S / 15;
		struct placed p = timeline_place(&t, ticks(n), arrival);
		assert_true(p.at_us > last);
		last = p.at_us;
		assert_true(llabs(p.at_us - arrival) <= within_us);
	}
}

static int64_t jump_forth(int n) { return n * 6000 + (n > 3000 ? INT64_C(3600) * RATE : 0); }
static int64_t jump_back(int n) { return n * 6000 - (n > 3000 ? INT64_C(3600) * RATE : 0); }
static int64_t jump_little(int n) { return n * 6000 + (n > 3000 ? 5 * RATE : 0); }
static int64_t jump_little_back(int n) { return n * 6000 - (n > 3000 ? 5 * RATE : 0); }
static int64_t jump_often(int n) { return n * 6000 + n / 100 * INT64_C(3600) * RATE * (n % 200 > 100 ? 1 : -1); }
static int64_t stuck(int n) { return (n < 3000 || n > 6000 ? n : 3000) * INT64_C(6000); }
static int64_t never_moves(int n) { (void)n; return 5; }
static int64_t double_rate(int n) { return n * INT64_C(12000); }
static int64_t slow_rate(int n) { return n * INT64_C(5400); }
static int64_t milliseconds(int n) { return n * INT64_C(67); }

static void test_jumps(void **state)
{
	(void)state;
	follows_arrivals(jump_forth, 100 * US_PER_MS);
	follows_arrivals(jump_back, 100 * US_PER_MS);
	follows_arrivals(jump_little, 100 * US_PER_MS);
	follows_arrivals(jump_little_back, 100 * US_PER_MS);
	follows_arrivals(jump_often, 100 * US_PER_MS);
}

static void test_stuck_and_lying(void **state)
{
	(void)state;
	follows_arrivals(stuck, 300 * US_PER_MS);
	follows_arrivals(never_moves, 300 * US_PER_MS);
	follows_arrivals(double_rate, 300 * US_PER_MS);
	follows_arrivals(slow_rate, 3 * US_PER_S);
	follows_arrivals(milliseconds, 10 * US_PER_S);
}

/* A network that stands still for a while does not move the frames: they were taken when they say. */
static void test_network_stall(void **state)
{
	(void)state;
	struct timeline t;

	timeline_init(&t, RATE, 0);
	for (int n = 0; n < 15 * 60; n++) {
		int64_t truth = T0 + n * US_PER_S / 15, arrival = truth;
		if (n >= 300 && n < 375)
			arrival = T0 + 25 * US_PER_S;
		struct placed p = timeline_place(&t, n * 6000, arrival);
		assert_true(llabs(p.at_us - truth) < 10 * US_PER_MS);
	}
}

/* One picture every few seconds, stamped closer together than that: no heap makes good for it, however slow the pace. */
static void a_slow_camera_that_stamps_too_close(void **state)
{
	static const double wait_s[] = {1.1, 2.9, 3, 3.2, 7, 9.9};

	(void)state;
	for (unsigned k = 0; k < sizeof wait_s / sizeof wait_s[0]; k++) {
		struct timeline t;
		timeline_init(&t, RATE, 0);
		for (int n = 0; n < 1000; n++) {
			int64_t arrival = T0 + (int64_t)(n * wait_s[k] * 1e6);
			struct placed p = timeline_place(&t, n * INT64_C(90000), arrival);
			assert_in_range(arrival - p.at_us, 0, 12 * (int64_t)(wait_s[k] * 1e6));
		}
	}
}

static void test_reordering(void **state)
{
	(void)state;
	static const int shown[] = {0, 3, 1, 2, 6, 4, 5, 9, 7, 8}; /* decode order of I P B B P B B … */
	struct timeline t;
	int64_t last = 0;

	timeline_init(&t, RATE, 0);
	for (int n = 0; n < 3000; n++) {
		int number = n == 0 ? 0 : (n - 1) / 9 * 9 + shown[(n - 1) % 9 + 1];
		int64_t truth = T0 + number * US_PER_S / 15;
		struct placed p = timeline_place(&t, number * 6000, T0 + n * US_PER_S / 15 + 200000);
		assert_true(p.at_us > last);
		if (n > 100) {
			assert_true(p.at_us - last > 60 * US_PER_MS); /* even */
			assert_in_range(p.shown_us - truth, 60000, 210000);
			assert_true(llabs(p.shown_us - p.at_us) < 400 * US_PER_MS);
		}
		last = p.at_us;
	}
	assert_int_equal(t.depth, 1);
}

/* From the very first picture on: shown in order and at their distances, decoded at an even pace. Pictures come one a
 * frame time, in decoding order; the first ones are known together. */
static void shown_right_from_the_first(const int *order, int period, unsigned lookahead)
{
	struct timeline t;
	struct timeline_frame first[16];
	int64_t shown[64], last = 0;

	timeline_init(&t, RATE, 0);
	for (int n = 0; n < 64; n++) {
		int number = n == 0 ? 0 : (n - 1) / period * period + order[(n - 1) % period];
		if (n < (int)lookahead)
			first[n] = (struct timeline_frame){number * INT64_C(9000), T0 + n * US_PER_S / 10};
	}
	timeline_prime(&t, first, lookahead);
	for (int n = 0; n < 49; n++) {
		int number = n == 0 ? 0 : (n - 1) / period * period + order[(n - 1) % period];
		struct placed p = timeline_place(&t, number * INT64_C(9000), T0 + n * US_PER_S / 10);
		shown[number] = p.shown_us;
		assert_true(p.at_us > last);
		if (n > 0)
			assert_true(p.at_us - last > 90 * US_PER_MS && p.at_us - last < 110 * US_PER_MS);
		assert_true(p.at_us <= T0 + n * US_PER_S / 10 + TIMELINE_AHEAD_US);
		last = p.at_us;
	}
	for (int n = 1; n < 46; n++)
		assert_in_range(shown[n] - shown[n - 1], 99000, 101000);
}

static void the_first_pictures_of_a_reordered_stream(void **state)
{
	static const int one[] = {2, 1}, two[] = {3, 1, 2}, pyramid[] = {4, 2, 1, 3}, none[] = {1};

	(void)state;
	shown_right_from_the_first(one, 2, 8);
	shown_right_from_the_first(two, 3, 8);
	shown_right_from_the_first(pyramid, 4, 8);
	shown_right_from_the_first(none, 1, 8);
}

/* B-frames that nobody announced: the anchor is set back when they come, and still none changes places. */
static void the_first_pictures_when_nothing_was_known(void **state)
{
	static const int order[] = {4, 2, 1, 3, 9, 7, 5, 6, 8};
	struct timeline t;
	int64_t shown[40] = {0};

	(void)state;
	timeline_init(&t, RATE, 0);
	for (int n = 0; n < 28; n++) {
		int number = n == 0 ? 0 : (n - 1) / 9 * 9 + order[(n - 1) % 9];
		shown[number] = timeline_place(&t, number * INT64_C(9000), T0 + n * US_PER_S / 10).shown_us;
	}
	for (int n = 1; n < 28; n++)
		assert_true(shown[n] > shown[n - 1]);
}

/* What is no picture's time is not taken for one. */
static void first_timestamps_that_make_no_sense(void **state)
{
	struct timeline t;
	struct timeline_frame first[] = {{0, T0}, {INT64_C(1) << 32, T0 + 40000}, {5, T0 + 80000}, {-INT64_C(90000) * 3600, T0 + 120000}};
	int64_t last = 0;

	(void)state;
	timeline_init(&t, RATE, 0);
	timeline_prime(&t, first, 4);
	for (int n = 0; n < 4; n++) {
		struct placed p = timeline_place(&t, first[n].rtp_ticks, first[n].arrival_us);
		assert_true(p.at_us > last && llabs(p.at_us - first[n].arrival_us) <= TIMELINE_AHEAD_US);
		last = p.at_us;
	}
}

/* A frame that comes after a silence is not held back into it. */
static void a_silence_amid_reordered_frames(void **state)
{
	(void)state;
	static const int shown[] = {0, 2, 1};
	struct timeline t;

	timeline_init(&t, RATE, 0);
	for (int n = 0; n < 600; n++) {
		int number = n == 0 ? 0 : (n - 1) / 2 * 2 + shown[(n - 1) % 2 + 1];
		int64_t silence = n >= 301 ? 10 * US_PER_S : 0, truth = T0 + number * US_PER_S / 15 + silence;
		struct placed p = timeline_place(&t, number * 6000 + silence / US_PER_S * RATE,
						 T0 + n * US_PER_S / 15 + silence + 100000);
		assert_true(llabs(p.at_us - truth) < 300 * US_PER_MS);
	}
	assert_int_equal(t.depth, 1);
}

static void test_bounds(void **state)
{
	(void)state;
	struct timeline t;

	timeline_init(&t, RATE, T0 + 90000);
	assert_int_equal(timeline_place(&t, 0, T0).at_us, T0 + 90000);
	assert_true(timeline_place(&t, 6000, T0 + 66667).at_us > T0 + 90000);
	/* the clock was set back, by an hour or by a second: that bound is no bound */
	timeline_init(&t, RATE, T0 + 3600 * US_PER_S);
	assert_int_equal(timeline_place(&t, 0, T0).at_us, T0);
	timeline_init(&t, RATE, T0 + US_PER_S);
	assert_int_equal(timeline_place(&t, 0, T0).at_us, T0);
	timeline_restart(&t);
	assert_int_equal(timeline_place(&t, 999999999, T0 + 50000).at_us, T0 + 50000);
	timeline_not_before(&t, T0 + 150000);
	assert_int_equal(timeline_place(&t, 999999999 + 6000, T0 + 116667).at_us, T0 + 150000);
}

/* --- the future ---------------------------------------------------------------------------- */

static int64_t place_in_time(struct timeline *t, int64_t ticks, int64_t arrival, int64_t after)
{
	struct placed p = timeline_place(t, ticks, arrival);

	assert_true(p.at_us > after);
	assert_false(p.crowded);
	assert_true(p.at_us <= arrival + TIMELINE_AHEAD_US);
	assert_true(p.shown_us <= arrival + TIMELINE_AHEAD_US);
	return p.at_us;
}

/* Thousands of pictures a second, for ten seconds, whatever their timestamps say. */
static void more_frames_than_real_time_allows(void **state)
{
	static const int64_t ticks_each[] = {0, 1, 9, 11, 90, 3000, 90000};

	(void)state;
	for (size_t k = 0; k < sizeof ticks_each / sizeof ticks_each[0]; k++) {
		struct timeline t;
		int64_t last = 0, arrival = T0;
		timeline_init(&t, RATE, 0);
		for (int n = 0; n < 80000; n++) {
			arrival += n % 100 ? 4 : 12000; /* heaps of a hundred */
			last = place_in_time(&t, n * ticks_each[k], arrival, last);
		}
	}
}

/* Whatever comes: forward always, and never later than it arrived. */
static void no_arrival_leads_into_the_future(void **state)
{
	static const double heap[] = {0, 1e-6, 1e-4, 1e-3, 0.02, 0.3, 3, 40};
	static const double pace[] = {0, 0.3, 1, 1, 1, 1.001, 1.3, 4, 1000};

	(void)state;
	for (int life = 0; life < 300; life++) {
		struct timeline t;
		int64_t last = 0, arrival = T0, ticks = (int64_t)(uniform() * 4e9);
		timeline_init(&t, RATE, life % 3 ? 0 : T0 + (int64_t)((uniform() - 0.5) * 400000));
		for (int n = 0; n < 3000; n++) {
			double wait = heap[(int)(uniform() * 8)] * uniform();
			arrival += 1 + (int64_t)(wait * 1e6);
			ticks += (int64_t)(wait * RATE * pace[life % 9]);
			if (uniform() < 0.002)
				ticks += (int64_t)((uniform() - 0.5) * 1e9);
			if (uniform() < 0.001)
				timeline_restart(&t);
			if (uniform() < 0.1) /* reordered */
				ticks -= (int64_t)(uniform() * 9000);
			last = place_in_time(&t, ticks, arrival, last);
		}
	}
}

/* Nothing is left but to say so: time stands still, and they go on. */
static void a_crowd_at_one_instant(void **state)
{
	struct timeline t;
	unsigned crowded = 0;
	int64_t last = 0;

	(void)state;
	timeline_init(&t, RATE, 0);
	for (int n = 0; n < 3000; n++) {
		struct placed p = timeline_place(&t, n, T0);
		assert_true(p.at_us > last);
		crowded += p.crowded;
		assert_true(p.at_us <= T0 + TIMELINE_AHEAD_US + crowded);
		last = p.at_us;
	}
	assert_in_range(crowded, 1000, 2600); /* hundreds had room, though */
	assert_false(timeline_place(&t, 3000, T0 + 40 * US_PER_MS).crowded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crystal_that_drifts_for_30_days),
		cmocka_unit_test(a_leap_second_smear),
		cmocka_unit_test(test_burst_at_start),
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_stuck_and_lying),
		cmocka_unit_test(test_network_stall),
		cmocka_unit_test(a_slow_camera_that_stamps_too_close),
		cmocka_unit_test(test_reordering),
		cmocka_unit_test(the_first_pictures_of_a_reordered_stream),
		cmocka_unit_test(the_first_pictures_when_nothing_was_known),
		cmocka_unit_test(first_timestamps_that_make_no_sense),
		cmocka_unit_test(a_silence_amid_reordered_frames),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(more_frames_than_real_time_allows),
		cmocka_unit_test(no_arrival_leads_into_the_future),
		cmocka_unit_test(a_crowd_at_one_instant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
