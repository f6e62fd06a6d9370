/* Who goes over to the smaller stream, in which order, and that nobody goes to and fro. */
#include "retention/economy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TODAY 20000
#define FLOOR 90
#define NEED_DAYS (FLOOR + 2) /* of footage that must lie on the disks: test_forecast.c */
#define CREW_MAX 12
#define ROUNDS 2000

static const char *const names[CREW_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};

static uint64_t seed;

static double dice(double from, double to)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return from + (to - from) * (double)(seed >> 33) / (double)(UINT64_C(1) << 31);
}

static struct forecast_input box(double free_bytes)
{
	return (struct forecast_input){.today = TODAY, .today_left = 1, .floor_days = FLOOR, .keep_days = FLOOR + 5,
				       .free_bytes = free_bytes};
}

static struct economy_camera camera(unsigned nth, double full, double small)
{
	struct economy_camera c = {.id = names[nth], .small = small};

	for (unsigned d = 0; d < FORECAST_WEEK; d++)
		c.full[d] = full;
	return c;
}

struct crew { struct economy_camera c[CREW_MAX]; size_t count; struct forecast before, after; };

static void decide(struct crew *w, double free_bytes)
{
	struct forecast_input in = box(free_bytes);

	economy_decide(&in, w->c, w->count, &w->before, &w->after);
}

static const struct economy_camera *of(const struct crew *w, const char *id)
{
	size_t i = 0;

	while (i < w->count && strcmp(w->c[i].id, id) != 0)
		i++;
	assert_true(i < w->count);
	return &w->c[i];
}

static size_t economic(const struct crew *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->count; i++)
		n += w->c[i].economic;
	return n;
}

static void room_for_all_changes_nothing(void **state)
{
	struct crew w = {{camera(0, 100, 10), camera(1, 50, 5)}, 2};

	(void)state;
	decide(&w, 150 * NEED_DAYS);
	assert_true(w.before.fits_floor && w.after.fits_floor);
	assert_int_equal(economic(&w), 0);
}

static void the_largest_saving_goes_first(void **state)
{
	struct crew w = {{camera(0, 50, 5), camera(1, 100, 10), camera(2, 90, 0)}, 3};

	(void)state;
	decide(&w, 150 * NEED_DAYS); /* 240 are written: one of 90 is enough; of equals the first by name */
	assert_false(w.before.fits_floor);
	assert_true(w.after.fits_floor && of(&w, "b")->economic);
	assert_int_equal(economic(&w), 1);
	decide(&w, 60 * NEED_DAYS);
	assert_true(of(&w, "c")->economic && !of(&w, "a")->economic);
}

static void a_stream_that_saves_nothing_is_left_alone(void **state)
{
	struct crew w = {{camera(0, 100, 95), camera(1, 100, 120), camera(2, 0, 0)}, 3};

	(void)state;
	decide(&w, 0);
	assert_int_equal(economic(&w), 0);
	w.c[0].economic = true; /* it seemed to be worth it */
	w.c[0].small = w.c[0].full[0] * 0.97;
	decide(&w, 0);
	assert_int_equal(economic(&w), 0);
}

static void it_comes_back_with_a_week_to_spare_one_at_a_time(void **state)
{
	struct crew w = {{camera(0, 100, 10), camera(1, 50, 5)}, 2};

	(void)state;
	decide(&w, 0);
	assert_int_equal(economic(&w), 2);
	decide(&w, 60 * (NEED_DAYS + ECONOMY_SPARE_DAYS) - 1); /* with b back 60 a day are written */
	assert_int_equal(economic(&w), 2);
	decide(&w, 60 * (NEED_DAYS + ECONOMY_SPARE_DAYS));
	assert_true(of(&w, "a")->economic && !of(&w, "b")->economic);
	decide(&w, 150 * (NEED_DAYS + ECONOMY_SPARE_DAYS));
	assert_int_equal(economic(&w), 0);
}

