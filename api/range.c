#include "range.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits into *out; what follows, or NULL if there are none or too many. */
static const char *number(const char *p, uint64_t *out)
{
	size_t len = strspn(p, "0123456789");

	if (len == 0 || len > 18)
		return NULL;
	*out = strtoull(p, NULL, 10);
	return p + len;
}

static enum range_answer parse(const char *text, uint64_t length, uint64_t *first, uint64_t *last)
{
	uint64_t a, b = length - 1;
	const char *p;

	if (strncasecmp(text, "bytes=", 6) != 0 || strchr(text, ','))
		return RANGE_WHOLE;
	text += 6;
	if (text[0] == '-') {
		p = number(text + 1, &a);
		if (!p || *p)
			return RANGE_WHOLE;
		*first = a < length ? length - a : 0;
		return a ? RANGE_PART : RANGE_NONE;
	}
	p = number(text, &a);
	if (!p || *p++ != '-')
		return RANGE_WHOLE;
	if (*p && (!(p = number(p, &b)) || *p || b < a))
		return RANGE_WHOLE;
	if (a >= length)
		return RANGE_NONE;
	*first = a;
	*last = b < length - 1 ? b : length - 1;
	return RANGE_PART;
}

/* If-None-Match compares weakly: W/ is passed over. */
static bool lists(const char *list, const char *etag)
{
	size_t len = strlen(etag);

	if (!list)
		return false;
	if (strcmp(list, "*") == 0)
		return true;
	for (const char *at = list; (at = strstr(at, etag)); at += len)
		if (strchr(", ", at[len]) || !at[len])
			return true;
	return false;
}

enum range_answer range_decide(const struct http_request *r, const char *etag, uint64_t length, uint64_t *first,
			       uint64_t *last)
{
	const char *range = http_request_header(r, "range"), *if_range = http_request_header(r, "if-range");

	*first = 0;
	*last = length ? length - 1 : 0;
	if (lists(http_request_header(r, "if-none-match"), etag))
		return RANGE_NOT_MODIFIED;
	if (!range || !length || strcmp(r->method, "GET") != 0 || (if_range && strcmp(if_range, etag) != 0))
		return RANGE_WHOLE;
	return parse(range, length, first, last);
}
