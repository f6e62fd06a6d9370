#include "query.h"

#include "base/buf.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* In place. 0, or -1 if a '%' is not followed by two hex digits or stands for a control character. */
static int decode(char *s)
{
	char *to = s;

	for (const char *from = s; *from; from++) {
		int c = (unsigned char)*from;
		if (c == '%') {
			int hi = hex_value(from[1]), lo = hi < 0 ? -1 : hex_value(from[2]);
			if (lo < 0)
				return -1;
			c = hi << 4 | lo;
			from += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return -1;
		*to++ = (char)c;
	}
	*to = '\0';
	return 0;
}

static int add(struct query *q, char *item, const char *allowed, struct problem *p)
{
	char *equals = strchr(item, '=');
	char *value = equals ? equals + 1 : item + strlen(item);

	if (equals)
		*equals = '\0';
	if (decode(item) < 0 || decode(value) < 0 || !text_is_utf8(item, strlen(item)) || !text_is_utf8(value, strlen(value)))
		return problem_set(p, 400, text_has_word(allowed, item) ? item : NULL, NULL, "查询参数的百分号编码有误",
				   "a query parameter is not percent-encoded UTF-8 text");
	if (!text_has_word(allowed, item)) {
		problem_remedy(p, "去掉该参数，或检查拼写", "remove it, or check its spelling");
		return problem_set(p, 400, item, item, "不认识的参数 {}", "unknown parameter {}");
	}
	if (query_get(q, item))
		return problem_set(p, 400, item, item, "参数 {} 重复", "parameter {} stands twice");
	if (q->count == QUERY_MAX)
		return problem_set(p, 400, item, NULL, "参数太多", "too many parameters");
	q->items[q->count].name = item;
	q->items[q->count++].value = value;
	return 0;
}

int query_parse(struct query *q, const char *raw, const char *allowed, struct problem *p)
{
	char *rest;

	*q = (struct query){.text = xstrdup(raw)};
	rest = q->text;
	for (char *item; (item = strsep(&rest, "&"));)
		if (*item && add(q, item, allowed, p) < 0)
			return -1;
	return 0;
}

bool query_names(const char *raw, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = raw; at; at = strchr(at, '&')) {
		at += strspn(at, "&");
		if (strncmp(at, name, len) == 0 && strchr("=&", at[len])) /* or the end */
			return true;
	}
	return false;
}

void query_finish(struct query *q)
{
	free(q->text);
	*q = (struct query){0};
}

const char *query_get(const struct query *q, const char *name)
{
	for (unsigned i = 0; i < q->count; i++)
		if (strcmp(q->items[i].name, name) == 0)
			return q->items[i].value;
	return NULL;
}

static int missing(const char *name, struct problem *p)
{
	return problem_set(p, 400, name, name, "缺少参数 {}", "parameter {} is missing");
}

int query_time_text(const char *text, const char *field, struct wall *out, struct problem *p)
{
	const char *why = "";
	const char *t = strchr(text, 'T'), *space = t ? strchr(t, ' ') : NULL;

	if (wall_parse(text, out, &why) == 0)
		return 0;
	if (space) /* the '+' of an offset, read as a space somewhere on its way */
		problem_remedy(p, "在网址中把 + 写成 %2B", "write + as %2B in a URL");
	else
		problem_remedy(p, "写成 RFC 3339 并带时区，例如 2026-11-23T03:15:00Z 或 2026-11-23T11:15:00+08:00",
			       "write RFC 3339 with an offset, for example 2026-11-23T03:15:00Z");
	problem_set(p, 400, field, field, "{} 不是带时区的 RFC 3339 时间", "{} is not a time: ");
	strncat(p->detail, why, sizeof p->detail - strlen(p->detail) - 1);
	return -1;
}

int query_time(const struct query *q, const char *name, struct wall *out, struct problem *p)
{
	const char *text = query_get(q, name);

	return text ? query_time_text(text, name, out, p) : missing(name, p);
}

int query_range(const struct query *q, const char *first, const char *second, struct wall_range *out,
		struct problem *p)
{
	if (query_time(q, first, &out->start, p) < 0 || query_time(q, second, &out->end, p) < 0)
		return -1;
	if (out->end.us <= out->start.us)
		return problem_set(p, 400, second, first, "终点必须晚于 {}", "the end must be later than {}");
	return 0;
}

int query_int(const struct query *q, const char *name, int64_t min, int64_t max, int64_t otherwise, int64_t *out,
	      struct problem *p)
{
	const char *text = query_get(q, name);
	char *end;

	*out = otherwise;
	if (!text)
		return 0;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (errno || end == text || *end || strchr(" +", text[0]) || v < min || v > max)
		return problem_set(p, 400, name, name, "{} 不是允许范围内的整数", "{} is not a whole number in its range");
	*out = v;
	return 0;
}

int query_bool(const struct query *q, const char *name, bool *out, struct problem *p)
{
	const char *text = query_get(q, name);

	*out = text && strcmp(text, "true") == 0;
	if (text && !*out && strcmp(text, "false") != 0)
		return problem_set(p, 400, name, name, "{} 只能是 true 或 false", "{} must be true or false");
	return 0;
}
