#include "show.h"

#include "buf.h"
#include "format.h"
#include "text.h"

struct shown { struct format_sink sink; struct buf text; };

static void put_plain(struct format_sink *s, const char *text, size_t len)
{
	buf_add(&((struct shown *)s)->text, text, len);
}

static void pad(struct buf *b, size_t len, size_t width)
{
	for (; len < width; len++)
		buf_add(b, " ", 1);
}

static void put_value(struct format_sink *s, const struct format_value *v)
{
	struct buf *b = &((struct shown *)s)->text, value = {0};
	char c[TEXT_SHOWN_MAX];

	for (const char *at = v->text; at < v->text + v->len;)
		buf_add(&value, c, text_show(&at, v->text + v->len, c));
	if (!v->left)
		pad(b, value.len, v->width);
	if (value.len)
		buf_add(b, value.data, value.len);
	if (v->left)
		pad(b, value.len, v->width);
	buf_finish(&value);
}

void show(FILE *to, const char *fmt, ...)
{
	struct shown s = {.sink = {put_plain, put_value}};
	va_list ap;

	va_start(ap, fmt);
	format_walk(&s.sink, fmt, &ap);
	va_end(ap);
	if (s.text.len)
		fwrite(s.text.data, 1, s.text.len, to);
	buf_finish(&s.text);
}
