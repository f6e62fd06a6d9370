/* The query of a URL, decoded and typed (RFC 3986: %XX; '+' is a plus, not a space).
 *
 * Threads: any. Memory: query_finish() frees; values point into the query.
 * Errors: 0, or negative with the problem set: a 400 that names the field. */
#pragma once
#include "api/problem.h"
#include "base/clock.h"

#include <stdint.h>

#define QUERY_MAX 16

struct query {
	struct { const char *name, *value; } items[QUERY_MAX];
	unsigned count;
	char *text;
};

/* allowed: the names that the route knows, separated by spaces. Unknown ones, the same one twice,
 * control characters and what is no UTF-8 are refused. */
int query_parse(struct query *q, const char *raw, const char *allowed, struct problem *p);
void query_finish(struct query *q);
/* Whether the raw query has an item of that name. */
bool query_names(const char *raw, const char *name);

const char *query_get(const struct query *q, const char *name); /* NULL: absent */
/* RFC 3339 with its offset; absent is an error. */
int query_time(const struct query *q, const char *name, struct wall *out, struct problem *p);
/* [first, second): both present, the second after the first. */
int query_range(const struct query *q, const char *first, const char *second, struct wall_range *out,
		struct problem *p);
int query_int(const struct query *q, const char *name, int64_t min, int64_t max, int64_t otherwise, int64_t *out,
	      struct problem *p);
int query_bool(const struct query *q, const char *name, bool *out, struct problem *p); /* absent: false */
/* The same rules for a time that came in a JSON body. */
int query_time_text(const char *text, const char *field, struct wall *out, struct problem *p);
