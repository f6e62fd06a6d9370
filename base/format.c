#include "format.h"

#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_MAX 24
#define NUMBER_MAX 400 /* %f of the largest double has 309 digits before its point */

/* How much of a value that was cut holds no part of a character at its end. */
static size_t whole_characters(const char *value, size_t len)
{
	size_t first = len;

	while (first > 0 && ((uint8_t)value[first - 1] & 0xc0) == 0x80)
		first--;
	if (first == 0 || (uint8_t)value[first - 1] < 0xc0)
		return len;
	const char *at = value + first - 1;
	return text_next(&at, value + len) == UINT32_MAX ? first - 1 : len;
}

static void put_text(struct format_sink *s, const char *spec, va_list *ap)
{
	const char *precision = strchr(spec, '.');
	size_t most = precision && precision[1] == '*' ? (size_t)va_arg(*ap, int) : precision ? strtoul(precision + 1, NULL, 10) : SIZE_MAX;
	const char *text = va_arg(*ap, const char *);
	struct format_value v = {.text = text ? text : "(null)", .left = spec[1] == '-'};

	v.width = strtoul(spec + 1 + v.left, NULL, 10);
	v.len = strnlen(v.text, most);
	if (v.len == most)
		v.len = whole_characters(v.text, v.len);
	s->value(s, &v);
}

static void put_number(struct format_sink *s, const char *spec, va_list *ap)
{
	size_t len = strlen(spec);
	bool is_long = memchr(spec, 'l', len) || memchr(spec, 'z', len) || memchr(spec, 'j', len) || memchr(spec, 't', len);
	char out[NUMBER_MAX];
	int n;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (strchr("feEgG", spec[len - 1]))
		n = snprintf(out, sizeof out, spec, va_arg(*ap, double));
	else if (spec[len - 1] == 'p')
		n = snprintf(out, sizeof out, spec, va_arg(*ap, void *));
	else if (is_long)
		n = snprintf(out, sizeof out, spec, va_arg(*ap, long long)); /* long, size_t and long long are one on our machines */
	else
		n = snprintf(out, sizeof out, spec, va_arg(*ap, int));
#pragma GCC diagnostic pop
	if (n > 0)
		s->plain(s, out, (size_t)n < sizeof out ? (size_t)n : sizeof out - 1);
}

void format_walk(struct format_sink *s, const char *fmt, va_list *ap)
{
	while (*fmt) {
		size_t plain = strcspn(fmt, "%");
		if (plain)
			s->plain(s, fmt, plain);
		fmt += plain;
		if (fmt[0] == '%' && fmt[1] == '%') {
			s->plain(s, fmt, 1);
			fmt += 2;
		} else if (*fmt == '%') {
			size_t len = 1 + strspn(fmt + 1, "-+ #0123456789.*hlzjt") + 1;
			char spec[SPEC_MAX];
			snprintf(spec, sizeof spec, "%.*s", (int)len, fmt);
			if (fmt[len - 1] == 's')
				put_text(s, spec, ap);
			else
				put_number(s, spec, ap);
			fmt += len;
		}
	}
}
