/* What cameras, files and other people named is told to a person, and commands no terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/show.h"
#include "base/text.h"

#define EXPECT(want, ...) do { \
	char *got = NULL; \
	size_t len; \
	FILE *to = open_memstream(&got, &len); \
	show(to, __VA_ARGS__); \
	fclose(to); \
	assert_string_equal(got, want); \
	free(got); \
} while (0)

static void a_value_ends_no_line_and_commands_no_terminal(void **state)
{
	(void)state;
	EXPECT("a \\u001b[2J\\nHTTP 200 b\n", "a %s b\n", "\033[2J\nHTTP 200");
	EXPECT("\\u009b2J\\u2028\\u2029\\u202e\\u2066\\u200f\\u061c\\u0007\\u007f\\u000d", "%s",
	       "\xc2\x9b" "2J\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8f\xd8\x9c\a\x7f\r");
	EXPECT("\\xff\\xc3 园长 \"\\ \t\n", "%s 园长 \"\\ \t\n", "\xff\xc3");
	EXPECT("\r\033[K", "\r\033[K"); /* of our own */
}

static void all_else_is_as_printf_has_it(void **state)
{
	char want[200];

	(void)state;
	snprintf(want, sizeof want, "[%-6s|%6s|%2s|%.2s|%.*s|%-12s] %6lld %5.1f %+.1f %02d %zu %u %c 100%%\n", "ab", "ab", "abc", "abc", 1, "xy",
		 "园长", -5LL, 1.25, 2.0, 3, (size_t)7, 4000000000u, 'q');
	EXPECT(want, "[%-6s|%6s|%2s|%.2s|%.*s|%-12s] %6lld %5.1f %+.1f %02d %zu %u %c 100%%\n", "ab", "ab", "abc", "abc", 1, "xy",
	       "园长", -5LL, 1.25, 2.0, 3, (size_t)7, 4000000000u, 'q');
	EXPECT("", "%s", "");
	EXPECT("[\\u001b  ]", "[%-8s]", "\033");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_ends_no_line_and_commands_no_terminal),
		cmocka_unit_test(all_else_is_as_printf_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
