/* printf's formats taken apart, so that what a %s brings can be written otherwise than what the format says itself.
 *
 * Takes %s with '-', a width and a precision (a number or '*'), and numbers as printf does, without '*' and long double.
 * Threads: any. Memory: nothing is kept. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct format_value {
	const char *text;       /* where a precision cut it, without the part of a character at its end */
	size_t len, width;
	bool left;              /* in that width */
};

struct format_sink {
	void (*plain)(struct format_sink *s, const char *text, size_t len); /* of the format itself, and numbers */
	void (*value)(struct format_sink *s, const struct format_value *v);
};

/* The caller's own attribute checks fmt against what ap holds. */
void format_walk(struct format_sink *s, const char *fmt, va_list *ap);
