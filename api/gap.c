/* GET /gaps, /gaps/{id}; POST /gaps/{id}/explanation: when there is no footage, and why. */
#include "base/cause.h"
#include "call.h"
#include "page_of.h"
#include "router.h"

#include <errno.h>

#define EXPLANATION_MAX 4000 /* bytes: 1000 characters, which the keeper counts */

static json_t *gap_json(const struct catalog_gap *g)
{
	json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:b}", "id", (json_int_t)g->id, "camera", g->camera,
			      "cause", g->cause, "detail", g->detail ? g->detail : "", "start", json_time(g->start),
			      "end", json_time_or_null(!g->open, g->end), "open", g->open);
	json_t *history = g->history ? json_loads(g->history, 0, NULL) : NULL;

	json_object_set_new(o, "duration_s", g->open ? json_null()
			    : json_real((double)(g->end.us - g->start.us) / (double)US_PER_S));
	json_object_set_new(o, "history", history ? history : json_array());
	json_object_set_new(o, "explanation", g->explanation ? json_string(g->explanation) : json_null());
	json_object_set_new(o, "explained_by", g->explained_by ? json_string(g->explained_by) : json_null());
	json_object_set_new(o, "explained_at", json_time_or_null(g->explanation != NULL, g->explained_at));
	return o;
}

static int on_row(void *arg, const struct catalog_gap *g)
{
	return page_of_add(arg, g->id, gap_json(g));
}

/* from and to may each be absent: then the list reaches to the ends of time. */
static int window(struct call *c, struct gap_query *q)
{
	bool from = query_get(&c->query, "from"), to = query_get(&c->query, "to");

	q->from.us = 0;
	q->to.us = INT64_MAX;
	if ((from && query_time(&c->query, "from", &q->from, &c->problem) < 0) ||
	    (to && query_time(&c->query, "to", &q->to, &c->problem) < 0))
		return -1;
	if (q->to.us <= q->from.us)
		return problem_set(&c->problem, 400, "to", "from", "终点必须晚于 {}", "the end must be later than {}");
	return 0;
}

static int ask(struct call *c, struct gap_query *q, struct page_of *page)
{
	enum gap_cause cause;

	q->camera = query_get(&c->query, "camera");
	q->cause = query_get(&c->query, "cause");
	if (q->cause && gap_cause_parse(q->cause, &cause) < 0)
		return problem_set(&c->problem, 400, "cause", q->cause, "没有原因 {}", "there is no cause {}");
	if (window(c, q) < 0 || query_bool(&c->query, "open", &q->only_open, &c->problem) < 0 ||
	    page_of_begin(page, c) < 0)
		return -1;
	q->after_id = page->after < 0 ? 0 : page->after;
	q->limit = page->limit + 1;
	return 0;
}

int gap_list(struct call *c)
{
	struct gap_query q = {0};
	struct page_of page = {0};
	struct catalog *cat;

	if (ask(c, &q, &page) < 0)
		return -1;
	cat = call_catalog(c);
	int rc = cat ? catalog_gaps(cat, &q, on_row, &page) : -EAGAIN;
	if (rc < 0) {
		json_decref(page.list);
		return call_broken(c, rc);
	}
	call_json(c, 200, page_of_end(&page, "gaps"));
	return 0;
}

static int on_one(void *arg, const struct catalog_gap *g)
{
	*(json_t **)arg = gap_json(g);
	return 0;
}

static int find(struct call *c, int64_t *id, json_t **gap)
{
	struct catalog *cat;

	if (call_number(c, id) < 0 || !(cat = call_catalog(c)))
		return -1;
	int rc = catalog_gap_get(cat, *id, on_one, gap);
	if (rc == -ENOENT || (rc == 0 && !*gap))
		return call_absent(c, "没有编号为 {} 的缺失", "there is no gap {}");
	if (rc < 0) {
		json_decref(*gap);
		return call_broken(c, rc);
	}
	return 0;
}

int gap_get(struct call *c)
{
	json_t *gap = NULL;
	int64_t id;

	if (find(c, &id, &gap) < 0)
		return -1;
	call_json(c, 200, gap);
	return 0;
}

int gap_explain(struct call *c)
{
	json_t *gap = NULL, *body;
	int64_t id;

	if (find(c, &id, &gap) < 0)
		return -1;
	json_decref(gap);
	body = call_body(c, "text");
	const char *text = body ? call_text(c, body, "text", EXPLANATION_MAX, false) : NULL;
	int rc = text ? call_command(c, "gap.explain", json_pack("{s:I, s:s}", "id", (json_int_t)id, "text", text), 200) : -1;
	json_decref(body);
	return rc;
}
