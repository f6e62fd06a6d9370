#include "buf.h"

#include "require.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_BYTES 256

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	REQUIRE(p != NULL);
	return p;
}

void *xrealloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);

	REQUIRE(q != NULL);
	return q;
}

char *xstrdup(const char *s)
{
	char *d = strdup(s);

	REQUIRE(d != NULL);
	return d;
}

char *xasprintf(const char *fmt, ...)
{
	char *out = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&out, fmt, ap);
	va_end(ap);
	REQUIRE(n >= 0);
	return out;
}

void buf_reserve(struct buf *b, size_t more)
{
	REQUIRE(more <= SIZE_MAX / 2 - b->len);
	if (b->room - b->len >= more)
		return;
	size_t room = b->room ? b->room : BUF_FIRST_BYTES;
	while (room - b->len < more)
		room *= 2;
	b->data = xrealloc(b->data, room);
	b->room = room;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	buf_reserve(b, len);
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;

	REQUIRE(fmt != NULL); /* with UBSan gcc sees a branch in which it is */
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	REQUIRE(n >= 0);
	buf_reserve(b, (size_t)n + 1);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
	va_end(again);
	b->len += (size_t)n;
}

void buf_drop_front(struct buf *b, size_t len)
{
	REQUIRE(len <= b->len);
	if (len == 0)
		return;
	memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
}

void buf_finish(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

bool text_ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), len = strlen(end);

	return n > len && strcmp(text + n - len, end) == 0;
}
