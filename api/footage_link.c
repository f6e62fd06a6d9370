#include "footage_link.h"

#include "router.h"

#include <stdlib.h>
#include <string.h>

/* --- using ---------------------------------------------------------------------------- */

static bool what_is_asked(const struct call *c, struct ticket_for *out)
{
	struct problem unused = {0};

	snprintf(out->camera, sizeof out->camera, "%s", c->id);
	bool ok = query_range(&c->query, "start", "end", &out->range, &unused) == 0 &&
		  query_int(&c->query, "segment", 1, INT64_MAX, 0, &out->segment, &unused) == 0;
	problem_finish(&unused);
	return ok;
}

/* What his token allows now, not what it allowed then. */
static void be_him(struct call *c, const struct ticket *k)
{
	struct token t = {.role = k->role};

	snprintf(c->who.name, sizeof c->who.name, "%s", k->name);
	if (k->token && access_token_in_force(c->api->deps.access, k->token, &t, c->who.name) < 0)
		return;
	c->who.role = t.role;
	c->who.token = k->token;
	c->who.presented = false;
}

void footage_link_identify(struct call *c)
{
	const char *code = query_get(&c->query, "code");
	struct ticket_for what;
	char value[TICKET_SECRET_ROOM];
	unsigned number;

	c->who.presented = true;
	if (strcmp(c->x->request.method, "GET") != 0 || !what_is_asked(c, &what))
		return;
	const struct ticket *k = tickets_use(&c->api->tickets, clock_mono(c->api->deps.clock), code,
					     http_request_header(&c->x->request, "cookie"), &what, &number, value);
	if (!k)
		return;
	be_him(c, k);
	snprintf(c->cookie, sizeof c->cookie, TICKET_COOKIE_NAME "%u=%s; Path=" API_BASE "/cameras/%s/footage.mp4; Max-Age=%lld; "
		 "HttpOnly; SameSite=Strict", number, value, c->id, (long long)(TICKET_AGAIN_US / US_PER_S));
}

/* --- making --------------------------------------------------------------------------- */

static int parse(struct call *c, const json_t *body, struct ticket_for *out)
{
	const json_t *segment = json_object_get(body, "segment");
	const char *start, *end;

	*out = (struct ticket_for){0};
	snprintf(out->camera, sizeof out->camera, "%s", c->id);
	if (!(start = call_text(c, body, "start", WALL_TEXT_MAX, false)) || !(end = call_text(c, body, "end", WALL_TEXT_MAX, false)) ||
	    query_time_text(start, "start", &out->range.start, &c->problem) < 0 ||
	    query_time_text(end, "end", &out->range.end, &c->problem) < 0)
		return -1;
	if (out->range.end.us <= out->range.start.us)
		return problem_set(&c->problem, 400, "end", "start", "终点必须晚于 {}", "the end must be later than {}");
	out->segment = json_integer_value(segment);
	if (segment && out->segment <= 0)
		return problem_set(&c->problem, 400, "segment", "segment", "{} 不是允许范围内的整数", "{} is not a whole number in its range");
	return 0;
}

static void tell(struct call *c, const struct ticket_for *what, const char *code)
{
	char start[WALL_TEXT_MAX], end[WALL_TEXT_MAX];
	struct wall ends = {clock_wall(c->api->deps.clock).us + TICKET_FIRST_US};
	struct buf address = {0};

	buf_printf(&address, API_BASE "/cameras/%s/footage.mp4?start=%s&end=%s", what->camera, wall_format(what->range.start, start),
		   wall_format(what->range.end, end));
	if (what->segment)
		buf_printf(&address, "&segment=%lld", (long long)what->segment);
	buf_printf(&address, "&code=%s", code);
	buf_add(&address, "", 1);
	call_json(c, 201, json_pack("{s:s, s:o}", "address", (const char *)address.data, "expires_at", json_time(ends)));
	buf_finish(&address);
}

static int make(struct call *c, const json_t *body)
{
	struct ticket_for what;
	char code[TICKET_SECRET_ROOM];

	if (parse(c, body, &what) < 0)
		return -1;
	if (tickets_make(&c->api->tickets, clock_mono(c->api->deps.clock), &c->who, &what, code) < 0)
		return problem_set(&c->problem, 503, NULL, NULL, "同时使用的录像链接太多，请稍后重试", "too many addresses of footage are in use; try again later");
	tell(c, &what, code);
	return 0;
}

int footage_link_make(struct call *c)
{
	json_t *body = call_body(c, "start end segment");
	int rc = body ? make(c, body) : -1;

	json_decref(body);
	return rc;
}
