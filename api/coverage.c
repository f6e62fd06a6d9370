/* GET /coverage: the tiles of each camera, the sums over cameras, and the union over each area. */
#include "area_union.h"
#include "base/buf.h"
#include "call.h"
#include "router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_MAX_US (400 * US_PER_DAY)

struct camera_name { char *id, *name, *area; };
struct camera_names { struct camera_name *items; unsigned count; const char *area; };

/* One camera's tiles on their way into JSON, its sums and its area's union. */
struct collector { struct coverage sum; struct area_union *area; json_t *spans; };

static json_t *seconds(int64_t us)
{
	return json_real((double)us / (double)US_PER_S);
}

static void put_sums(json_t *o, const struct coverage *s)
{
	json_object_set_new(o, "obliged_s", seconds(s->obliged_us));
	json_object_set_new(o, "covered_s", seconds(s->covered_us));
	json_object_set_new(o, "completeness", json_real(coverage_completeness(s)));
	json_object_set_new(o, "gaps", json_integer(s->gaps));
	json_object_set_new(o, "longest_gap_s", seconds(s->longest_gap_us));
}

static void put_rest(json_t *o, const struct coverage *s)
{
	json_object_set_new(o, "expired_s", seconds(s->expired_us));
	json_object_set_new(o, "pending_s", seconds(s->pending_us));
}

static int on_tile(void *arg, const struct tile *t)
{
	struct collector *k = arg;
	json_t *o = json_pack("{s:o, s:o, s:s}", "start", json_time(t->start), "end", json_time(t->end),
			      "state", tile_state_name(t->state));

	if (t->state == TILE_GAP && t->cause)
		json_object_set_new(o, "cause", json_string(t->cause));
	if (t->state == TILE_GAP && t->gap)
		json_object_set_new(o, "gap", json_integer(t->gap));
	coverage_add(&k->sum, t);
	area_union_add(k->area, t);
	return json_array_append_new(k->spans, o);
}

static void sum_up(struct coverage *site, const struct coverage *one)
{
	site->obliged_us += one->obliged_us;
	site->covered_us += one->covered_us;
	site->expired_us += one->expired_us;
	site->pending_us += one->pending_us;
	site->gaps += one->gaps;
	if (one->longest_gap_us > site->longest_gap_us)
		site->longest_gap_us = one->longest_gap_us;
}

static int on_camera(void *arg, const struct catalog_camera *row)
{
	struct camera_names *n = arg;

	if (n->area && strcmp(n->area, row->area) != 0)
		return 0;
	n->items = xrealloc(n->items, (n->count + 1) * sizeof *n->items);
	n->items[n->count++] = (struct camera_name){xstrdup(row->id), xstrdup(row->name), xstrdup(row->area)};
	return 0;
}

static void names_finish(struct camera_names *n)
{
	for (unsigned i = 0; i < n->count; i++) {
		free(n->items[i].id);
		free(n->items[i].name);
		free(n->items[i].area);
	}
	free(n->items);
}

static int one_camera(struct catalog *cat, const struct camera_name *n, struct wall_range r, struct area_union *area,
		      json_t *list, struct coverage *site)
{
	struct collector k = {.area = area, .spans = json_array()};
	int rc = catalog_tiles(cat, n->id, r.start, r.end, on_tile, &k);
	json_t *o = json_pack("{s:s, s:s, s:s}", "id", n->id, "name", n->name, "area", n->area);

	put_sums(o, &k.sum);
	put_rest(o, &k.sum);
	json_object_set_new(o, "spans", k.spans);
	json_array_append_new(list, o);
	sum_up(site, &k.sum);
	return rc;
}

static void put_area(json_t *list, const struct conf *conf, const char *id, struct area_union *u)
{
	const struct conf_area *area = conf_area_find(conf, id);
	struct coverage s;
	json_t *o = json_pack("{s:s, s:s}", "id", id, "name", area ? area->name : id);

	area_union_sum(u, &s);
	put_sums(o, &s);
	json_array_append_new(list, o);
}

/* Area by area, so that one union at a time is held. */
static int all_cameras(struct call *c, struct catalog *cat, const struct camera_names *n, struct wall_range r, json_t *o)
{
	json_t *cameras = json_array(), *areas = json_array();
	struct coverage site = {0};
	bool *done = xcalloc(n->count, sizeof *done);
	int rc = 0;

	for (unsigned i = 0; i < n->count; i++) {
		struct area_union u = {0};
		if (done[i])
			continue;
		for (unsigned k = i; k < n->count && rc == 0; k++) {
			if (done[k] || strcmp(n->items[k].area, n->items[i].area) != 0)
				continue;
			done[k] = true;
			rc = one_camera(cat, &n->items[k], r, &u, cameras, &site);
		}
		put_area(areas, c->api->deps.conf, n->items[i].area, &u);
		area_union_finish(&u);
	}
	free(done);
	put_sums(o, &site);
	put_rest(o, &site);
	json_object_set_new(o, "cameras", cameras);
	json_object_set_new(o, "areas", areas);
	return rc;
}

static int answer(struct call *c, struct catalog *cat, struct wall_range r, const char *camera, const char *area, json_t *o)
{
	struct camera_names names = {.area = area};
	int rc = catalog_cameras(cat, camera, on_camera, &names);

	if (rc == -ENOENT)
		rc = 0;
	if (rc < 0)
		rc = call_broken(c, rc);
	else if (names.count == 0 && (camera || (area && !conf_area_find(c->api->deps.conf, area))))
		rc = camera ? problem_set(&c->problem, 404, "camera", camera, "没有摄像机 {}", "there is no camera {}")
			    : problem_set(&c->problem, 404, "area", area, "没有区域 {}", "there is no area {}");
	else if ((rc = all_cameras(c, cat, &names, r, o)) < 0)
		rc = call_broken(c, rc);
	names_finish(&names);
	return rc;
}

int coverage_get(struct call *c)
{
	struct wall_range r;
	struct catalog *cat;

	if (query_range(&c->query, "from", "to", &r, &c->problem) < 0)
		return -1;
	if (r.end.us - r.start.us > RANGE_MAX_US)
		return problem_set(&c->problem, 400, "to", NULL, "一次最多查询 400 天", "at most 400 days at once");
	cat = call_catalog(c);
	if (!cat)
		return -1;
	int rc = catalog_begin_read(cat);
	if (rc < 0)
		return call_broken(c, rc);
	json_t *o = json_pack("{s:o, s:o}", "from", json_time(r.start), "to", json_time(r.end));
	rc = call_end_read(c, cat, answer(c, cat, r, query_get(&c->query, "camera"), query_get(&c->query, "area"), o));
	if (rc == 0)
		call_json(c, 200, o);
	else
		json_decref(o);
	return rc;
}
