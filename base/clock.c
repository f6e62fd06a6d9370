#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static struct wall real_wall(struct clock *c)
{
	(void)c;
	return (struct wall){read_us(CLOCK_REALTIME)};
}

static struct mono real_mono(struct clock *c)
{
	(void)c;
	return (struct mono){read_us(CLOCK_BOOTTIME)};
}

static bool real_synced(struct clock *c)
{
	struct timex t = {0};

	(void)c;
	int state = adjtimex(&t);
	return state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
}

struct clock *clock_real(void)
{
	static struct clock real = {real_wall, real_mono, real_synced, NULL};

	return &real;
}

/* --- fake ----------------------------------------------------------------- */

static struct wall fake_wall(struct clock *c) { return ((struct clock_fake *)c)->wall; }
static struct mono fake_mono(struct clock *c) { return ((struct clock_fake *)c)->mono; }
static bool fake_synced(struct clock *c) { return ((struct clock_fake *)c)->is_synced; }

void clock_fake_init(struct clock_fake *c, struct wall start)
{
	*c = (struct clock_fake){.base = {fake_wall, fake_mono, fake_synced, "boot-1"},
				 .wall = start,
				 .mono = {US_PER_S},
				 .is_synced = true};
}

void clock_fake_advance(struct clock_fake *c, int64_t us)
{
	c->wall.us += us;
	c->mono.us += us;
}

void clock_boot_id(char out[BOOT_ID_MAX])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, BOOT_ID_MAX - 1);

	if (fd >= 0)
		close(fd);
	out[n < 0 ? 0 : n] = '\0';
}

void clock_boot(const struct clock *c, char out[BOOT_ID_MAX])
{
	if (c->boot)
		snprintf(out, BOOT_ID_MAX, "%s", c->boot);
	else
		clock_boot_id(out);
}

/* --- texts ---------------------------------------------------------------- */

static void split(struct wall w, struct tm *tm, int *us)
{
	int64_t s = w.us / US_PER_S, rest = w.us % US_PER_S;

	if (rest < 0) {
		rest += US_PER_S;
		s--;
	}
	time_t t = (time_t)s;
	gmtime_r(&t, tm);
	*us = (int)rest;
}

char *wall_format(struct wall w, char out[WALL_TEXT_MAX])
{
	struct tm tm;
	int us;

	split(w, &tm, &us);
	size_t n = strftime(out, WALL_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, WALL_TEXT_MAX - n, ".%06dZ", us);
	return out;
}

