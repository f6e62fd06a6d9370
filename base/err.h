/* Errors: one integer domain, one sentence for people.
 *
 * A function that can fail returns int: 0, or a negative code. libuv and
 * libav already speak negative errno on Unix; SQLite codes are mapped at its
 * border (indexer/db.c), nowhere else. `struct err` adds the sentence and is passed
 * only where a person will read it: start-up, configuration, camera, catalogue. */
#pragma once
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err {
	int code;       /* 0 or negative */
	char text[200]; /* outermost action first: "open camera front: DESCRIBE: 401" */
};

__attribute__((format(printf, 3, 4)))
static inline int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	e->code = code;
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return code; /* so that `return err_set(...)` is one line */
}

/* Put what the caller was doing in front: wrap(e, "open camera %s", name). */
__attribute__((format(printf, 2, 3)))
static inline int err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[sizeof e->text];
	memcpy(inner, e->text, sizeof inner);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	size_t at = n < 0 ? 0 : (size_t)n;
	if (at + sizeof ": " <= sizeof e->text) { /* a longer context keeps its own head */
		memcpy(e->text + at, ": ", 2);
		size_t room = sizeof e->text - at - 3, len = strlen(inner);
		len = len < room ? len : room;
		memcpy(e->text + at + 2, inner, len);
		e->text[at + 2 + len] = '\0';
	}
	return e->code;
}
