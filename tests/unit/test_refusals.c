/* Wrong tokens by the thousand do not fill the log, and are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "api/refusals.h"

static struct refusals r;

static unsigned note(const char *from, int64_t s)
{
	unsigned n;
	const char *who;

	refusals_note(&r, from, (struct mono){s * US_PER_S}, &n, &who);
	return n;
}

static void the_first_and_then_a_line_a_minute(void **state)
{
	(void)state;
	r = (struct refusals){0};
	assert_int_equal(note("192.0.2.1", 5), 1);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(note("192.0.2.1", 6 + i / 20), 0);
	assert_int_equal(note("192.0.2.2", 10), 1);
	assert_int_equal(note("192.0.2.1", 65), 1001);
	assert_int_equal(note("192.0.2.1", 66), 0);
}

static void a_crowd_of_addresses_shares_a_line(void **state)
{
	unsigned lines = 0;

	(void)state;
	r = (struct refusals){0};
	for (int i = 0; i < 100000; i++) {
		char from[REFUSALS_FROM_MAX];
		snprintf(from, sizeof from, "2001:db8::%x", (unsigned)i);
		lines += note(from, 100 + i / 1700) != 0;
	}
	assert_in_range(lines, REFUSALS_ADDRESSES, REFUSALS_ADDRESSES + 2);
	assert_int_equal(note("192.0.2.7", 400), 1); /* the silent ones gave their place */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_and_then_a_line_a_minute),
		cmocka_unit_test(a_crowd_of_addresses_shares_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
