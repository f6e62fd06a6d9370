/* GET/POST /holds, POST/DELETE /holds/{id}/release: orders that footage must not be deleted. A release takes two persons:
 * one asks, another approves; a regulator approves only, so that a site with one administrator has a second. The keeper
 * decides and commits; here the question is checked and passed on. */
#include "call.h"
#include "router.h"

#include <errno.h>

#define REASON_MAX 4000 /* bytes: 1000 characters, which the keeper counts */
#define REFERENCE_MAX 4000

struct listing { struct catalog *catalog; json_t *list; };

static int add_protected(struct catalog *c, const struct catalog_hold *h, json_t *o)
{
	struct wall_range kept;
	int rc = catalog_hold_protected(c, h->camera, (struct wall_range){h->start, h->end}, &kept);

	json_object_set_new(o, "protected_start", json_time_or_null(rc == 0, kept.start));
	json_object_set_new(o, "protected_end", json_time_or_null(rc == 0, kept.end));
	return rc;
}

static void add_request(const struct catalog_hold *h, json_t *o)
{
	bool asked = h->release_requested_by != NULL;

	json_object_set_new(o, "release_requested_by", asked ? json_string(h->release_requested_by) : json_null());
	json_object_set_new(o, "release_requested_at", json_time_or_null(asked, h->release_requested_at));
	json_object_set_new(o, "release_request_reason", asked ? json_string(h->release_request_reason) : json_null());
}

static int on_hold(void *arg, const struct catalog_hold *h)
{
	struct listing *l = arg;
	json_t *o = json_pack("{s:I, s:s, s:o, s:o, s:s, s:s, s:s, s:o, s:b}", "id", (json_int_t)h->id,
			      "camera", h->camera, "start", json_time(h->start), "end", json_time(h->end),
			      "reason", h->reason, "reference", h->reference ? h->reference : "",
			      "placed_by", h->placed_by, "placed_at", json_time(h->placed_at), "released", h->released);

	json_object_set_new(o, "released_by", h->released_by ? json_string(h->released_by) : json_null());
	json_object_set_new(o, "released_at", json_time_or_null(h->released, h->released_at));
	json_object_set_new(o, "release_reason", h->release_reason ? json_string(h->release_reason) : json_null());
	add_request(h, o);
	int rc = h->released ? 0 : add_protected(l->catalog, h, o); /* nothing is kept for it any more */
	json_array_append_new(l->list, o);
	return rc;
}

int hold_list(struct call *c)
{
	bool released;
	struct listing l = {0};

	if (query_bool(&c->query, "released", &released, &c->problem) < 0 || !(l.catalog = call_catalog(c)))
		return -1;
	l.list = json_array();
	int rc = catalog_holds(l.catalog, query_get(&c->query, "camera"), released, on_hold, &l);
	if (rc < 0) {
		json_decref(l.list);
		return call_broken(c, rc);
	}
	call_json(c, 200, json_pack("{s:o}", "holds", l.list));
	return 0;
}

static int count_camera(void *arg, const struct catalog_camera *row)
{
	(void)row;
	++*(unsigned *)arg;
	return 0;
}

static int camera_check(struct call *c, const char *camera)
{
	unsigned found = 0;
	struct catalog *cat = call_catalog(c);
	int rc = cat ? catalog_cameras(cat, camera, count_camera, &found) : -EAGAIN;

	if (rc < 0 && rc != -ENOENT)
		return call_broken(c, rc);
	return found ? 0 : problem_set(&c->problem, 404, "camera", camera, "没有摄像机 {}", "there is no camera {}");
}

/* Checked here, so that the keeper gets times of one form. */
static int range_check(struct call *c, const char *start, const char *end, json_t *args)
{
	struct wall_range r;

	if (query_time_text(start, "start", &r.start, &c->problem) < 0 ||
	    query_time_text(end, "end", &r.end, &c->problem) < 0)
		return -1;
	if (r.end.us <= r.start.us)
		return problem_set(&c->problem, 400, "end", "start", "终点必须晚于 {}", "the end must be later than {}");
	json_object_set_new(args, "start", json_time(r.start));
	json_object_set_new(args, "end", json_time(r.end));
	return 0;
}

static int place(struct call *c, const json_t *body)
{
	const char *camera, *start, *end, *reason, *reference;

	if (!(camera = call_text(c, body, "camera", CATALOG_ID_MAX - 1, false)) ||
	    !(start = call_text(c, body, "start", WALL_TEXT_MAX, false)) ||
	    !(end = call_text(c, body, "end", WALL_TEXT_MAX, false)) ||
	    !(reason = call_text(c, body, "reason", REASON_MAX, false)) ||
	    !(reference = call_text(c, body, "reference", REFERENCE_MAX, true)))
		return -1;
	json_t *args = json_pack("{s:s, s:s, s:s}", "camera", camera, "reason", reason, "reference", reference);
	if (range_check(c, start, end, args) < 0 || camera_check(c, camera) < 0) {
		json_decref(args);
		return -1;
	}
	return call_command(c, "hold.place", args, 201);
}

int hold_place_post(struct call *c)
{
	json_t *body = call_body(c, "camera start end reason reference");
	int rc = body ? place(c, body) : -1;

	json_decref(body);
	return rc;
}

int hold_release_post(struct call *c)
{
	json_t *body;
	int64_t id;

	if (call_number(c, &id) < 0)
		return -1;
	body = call_body(c, "reason");
	const char *reason = body ? call_text(c, body, "reason", REASON_MAX, false) : NULL;
	int rc = reason ? call_command(c, "hold.release", json_pack("{s:I, s:s}", "id", (json_int_t)id, "reason", reason), 200) : -1;
	json_decref(body);
	return rc;
}

int hold_release_delete(struct call *c)
{
	int64_t id;

	return call_number(c, &id) < 0 ? -1 : call_command(c, "hold.withdraw", json_pack("{s:I}", "id", (json_int_t)id), 200);
}
