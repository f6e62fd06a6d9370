/* The two clocks, kept apart by type, and the seam through which both are read.
 *
 * struct wall: UTC, microseconds since 1970. It can step; it says *when*.
 * struct mono: CLOCK_BOOTTIME, microseconds; it never steps and counts through
 *              suspend. It says *how long*. It means nothing after a reboot.
 * They never mix: only clock_sample() reads both, at one instant.
 *
 * Texts are RFC 3339 with a mandatory offset. An input without one is refused,
 * never guessed: a guessed zone is an eight-hour error in China. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wall { int64_t us; };
struct mono { int64_t us; };

#define US_PER_S  INT64_C(1000000)
#define US_PER_MS INT64_C(1000)
#define US_PER_DAY (INT64_C(86400) * US_PER_S)

/* Half-open [start, end). */
struct wall_range { struct wall start, end; };

struct clock {
	struct wall (*wall_now)(struct clock *c);
	struct mono (*mono_now)(struct clock *c);
	/* Whether the kernel says that the wall clock is synchronised (adjtimex). */
	bool (*synced)(struct clock *c);
	/* Another boot than that of the running kernel: for tests. NULL: that one. */
	const char *boot;
};

struct clock *clock_real(void);

/* A clock that moves only when told. Wall and mono may be set apart. */
struct clock_fake {
	struct clock base;
	struct wall wall;
	struct mono mono;
	bool is_synced;
};
void clock_fake_init(struct clock_fake *c, struct wall start);
void clock_fake_advance(struct clock_fake *c, int64_t us);

static inline struct wall clock_wall(struct clock *c) { return c->wall_now(c); }
static inline struct mono clock_mono(struct clock *c) { return c->mono_now(c); }

/* boot_id of the running kernel, 36 characters and NUL. */
#define BOOT_ID_MAX 37
void clock_boot_id(char out[BOOT_ID_MAX]);
/* The boot in which mono_now() counts. */
void clock_boot(const struct clock *c, char out[BOOT_ID_MAX]);

#define WALL_TEXT_MAX 40
/* "2026-11-23T03:15:00.120000Z". Returns out. */
char *wall_format(struct wall w, char out[WALL_TEXT_MAX]);
/* The same with milliseconds and the zone's offset at that time ("+08:00"); tz is
 * an IANA name found under /usr/share/zoneinfo; UTC if it is unknown. Not thread-safe
 * against setenv(TZ): it uses the process's zone, set by clock_set_zone(). */
char *wall_format_local(struct wall w, char out[WALL_TEXT_MAX]);
void clock_set_zone(const char *tz);
/* The offset from UTC of the process's zone at that time: what its clocks show is w.us + this. */
int64_t clock_zone_offset_us(struct wall w);
/* "20261123T031500.120000Z" (file names) and "2026-11-23" (UTC day). */
char *wall_format_name(struct wall w, char out[WALL_TEXT_MAX]);
char *wall_format_day(struct wall w, char out[WALL_TEXT_MAX]);

/* RFC 3339 date-time, offset mandatory, up to 6 fractional digits (further digits
 * are truncated), years 1970–9999, second 60 refused. Returns 0 or -EINVAL, with
 * *why (static English text; may be NULL) saying what is wrong. */
int wall_parse(const char *text, struct wall *out, const char **why);
/* The inverse of wall_format_name. 0 or -EINVAL. */
int wall_parse_name(const char *text, struct wall *out);
