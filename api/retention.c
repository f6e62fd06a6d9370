/* GET /retention: days achieved per camera, and whether the disks will hold what the rule asks. */
#include "call.h"
#include "router.h"

#include <errno.h>
#include <string.h>

struct sums { json_t *cameras; struct call *call; double bytes_per_day; unsigned floor_days; };

static double days(int64_t us)
{
	return (double)us / (double)US_PER_DAY;
}

/* A camera is at risk when it was obliged for longer than the floor and has less than the floor. */
static int on_camera(void *arg, const struct catalog_camera *row)
{
	struct sums *s = arg;
	struct wall now = clock_wall(s->call->api->deps.clock);
	double achieved = row->has_footage ? days(row->newest.us - row->oldest.us) : 0;
	double per_day = achieved > 0 ? (double)row->bytes / (achieved < 1.0 / 24 ? 1.0 / 24 : achieved) : 0;
	double obliged = row->enrolled ? days((row->retired ? row->retired_at : now).us - row->enrolled_at.us) : 0;
	double age = row->has_footage ? days(now.us - row->oldest.us) : 0;
	bool short_of = !row->retired && obliged > s->floor_days && age < s->floor_days;
	json_t *o = json_pack("{s:s, s:s, s:f, s:I, s:f, s:b}", "id", row->id, "name", row->name, "days_achieved", achieved,
			      "bytes", (json_int_t)row->bytes, "bytes_per_day", per_day, "at_risk", short_of);

	json_object_set_new(o, "oldest", json_time_or_null(row->has_footage, row->oldest));
	json_object_set_new(o, "newest", json_time_or_null(row->has_footage, row->newest));
	json_object_set_new(o, "obliged_days", json_real(obliged));
	if (!row->retired)
		s->bytes_per_day += per_day;
	return json_array_append_new(s->cameras, o);
}

/* Simple and honest: today's rate, shared evenly by the roots, and nothing released meanwhile. It is
 * pessimistic once footage reaches its keep age; the keeper's own forecast stands beside it. */
static json_t *roots_json(struct api *a, double bytes_per_day)
{
	json_t *list = json_array();
	unsigned count = a->deps.conf->root_count;

	for (unsigned i = 0; i < count; i++) {
		const struct conf_root *r = &a->deps.conf->roots[i];
		uint64_t free_bytes, total;
		json_t *o = json_pack("{s:s}", "path", r->path);
		json_array_append_new(list, o);
		if (a->deps.fs->free_bytes(a->deps.fs, r->path, &free_bytes, &total) < 0) {
			json_object_set_new(o, "free_bytes", json_null());
			json_object_set_new(o, "days_until_full", json_null());
			continue;
		}
		double usable = free_bytes > r->reserve_bytes ? (double)(free_bytes - r->reserve_bytes) : 0;
		json_object_set_new(o, "free_bytes", json_integer((json_int_t)free_bytes));
		json_object_set_new(o, "days_until_full",
				    bytes_per_day > 0 ? json_real(usable / (bytes_per_day / count)) : json_null());
	}
	return list;
}

int retention_get(struct call *c)
{
	struct api *a = c->api;
	const struct conf *conf = a->deps.conf;
	struct sums s = {json_array(), c, 0, conf->rule.floor_days};
	char text[8192] = "";
	struct catalog *cat = call_catalog(c);
	int rc = cat ? catalog_cameras(cat, NULL, on_camera, &s) : -EAGAIN;

	if (rc == 0)
		rc = catalog_state(cat, "retention", text, sizeof text);
	if (rc < 0 && rc != -ENOENT) {
		json_decref(s.cameras);
		return call_broken(c, rc);
	}
	json_t *keeper = text[0] ? json_loads(text, 0, NULL) : NULL;
	json_t *o = json_pack("{s:i, s:i, s:f, s:o, s:o}", "keep_days", (int)conf->keep_days,
			      "floor_days", (int)conf->rule.floor_days, "bytes_per_day", s.bytes_per_day,
			      "cameras", s.cameras, "roots", roots_json(a, s.bytes_per_day));
	json_object_set_new(o, "keeper", keeper ? keeper : json_null());
	call_json(c, 200, o);
	return 0;
}
