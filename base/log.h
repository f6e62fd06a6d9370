/* Log lines in logfmt on stderr, for journald.
 *
 *	log_info("camera", "id=%s state=%s", cam->id, sm_name(&cam->sm));
 *	  →  ts=2026-11-23T03:15:00.120000Z level=info proc=recorder ev=camera id=… state=…
 *
 * The first argument names the event, the rest are key=value pairs. Whatever a %s brings is escaped, and quoted where
 * the format has no quotes and it is no word of logfmt: no value can end its field or the line, or command a terminal.
 * One line per change, never one per retry.
 * Secrets are never passed here.
 *
 * Threads: any. A line is written by one write(2). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Set once at start, before threads. proc is borrowed. HOLDFAST_LOG=debug shows all. */
void log_init(const char *proc);
bool log_wants(enum log_level level);

__attribute__((format(printf, 3, 4)))
void log_line(enum log_level level, const char *event, const char *fmt, ...);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) do { if (log_wants(LOG_DEBUG)) log_line(LOG_DEBUG, __VA_ARGS__); } while (0)

/* Text from outside made fit for a quoted logfmt value: control characters and
 * quotes become '_'. Returns out. */
const char *log_quote(char *out, size_t room, const char *text);