static struct crew random_crew(void)
{
	struct crew w = {.count = 1 + (size_t)dice(0, CREW_MAX - 0.001)};

	for (unsigned i = 0; i < w.count; i++) {
		double full = dice(0, 1) < 0.1 ? 0 : dice(1, 200);
		w.c[i] = camera(i, full, full * dice(0, 1.2));
		for (unsigned d = 0; d < FORECAST_WEEK; d++)
			w.c[i].full[d] *= dice(0.5, 1.5);
	}
	return w;
}

static double written(const struct crew *w, bool least)
{
	double sum = 0;

	for (size_t i = 0; i < w->count; i++) {
		double full = economy_full_per_day(&w->c[i]);
		sum += least && w->c[i].small < full ? w->c[i].small : full;
	}
	return sum;
}

static double saving(const struct economy_camera *c)
{
	return economy_full_per_day(c) - c->small;
}

static void expect_order(const struct crew *w)
{
	for (size_t i = 1; i < w->count; i++)
		assert_true(saving(&w->c[i - 1]) >= saving(&w->c[i]));
	for (size_t i = 0; i < w->count; i++) {
		const struct economy_camera *c = &w->c[i];
		bool worth = saving(c) > 0 && saving(c) >= economy_full_per_day(c) * ECONOMY_WORTH;
		if (worth && !c->economic) /* all that are worth it before this one suffice */
			assert_true(w->after.fits_floor);
		assert_false(c->economic && !worth);
	}
}

static void shuffle(struct crew *w)
{
	for (size_t i = w->count - 1; i > 0; i--) {
		size_t j = (size_t)dice(0, (double)i + 0.999);
		struct economy_camera c = w->c[i];
		w->c[i] = w->c[j];
		w->c[j] = c;
	}
}

static void random_sites_go_over_in_order_and_no_further_than_needed(void **state)
{
	(void)state;
	seed = 1;
	for (int round = 0; round < ROUNDS; round++) {
		struct crew w = random_crew(), other = w;
		double free_bytes = dice(0, 1.2) * written(&w, false) * NEED_DAYS;
		decide(&w, free_bytes);
		expect_order(&w);
		assert_true(w.before.fits_floor ? economic(&w) == 0 : w.after.missing_bytes <= w.before.missing_bytes);
		shuffle(&other);
		decide(&other, free_bytes);
		for (size_t i = 0; i < w.count; i++)
			assert_int_equal(w.c[i].economic, of(&other, w.c[i].id)->economic);
	}
}

/* Whatever the room does within less than what a week takes: who went over stays, and who came back, too. */
static void random_room_makes_nobody_go_to_and_fro(void **state)
{
	(void)state;
	seed = 2;
	for (int round = 0; round < ROUNDS / 10; round++) {
		struct crew w = random_crew();
		double least = dice(0, 1.2) * written(&w, false) * NEED_DAYS;
		double week = ECONOMY_SPARE_DAYS * 0.99 * written(&w, true);
		for (size_t i = 0; i < w.count; i++)
			w.c[i].economic = dice(0, 1) < 0.5;
		unsigned changes[CREW_MAX] = {0};
		for (int day = 0; day < 100; day++) {
			decide(&w, least + dice(0, week));
			for (size_t i = 0; i < w.count; i++)
				changes[w.c[i].id[0] - 'a'] += w.c[i].economic != w.c[i].was;
		}
		for (unsigned i = 0; i < w.count; i++)
			assert_true(changes[i] <= 1); /* from wherever it began */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_for_all_changes_nothing),
		cmocka_unit_test(the_largest_saving_goes_first),
		cmocka_unit_test(a_stream_that_saves_nothing_is_left_alone),
		cmocka_unit_test(it_comes_back_with_a_week_to_spare_one_at_a_time),
		cmocka_unit_test(random_sites_go_over_in_order_and_no_further_than_needed),
		cmocka_unit_test(random_room_makes_nobody_go_to_and_fro),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
