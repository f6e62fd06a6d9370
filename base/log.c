#include "log.h"

#include "clock.h"
#include "format.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *log_proc = "holdfast";
static enum log_level log_max = LOG_INFO;

void log_init(const char *proc)
{
	const char *want = getenv("HOLDFAST_LOG");

	log_proc = proc;
	log_max = want && strcmp(want, "debug") == 0 ? LOG_DEBUG : LOG_INFO;
}

bool log_wants(enum log_level level)
{
	return level <= log_max;
}

/* --- one line ------------------------------------------------------------------ */

struct line { struct format_sink sink; bool quoted; char text[1400]; size_t len; };

static void add(struct line *l, const char *text, size_t len)
{
	size_t room = sizeof l->text - 1 - l->len; /* the last byte is for the line's end */

	memcpy(l->text + l->len, text, len < room ? len : room);
	l->len += len < room ? len : room;
}

static void add_plain(struct format_sink *s, const char *text, size_t len)
{
	struct line *l = (struct line *)s;

	for (size_t i = 0; i < len; i++)
		l->quoted ^= text[i] == '"';
	add(l, text, len);
}

/* As it may stand between quotes: what could end the value, the line, or command a terminal, is told by number. */
static void add_character(struct line *l, const char **at, const char *end)
{
	char shown[TEXT_SHOWN_MAX];

	if (**at == '"' || **at == '\\')
		add(l, "\\", 1);
	add(l, shown, text_show(at, end, shown));
}

/* Whether it is one word of logfmt. */
static bool is_word(const char *at, const char *end)
{
	if (at == end)
		return false;
	while (at < end) {
		uint32_t cp = text_next(&at, end);
		if (cp == UINT32_MAX || cp == ' ' || cp == '"' || cp == '\\' || cp == '=' || text_is_control(cp))
			return false;
	}
	return true;
}

static void add_value(struct format_sink *s, const struct format_value *v)
{
	struct line *l = (struct line *)s;
	const char *at = v->text, *end = at + v->len;
	bool quotes = !l->quoted && !is_word(at, end);

	if (quotes)
		add(l, "\"", 1);
	while (at < end)
		add_character(l, &at, end);
	if (quotes)
		add(l, "\"", 1);
}

__attribute__((format(printf, 2, 3)))
static void add_fields(struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format_walk(&l->sink, fmt, &ap);
	va_end(ap);
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	struct line l = {.sink = {add_plain, add_value}};
	char at[WALL_TEXT_MAX];
	va_list ap;

	if (!log_wants(level))
		return;
	wall_format(clock_real()->wall_now(clock_real()), at);
	add_fields(&l, "ts=%s level=%s proc=%s ev=%s ", at, names[level], log_proc, event);
	va_start(ap, fmt);
	format_walk(&l.sink, fmt, &ap);
	va_end(ap);
	l.text[l.len++] = '\n';
	if (write(STDERR_FILENO, l.text, l.len) < 0)
		return; /* nobody listens: there is no second place to say so */
}

const char *log_quote(char *out, size_t room, const char *text)
{
	size_t i = 0;

	for (; text && text[i] && i + 1 < room; i++)
		out[i] = (unsigned char)text[i] < 0x20 || text[i] == '"' || text[i] == 0x7f ? '_' : text[i];
	if (room)
		out[i] = '\0';
	return out;
}