char *wall_format_local(struct wall w, char out[WALL_TEXT_MAX])
{
	struct tm tm;
	int us;

	split(w, &tm, &us);
	time_t t = (time_t)((w.us - us) / US_PER_S);
	localtime_r(&t, &tm);
	size_t n = strftime(out, WALL_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	long off = tm.tm_gmtoff, mag = off < 0 ? -off : off;
	snprintf(out + n, WALL_TEXT_MAX - n, ".%03d%c%02ld:%02ld", us / 1000, off < 0 ? '-' : '+',
		 mag / 3600 % 100, mag / 60 % 60);
	return out;
}

void clock_set_zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

int64_t clock_zone_offset_us(struct wall w)
{
	struct tm tm;
	int us;

	split(w, &tm, &us);
	time_t t = (time_t)((w.us - us) / US_PER_S);
	localtime_r(&t, &tm);
	return (int64_t)tm.tm_gmtoff * US_PER_S;
}

char *wall_format_name(struct wall w, char out[WALL_TEXT_MAX])
{
	struct tm tm;
	int us;

	split(w, &tm, &us);
	size_t n = strftime(out, WALL_TEXT_MAX, "%Y%m%dT%H%M%S", &tm);
	snprintf(out + n, WALL_TEXT_MAX - n, ".%06dZ", us);
	return out;
}

char *wall_format_day(struct wall w, char out[WALL_TEXT_MAX])
{
	struct tm tm;
	int us;

	split(w, &tm, &us);
	strftime(out, WALL_TEXT_MAX, "%Y-%m-%d", &tm);
	return out;
}

/* Reads exactly `digits` decimal digits; -1 if they are not there. */
static int take(const char **p, int digits)
{
	int v = 0;

	for (int i = 0; i < digits; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

struct fields { int year, month, day, hour, minute, second, us, offset_s; };

static bool fields_sane(const struct fields *f)
{
	return f->year >= 1970 && f->month >= 1 && f->month <= 12 && f->day >= 1 &&
	       f->day <= days_in(f->year, f->month) && f->hour >= 0 && f->hour <= 23 &&
	       f->minute >= 0 && f->minute <= 59 && f->second >= 0 && f->second <= 59;
}

static struct wall join(const struct fields *f)
{
	struct tm tm = {.tm_year = f->year - 1900, .tm_mon = f->month - 1, .tm_mday = f->day,
			.tm_hour = f->hour, .tm_min = f->minute, .tm_sec = f->second};

	return (struct wall){((int64_t)timegm(&tm) - f->offset_s) * US_PER_S + f->us};
}

static int take_fraction_us(const char **p)
{
	int us = 0, digits = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++, digits++)
		if (digits < 6)
			us = us * 10 + (**p - '0');
	if (digits == 0)
		return -1;
	for (; digits < 6; digits++)
		us *= 10;
	return us;
}

static int take_offset(const char **p, int *offset_s)
{
	if (**p == 'Z' || **p == 'z') {
		(*p)++;
		*offset_s = 0;
		return 0;
	}
	if (**p != '+' && **p != '-')
		return -EINVAL;
	int sign = *(*p)++ == '-' ? -1 : 1, h = take(p, 2);
	if (h < 0 || h > 23 || *(*p)++ != ':')
		return -EINVAL;
	int m = take(p, 2);
	if (m < 0 || m > 59)
		return -EINVAL;
	*offset_s = sign * (h * 3600 + m * 60);
	return 0;
}

static int fail(const char **why, const char *text)
{
	if (why)
		*why = text;
	return -EINVAL;
}

static bool skip(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

int wall_parse(const char *text, struct wall *out, const char **why)
{
	struct fields f = {0};
	const char *p = text;
	bool ok = (f.year = take(&p, 4)) >= 0 && skip(&p, '-') && (f.month = take(&p, 2)) >= 0 &&
		  skip(&p, '-') && (f.day = take(&p, 2)) >= 0 &&
		  (skip(&p, 'T') || skip(&p, 't') || skip(&p, ' ')) && (f.hour = take(&p, 2)) >= 0 &&
		  skip(&p, ':') && (f.minute = take(&p, 2)) >= 0 && skip(&p, ':') &&
		  (f.second = take(&p, 2)) >= 0;

	if (!ok)
		return fail(why, "not an RFC 3339 time like 2026-11-23T11:15:00+08:00");
	if (skip(&p, '.') && (f.us = take_fraction_us(&p)) < 0)
		return fail(why, "no digits after the decimal point");
	if (*p == '\0')
		return fail(why, "the UTC offset is missing: write +08:00 or Z at the end");
	if (take_offset(&p, &f.offset_s) < 0 || *p != '\0')
		return fail(why, "the UTC offset is not like +08:00 or Z (in a URL write + as %2B)");
	if (!fields_sane(&f))
		return fail(why, "no such date or time of day");
	*out = join(&f);
	return out->us < 0 ? fail(why, "before 1970") : 0;
}

int wall_parse_name(const char *text, struct wall *out)
{
	struct fields f = {0};
	const char *p = text;
	bool ok = (f.year = take(&p, 4)) >= 0 && (f.month = take(&p, 2)) >= 0 &&
		  (f.day = take(&p, 2)) >= 0 && skip(&p, 'T') && (f.hour = take(&p, 2)) >= 0 &&
		  (f.minute = take(&p, 2)) >= 0 && (f.second = take(&p, 2)) >= 0 && skip(&p, '.') &&
		  (f.us = take(&p, 6)) >= 0 && skip(&p, 'Z') && *p == '\0';

	if (!ok || !fields_sane(&f))
		return -EINVAL;
	*out = join(&f);
	return 0;
}
