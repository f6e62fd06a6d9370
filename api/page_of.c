#include "page_of.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static void cursor_text(int64_t number, char out[16])
{
	uint64_t v = (uint64_t)number;
	char *p = out + 15;

	*p = '\0';
	do {
		*--p = digits[v % 36];
		v /= 36;
	} while (v);
	memmove(out, p, strlen(p) + 1);
}

static int cursor_parse(const char *text, int64_t *out)
{
	char *end;

	if (!text[0] || strlen(text) > 12 || text[strspn(text, digits)])
		return -1;
	*out = (int64_t)strtoull(text, &end, 36);
	return 0;
}

int page_of_begin(struct page_of *p, struct call *c)
{
	const char *cursor = query_get(&c->query, "cursor");
	int64_t limit;

	*p = (struct page_of){.after = INT64_MIN};
	if (query_int(&c->query, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit, &c->problem) < 0)
		return -1;
	if (cursor && cursor_parse(cursor, &p->after) < 0)
		return problem_set(&c->problem, 400, "cursor", NULL, "cursor 必须原样取自上一页的 next",
				   "cursor must be taken unchanged from the page before (next)");
	p->limit = (unsigned)limit;
	p->list = json_array();
	return 0;
}

int page_of_add(struct page_of *p, int64_t number, json_t *row)
{
	if (json_array_size(p->list) == p->limit) {
		json_decref(row);
		p->more = true;
		return 1;
	}
	json_array_append_new(p->list, row);
	p->last = number;
	return 0;
}

json_t *page_of_end(struct page_of *p, const char *name)
{
	char next[16];
	json_t *o = json_object();

	cursor_text(p->last, next);
	json_object_set_new(o, name, p->list);
	json_object_set_new(o, "next", p->more ? json_string(next) : json_null());
	p->list = NULL;
	return o;
}
