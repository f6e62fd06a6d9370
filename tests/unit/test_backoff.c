/* The waits between tries: their order, their spread, their reset. */
#include "base/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint32_t given(void *arg)
{
	return *(uint32_t *)arg;
}

static const unsigned middle[] = {1000, 2000, 4000, 8000, 15000, 15000, 15000};
#define TRIES (sizeof middle / sizeof middle[0])

static void doubles_up_to_15_s(void **state)
{
	uint32_t half = UINT32_MAX / 2;
	struct backoff b;

	(void)state;
	backoff_init(&b, given, &half);
	for (unsigned i = 0; i < TRIES; i++)
		assert_int_equal(backoff_next_ms(&b), middle[i]);
	backoff_reset(&b);
	assert_int_equal(backoff_next_ms(&b), 1000);
}

static void spreads_by_a_fifth(void **state)
{
	uint32_t chance[] = {0, UINT32_MAX};
	struct backoff low, high;

	(void)state;
	backoff_init(&low, given, &chance[0]);
	backoff_init(&high, given, &chance[1]);
	for (unsigned i = 0; i < TRIES; i++) {
		assert_int_equal(backoff_next_ms(&low), middle[i] * 8 / 10);
		assert_int_equal(backoff_next_ms(&high), middle[i] * 12 / 10);
	}
}

static void the_real_chance_stays_within(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, backoff_random, NULL);
	for (unsigned i = 0; i < 1000; i++) {
		unsigned ms = backoff_next_ms(&b);
		assert_in_range(ms, 800, 18000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_up_to_15_s),
		cmocka_unit_test(spreads_by_a_fifth),
		cmocka_unit_test(the_real_chance_stays_within),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
