#include "conf/units.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

struct unit { const char *name; int64_t factor; };

static const struct unit durations[] = {
	{"ms", 1000},
	{"s", 1000000},
	{"min", INT64_C(60) * 1000000},
	{"h", INT64_C(3600) * 1000000},
	{"d", INT64_C(86400) * 1000000},
	{NULL, 0},
};

static const struct unit sizes[] = {
	{"B", 1},
	{"KiB", INT64_C(1) << 10},
	{"MiB", INT64_C(1) << 20},
	{"GiB", INT64_C(1) << 30},
	{"TiB", INT64_C(1) << 40},
	{NULL, 0},
};

/* Leading digits; *end is what follows them. */
static int digits(const char *text, const char **end, int64_t *out)
{
	int64_t n = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(n, INT64_C(10), &n) ||
		    __builtin_add_overflow(n, (int64_t)(*text - '0'), &n))
			return -ERANGE;
	*end = text;
	*out = n;
	return 0;
}

static int with_unit(const char *text, const struct unit *units, int64_t *out)
{
	const char *name;
	int64_t n;
	int rc = digits(text, &name, &n);

	if (rc < 0)
		return rc;
	for (; units->name; units++)
		if (strcmp(units->name, name) == 0)
			return __builtin_mul_overflow(n, units->factor, out) ? -ERANGE : 0;
	return -EINVAL;
}

int units_duration(const char *text, int64_t *us)
{
	return with_unit(text, durations, us);
}

int units_bytes(const char *text, uint64_t *bytes)
{
	int64_t n;
	int rc = with_unit(text, sizes, &n);

	if (rc == 0)
		*bytes = (uint64_t)n;
	return rc;
}

int units_count(const char *text, unsigned *count)
{
	const char *rest;
	int64_t n;
	int rc = digits(text, &rest, &n);

	if (rc < 0)
		return rc;
	if (*rest != '\0')
		return -EINVAL;
	if (n > INT_MAX)
		return -ERANGE;
	*count = (unsigned)n;
	return 0;
}
