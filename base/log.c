#include "log.h"

#include "clock.h"
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

struct line { char text[1400]; size_t len; };

__attribute__((format(printf, 2, 3)))
static void add(struct line *l, const char *fmt, ...)
{
	size_t room = sizeof l->text - 1 - l->len; /* the last byte is for the line's end */
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(l->text + l->len, room, fmt, ap);
	va_end(ap);
	l->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* A character as it may stand between quotes: what could end the value, the line, or command a terminal, is told by number. */
static void add_character(struct line *l, const char **at, const char *end)
{
	const char *from = *at;
	uint32_t cp = text_next(at, end);

	if (cp == UINT32_MAX) {
		add(l, "\\x%02x", (unsigned)(uint8_t)*(*at)++);
	} else if (cp == '"' || cp == '\\') {
		add(l, "\\%c", (int)cp);
	} else if (cp == '\n') {
		add(l, "\\n");
	} else if (text_is_control(cp)) {
		add(l, "\\u%04x", cp);
	} else {
		add(l, "%.*s", (int)(*at - from), from);
	}
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

static void add_value(struct line *l, const char *value, size_t len, bool quoted)
{
	const char *end = value + len;
	bool quotes = !quoted && !is_word(value, end);

	if (quotes)
		add(l, "\"");
	while (value < end)
		add_character(l, &value, end);
	if (quotes)
		add(l, "\"");
}

/* One conversion of printf, whose specification is spec; the value is taken from ap. */
static void add_number(struct line *l, const char *spec, va_list *ap)
{
	size_t len = strlen(spec);
	bool is_long = memchr(spec, 'l', len) || memchr(spec, 'z', len) || memchr(spec, 'j', len) || memchr(spec, 't', len);

	/* The format was checked where it is written (log_line's attribute); here it is cut into its conversions. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (strchr("feEgG", spec[len - 1]))
		add(l, spec, va_arg(*ap, double));
	else if (spec[len - 1] == 'p')
		add(l, spec, va_arg(*ap, void *));
	else if (is_long)
		add(l, spec, va_arg(*ap, long long)); /* long, size_t and long long are one on our machines */
	else
		add(l, spec, va_arg(*ap, int));
#pragma GCC diagnostic pop
}

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

static void add_text(struct line *l, const char *precision, va_list *ap, bool quoted)
{
	size_t most = precision && precision[1] == '*' ? (size_t)va_arg(*ap, int) : precision ? strtoul(precision + 1, NULL, 10) : SIZE_MAX;
	const char *value = va_arg(*ap, const char *);

	value = value ? value : "(null)";
	size_t len = strnlen(value, most);
	add_value(l, value, len == most ? whole_characters(value, len) : len, quoted);
}

static void add_fields(struct line *l, const char *fmt, va_list *ap)
{
	bool quoted = false;

	while (*fmt) {
		size_t plain = strcspn(fmt, "%\"");
		add(l, "%.*s", (int)plain, fmt);
		fmt += plain;
		if (*fmt == '"') {
			quoted = !quoted;
			add(l, "\"");
			fmt++;
		} else if (fmt[0] == '%' && fmt[1] == '%') {
			add(l, "%%");
			fmt += 2;
		} else if (*fmt == '%') {
			size_t len = 1 + strspn(fmt + 1, "-+ #0123456789.*hlzjt") + 1;
			char spec[24];
			snprintf(spec, sizeof spec, "%.*s", (int)len, fmt);
			if (fmt[len - 1] == 's')
				add_text(l, strchr(spec, '.'), ap, quoted);
			else
				add_number(l, spec, ap);
			fmt += len;
		}
	}
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	struct line l = {.len = 0};
	char at[WALL_TEXT_MAX];
	va_list ap;

	if (!log_wants(level))
		return;
	wall_format(clock_real()->wall_now(clock_real()), at);
	add(&l, "ts=%s level=%s proc=%s ev=%s ", at, names[level], log_proc, event);
	va_start(ap, fmt);
	add_fields(&l, fmt, &ap);
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
