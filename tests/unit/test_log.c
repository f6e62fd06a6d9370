/* No value forges a line: whatever bytes a name has, the line is one, and its fields are where they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"

static char got[4096];

/* What is written to stderr by fn. */
#define CAPTURE(call) do { \
	int ends[2], before = dup(STDERR_FILENO); \
	assert_int_equal(pipe(ends), 0); \
	dup2(ends[1], STDERR_FILENO); \
	call; \
	dup2(before, STDERR_FILENO); \
	close(before); \
	close(ends[1]); \
	ssize_t n = read(ends[0], got, sizeof got - 1); \
	close(ends[0]); \
	got[n > 0 ? n : 0] = '\0'; \
} while (0)

static void expect(const char *want)
{
	const char *field = strstr(got, "ev=e ");

	assert_non_null(field);
	assert_string_equal(field + 5, want);
}

static void a_value_stays_in_its_field(void **state)
{
	static const struct { const char *value, *bare, *quoted; } t[] = {
		{"desk", "v=desk x=1\n", "v=\"desk\" x=1\n"},
		{"园长", "v=园长 x=1\n", "v=\"园长\" x=1\n"},
		{"", "v=\"\" x=1\n", "v=\"\" x=1\n"},
		{"a b", "v=\"a b\" x=1\n", "v=\"a b\" x=1\n"},
		{"a=b", "v=\"a=b\" x=1\n", "v=\"a=b\" x=1\n"},
		{"a\nts=2026 level=error", "v=\"a\\nts=2026 level=error\" x=1\n", "v=\"a\\nts=2026 level=error\" x=1\n"},
		{"a\" who=\"b", "v=\"a\\\" who=\\\"b\" x=1\n", "v=\"a\\\" who=\\\"b\" x=1\n"},
		{"a\\", "v=\"a\\\\\" x=1\n", "v=\"a\\\\\" x=1\n"},
		{"\x1b[2J", "v=\"\\u001b[2J\" x=1\n", "v=\"\\u001b[2J\" x=1\n"},
		{"a\r\t\x7f", "v=\"a\\u000d\\u0009\\u007f\" x=1\n", "v=\"a\\u000d\\u0009\\u007f\" x=1\n"},
		{"a\xe2\x80\xa8", "v=\"a\\u2028\" x=1\n", "v=\"a\\u2028\" x=1\n"},
		{"\xc2\x9b" "2J", "v=\"\\u009b2J\" x=1\n", "v=\"\\u009b2J\" x=1\n"},
		{"\xff\xc3", "v=\"\\xff\\xc3\" x=1\n", "v=\"\\xff\\xc3\" x=1\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		CAPTURE(log_info("e", "v=%s x=%d", t[i].value, 1));
		expect(t[i].bare);
		CAPTURE(log_info("e", "v=\"%s\" x=%d", t[i].value, 1));
		expect(t[i].quoted);
	}
}

static void numbers_are_as_printf_has_them(void **state)
{
	(void)state;
	CAPTURE(log_info("e", "a=%d b=%lld c=%zu d=%u e=%x f=%.1f g=%llu h=%ld i=%02d 100%% j=%c", -1, -5000000000LL, (size_t)7, 4000000000u,
			 255u, 1.25, 18446744073709551615ull, -9L, 3, 'q'));
	expect("a=-1 b=-5000000000 c=7 d=4000000000 e=ff f=1.2 g=18446744073709551615 h=-9 i=03 100% j=q\n");
	CAPTURE(log_info("e", "a=%.3s b=%.*s c=\"%.40s (%s)\"", "abcdef", 2, "xyz", "one", "two"));
	expect("a=abc b=xy c=\"one (two)\"\n");
	CAPTURE(log_info("e", "a=%.2s", "园长"));
	expect("a=\"\"\n");
}

static void a_long_value_is_cut_and_the_line_ends(void **state)
{
	char value[3000];

	(void)state;
	memset(value, '\n', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	CAPTURE(log_info("e", "v=%s", value));
	assert_true(strlen(got) <= 1400);
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_stays_in_its_field),
		cmocka_unit_test(numbers_are_as_printf_has_them),
		cmocka_unit_test(a_long_value_is_cut_and_the_line_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
