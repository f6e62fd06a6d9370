/* GET /retention: days achieved per camera, and the keeper's forecast whether the disks will hold what the
 * rule asks. */
#include "call.h"
#include "router.h"

#include <errno.h>
#include <string.h>

struct retained { json_t *cameras; struct call *call; const json_t *rates; unsigned floor_days; };

static double days(int64_t us)
{
	return (double)us / (double)US_PER_DAY;
}

/* A camera is at risk when it was obliged for longer than the floor and has less than the floor. */
static int on_camera(void *arg, const struct catalog_camera *row)
{
	struct retained *s = arg;
	struct wall now = clock_wall(s->call->api->deps.clock);
	double achieved = row->has_footage ? days(row->newest.us - row->oldest.us) : 0;
	double obliged = row->enrolled ? days((row->retired ? row->retired_at : now).us - row->enrolled_at.us) : 0;
	double age = row->has_footage ? days(now.us - row->oldest.us) : 0;
	bool short_of = !row->retired && obliged > s->floor_days && age < s->floor_days;
	json_t *o = json_pack("{s:s, s:s, s:f, s:I, s:f, s:b}", "id", row->id, "name", row->name, "days_achieved", achieved,
			      "bytes", (json_int_t)row->bytes, "bytes_per_day",
			      json_number_value(json_object_get(s->rates, row->id)), "at_risk", short_of);

	json_object_set_new(o, "stored_bytes", json_integer((json_int_t)row->stored_bytes));
	json_object_set_new(o, "oldest", json_time_or_null(row->has_footage, row->oldest));
	json_object_set_new(o, "newest", json_time_or_null(row->has_footage, row->newest));
	json_object_set_new(o, "obliged_days", json_real(obliged));
	return json_array_append_new(s->cameras, o);
}

static json_t *roots_json(struct api *a)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < a->deps.conf->root_count; i++) {
		const struct conf_root *r = &a->deps.conf->roots[i];
		uint64_t free_bytes, total;
		bool known = a->deps.fs->free_bytes(a->deps.fs, r->path, &free_bytes, &total) == 0;
		json_array_append_new(list, json_pack("{s:s, s:o}", "path", r->path, "free_bytes",
			known ? json_integer((json_int_t)free_bytes) : json_null()));
	}
	return list;
}

/* Lowering keep_days takes its time: what is in force, and what is asked for. */
static int add_keep(struct call *c, struct catalog *cat, json_t *o)
{
	struct catalog_keep k = {0};
	int rc = catalog_keep(cat, &k);

	if (rc < 0)
		return rc;
	if (k.days == 0)
		k = (struct catalog_keep){.days = c->api->deps.conf->keep_days};
	json_object_set_new(o, "keep_days", json_integer(k.days));
	json_object_set_new(o, "keep_days_asked", k.asked_days ? json_integer(k.asked_days) : json_null());
	json_object_set_new(o, "keep_days_asked_at", json_time_or_null(k.asked_days > 0, k.asked_at));
	json_object_set_new(o, "keep_days_effective_at",
			    json_time_or_null(k.asked_days > 0, (struct wall){k.asked_at.us + CATALOG_KEEP_NOTICE_US}));
	return 0;
}

/* How far the archive was read in this round, and what was found. */
static int add_scrub(struct call *c, struct catalog *cat, json_t *o)
{
	struct catalog_scrub s;
	int rc = catalog_scrub(cat, &s);

	if (rc < 0)
		return rc;
	json_object_set_new(o, "scrub", json_pack(
		"{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "round_began", json_time_or_null(s.round_began.us > 0, s.round_began),
		"last_round_began", json_time_or_null(s.round_before.us > 0, s.round_before), "round_bytes",
		(json_int_t)s.round_bytes, "period_s", (json_int_t)(c->api->deps.conf->scrub_us / US_PER_S), "rounds",
		(json_int_t)s.rounds, "damaged_fragments", (json_int_t)s.damaged, "missing_files", (json_int_t)s.missing));
	return 0;
}

/* Which cameras wait for the brake; null: none does. */
static void add_paused(struct catalog *cat, json_t *o)
{
	char text[65536] = "";
	json_t *paused = json_null(), *list, *note;
	const char *id;

	json_t *state = cat && catalog_state(cat, "brake", text, sizeof text) == 0 && *text ? json_loads(text, 0, NULL) : NULL;
	if (json_object_size(json_object_get(state, "cameras")) > 0) {
		list = json_array();
		json_object_foreach(json_object_get(state, "cameras"), id, note)
			json_array_append_new(list, json_pack("{s:s, s:O, s:o}", "id", id, "waits", json_object_get(note, "waits"), "oldest",
				json_time_or_null(true, (struct wall){json_integer_value(json_object_get(note, "oldest"))})));
		paused = json_pack("{s:o, s:b, s:o}", "since", json_time_or_null(true, (struct wall){json_integer_value(
				   json_object_get(state, "since"))}), "pressed", json_is_true(json_object_get(state, "pressed")), "cameras", list);
	}
	json_decref(state);
	json_object_set_new(o, "paused", paused);
}

/* Who writes more than his share, and what follows (retention/share_watch.h). */
static int add_shares(struct catalog *cat, json_t *o)
{
	char text[65536] = "";
	int rc = catalog_state(cat, "share", text, sizeof text);
	json_t *state = rc == 0 && *text ? json_loads(text, 0, NULL) : NULL, *list = json_array(), *note;
	const char *id;

	json_object_foreach(state, id, note)
		json_array_append_new(list, json_pack("{s:s, s:O?, s:I}", "id", id, "verdict", json_object_get(note, "verdict"), "bitrate_bps",
						      (json_int_t)(json_number_value(json_object_get(note, "wrote")) * 8)));
	json_decref(state);
	json_object_set_new(o, "shares", list);
	return rc;
}

int retention_release_post(struct call *c)
{
	json_t *body = call_body(c, "reason");
	const char *reason = body ? call_text(c, body, "reason", 1000, false) : NULL;
	int rc = reason ? call_command(c, "retention.release", json_pack("{s:s}", "reason", reason), 200) : -1;

	json_decref(body);
	return rc;
}

int retention_get(struct call *c)
{
	struct api *a = c->api;
	const struct conf *conf = a->deps.conf;
	char text[65536] = "";
	struct catalog *cat = call_catalog(c);
	int rc = cat ? catalog_state(cat, "retention", text, sizeof text) : -EAGAIN;
	json_t *forecast = rc == 0 && text[0] ? json_loads(text, 0, NULL) : NULL;
	struct retained s = {json_array(), c, json_object_get(forecast, "cameras"), conf->rule.floor_days};

	if (rc == 0)
		rc = catalog_cameras(cat, NULL, on_camera, &s);
	if (rc < 0) {
		json_decref(s.cameras);
		json_decref(forecast);
		return call_broken(c, rc);
	}
	json_object_del(forecast, "cameras"); /* said with each camera */
	json_t *o = json_pack("{s:i, s:o, s:o, s:o?}", "floor_days", (int)conf->rule.floor_days, "cameras", s.cameras,
			      "roots", roots_json(a), "forecast", forecast);
	rc = add_keep(c, cat, o);
	if (rc == 0)
		rc = add_scrub(c, cat, o);
	if (rc == 0)
		rc = add_shares(cat, o);
	if (rc < 0) {
		json_decref(o);
		return call_broken(c, rc);
	}
	add_paused(cat, o);
	call_json(c, 200, o);
	return 0;
}
