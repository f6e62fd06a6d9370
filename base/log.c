#include "log.h"

#include "clock.h"

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

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	char line[1400], at[WALL_TEXT_MAX];

	if (!log_wants(level))
		return;
	wall_format(clock_real()->wall_now(clock_real()), at);
	int n = snprintf(line, sizeof line - 1, "ts=%s level=%s proc=%s ev=%s ", at, names[level],
			 log_proc, event);
	size_t len = n < 0 ? 0 : (size_t)n;

	va_list ap;
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof line - 1 - len, fmt, ap);
	va_end(ap);
	len += n < 0 ? 0 : (size_t)n;
	if (len > sizeof line - 2)
		len = sizeof line - 2;
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
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
