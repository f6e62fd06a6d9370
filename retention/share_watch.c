#include "retention/share_watch.h"

#include "base/buf.h"
#include "base/log.h"
#include "retention/policy.h"
#include "retention/room.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROOM (64 << 10)               /* 256 cameras of 200 bytes */
#define LEAST_US (SHARE_EVERY_US / 2) /* a shorter look says too little */

/* --- who there is -------------------------------------------------------------------------------- */

static struct share_seen *find(struct share_watch *w, const char *id)
{
	size_t i = 0;

	while (i < w->count && strcmp(w->seen[i].id, id) != 0)
		i++;
	return i < w->count ? &w->seen[i] : NULL;
}

static struct share_seen *add(struct share_watch *w, const char *id)
{
	w->seen = xrealloc(w->seen, (w->count + 1) * sizeof *w->seen);
	struct share_seen *s = &w->seen[w->count++];
	*s = (struct share_seen){.camera = {.since = w->looked, .over_at = w->looked}};
	snprintf(s->id, sizeof s->id, "%s", id);
	return s;
}

/* What was decided before the keeper started counts from now on. */
static void recall(struct share_watch *w, struct share_seen *s, const json_t *note)
{
	const char *verdict = json_string_value(json_object_get(note, "verdict"));

	if (!verdict || share_verdict_parse(verdict, &s->camera.verdict) < 0)
		return;
	s->camera.times = (unsigned)json_integer_value(json_object_get(note, "times"));
	s->camera.wrote = json_number_value(json_object_get(note, "wrote"));
	s->camera.since = s->camera.over_at = clock_mono(w->clock);
}

static int load(struct share_watch *w)
{
	char *text = xcalloc(1, ROOM);
	int rc = catalog_state(w->catalog, "share", text, ROOM);
	json_t *notes = rc == 0 ? json_loads(text, 0, NULL) : NULL;
	const char *id;
	json_t *note;

	free(text);
	json_object_foreach(notes, id, note)
		if (conf_camera_find(w->conf, id))
			recall(w, add(w, id), note);
	json_decref(notes);
	return rc;
}

/* Pointers into the array and into the configuration may have moved. */
static void take_conf(struct share_watch *w)
{
	size_t kept = 0;

	for (unsigned i = 0; i < w->conf->camera_count; i++)
		if (!find(w, w->conf->cameras[i].id))
			add(w, w->conf->cameras[i].id);
	for (size_t i = 0; i < w->count; i++)
		if (conf_camera_find(w->conf, w->seen[i].id))
			w->seen[kept++] = w->seen[i];
	w->count = kept;
	for (size_t i = 0; i < w->count; i++)
		w->seen[i].camera.has_sub = conf_camera_find(w->conf, w->seen[i].id)->has_sub;
}

/* --- what they wrote ------------------------------------------------------------------------------- */

static int on_written(void *arg, const struct catalog_written *row)
{
	struct share_watch *w = arg;
	struct share_seen *s = find(w, row->camera);

	if (!s)
		return 0;
	s->bytes = row->open_bytes - s->open_bytes + row->published_bytes;
	s->us = row->open_us - s->open_us + row->published_us;
	s->open_bytes = row->open_bytes;
	s->open_us = row->open_us;
	s->present = true;
	return 0;
}

static void push_part(struct share_seen *s, double rate)
{
	memmove(&s->parts[1], &s->parts[0], (SHARE_PARTS - 1) * sizeof *s->parts);
	s->parts[0] = rate;
	s->known += s->known < SHARE_PARTS;
	s->camera.rate = s->known < SHARE_PARTS ? 0 : rate;
	s->camera.mean = 0;
	for (unsigned i = 0; i < s->known; i++) {
		s->camera.rate = fmin(s->camera.rate, s->parts[i]);
		s->camera.mean += s->parts[i] / s->known;
	}
}

/* A minute of it is wanted anew, when it records another stream or not at all. */
static void forget_parts(struct share_seen *s)
{
	s->known = 0;
	s->camera.rate = s->camera.mean = 0;
}

static int measure(struct share_watch *w, int64_t passed_us)
{
	for (size_t i = 0; i < w->count; i++)
		w->seen[i].present = false;
	int rc = catalog_written(w->catalog, w->begun ? w->last : INT64_MAX, &w->last, on_written, w);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < w->count; i++) {
		struct share_seen *s = &w->seen[i];
		if (!s->present)
			s->bytes = s->us = s->open_bytes = s->open_us = 0;
		if (s->begun && w->begun)
			push_part(s, s->bytes > 0 ? (double)s->bytes * (double)US_PER_S / (double)(s->us > passed_us ? s->us : passed_us) : 0);
		s->begun = true;
	}
	w->begun = true;
	return 0;
}

/* --- judging ----------------------------------------------------------------------------------------- */

static bool is_of_interest(const struct share_camera *c)
{
	return c->verdict != SHARE_FINE || c->rate > SHARE_LEAST;
}

static int ask_habits(struct share_watch *w, bool *any)
{
	int64_t today = clock_wall(w->clock).us / US_PER_DAY;
	int rc = 0;

	*any = false;
	for (size_t i = 0; rc == 0 && i < w->count; i++) {
		struct share_seen *s = &w->seen[i];
		s->camera.id = s->id;
		if (!is_of_interest(&s->camera))
			continue;
		*any = true;
		rc = catalog_habit(w->catalog, s->id, today, &s->camera.habit);
	}
	return rc;
}

/* With what retention may delete when room is needed. */
static int ask_room(const struct share_watch *w, double *room)
{
	int64_t old;
	unsigned known;
	int64_t day = clock_wall(w->clock).us / US_PER_DAY - w->conf->rule.floor_days - RETENTION_MARGIN_DAYS;
	int rc = catalog_bytes_before(w->catalog, day, &old);

	if (rc < 0)
		return rc;
	*room = fmax(0, room_free(w->fs, w->conf, &known) + (double)old);
	if (known == 0)
		*room = -1;
	return 0;
}

/* --- telling ------------------------------------------------------------------------------------------- */

static int tell(const struct share_watch *w, const struct share_camera *c, double lasts_s)
{
	const char *verdict = share_verdict_name(c->verdict);
	json_t *body = json_pack("{s:s, s:I, s:I, s:I, s:o}", "verdict", verdict, "bitrate_bps", (json_int_t)(c->wrote * 8),
				 "habit_bps", (json_int_t)(c->habit * 8), "limit_bps", (json_int_t)(share_limit(c) * 8), "full_in_s",
				 isinf(lasts_s) ? json_null() : json_integer((json_int_t)lasts_s));

	log_warn("share", "camera=%s verdict=%s bitrate_bps=%.0f habit_bps=%.0f", c->id, verdict, c->wrote * 8, c->habit * 8);
	return ledger_append(w->catalog, clock_wall(w->clock), "camera.share", c->id, body, NULL);
}

static int write_down(const struct share_watch *w, const struct share_camera *cameras)
{
	json_t *notes = json_object();

	for (size_t i = 0; i < w->count; i++)
		if (cameras[i].verdict != SHARE_FINE)
			json_object_set_new(notes, cameras[i].id, json_pack("{s:s, s:I, s:f}", "verdict",
					    share_verdict_name(cameras[i].verdict), "times", (json_int_t)cameras[i].times, "wrote",
					    cameras[i].wrote));
	char *text = json_dumps(notes, JSON_COMPACT | JSON_SORT_KEYS);
	int rc = text ? catalog_set_state(w->catalog, "share", text) : -ENOMEM;
	free(text);
	json_decref(notes);
	return rc;
}

static int commit(struct share_watch *w, const struct share_camera *cameras, double lasts_s)
{
	bool changed = false;

	for (size_t i = 0; i < w->count; i++)
		changed |= cameras[i].verdict != w->seen[i].camera.verdict;
	int rc = changed ? catalog_begin(w->catalog) : 0;
	if (rc < 0 || !changed)
		return rc;
	for (size_t i = 0; rc == 0 && i < w->count; i++)
		if (cameras[i].verdict != w->seen[i].camera.verdict)
			rc = tell(w, &cameras[i], lasts_s);
	if (rc == 0)
		rc = write_down(w, cameras);
	return catalog_end(w->catalog, rc);
}

static void take_over(struct share_watch *w, const struct share_camera *cameras)
{
	for (size_t i = 0; i < w->count; i++) {
		struct share_seen *s = &w->seen[i];
		bool turned = cameras[i].verdict != s->camera.verdict;
		s->camera = cameras[i];
		if ((turned && s->camera.verdict != SHARE_TOLD) || s->camera.verdict == SHARE_REFUSED)
			forget_parts(s);
	}
}

static int judge(struct share_watch *w)
{
	bool any;
	double room = -1;
	int rc = ask_habits(w, &any);

	if (rc == 0 && any)
		rc = ask_room(w, &room);
	if (rc < 0 || !any)
		return rc;
	struct share_camera *cameras = xcalloc(w->count, sizeof *cameras);
	for (size_t i = 0; i < w->count; i++)
		cameras[i] = w->seen[i].camera;
	double lasts_s = share_decide(cameras, w->count, room, w->looked);
	rc = commit(w, cameras, lasts_s);
	if (rc == 0)
		take_over(w, cameras);
	free(cameras);
	return rc;
}

/* --- a look ---------------------------------------------------------------------------------------------- */

int share_watch_look(struct share_watch *w)
{
	struct mono now = clock_mono(w->clock);
	int64_t passed_us = now.us - w->looked.us;
	bool first = !w->begun;

	if (!first && passed_us < LEAST_US)
		return 0;
	w->looked = now;
	int rc = first && w->count == 0 ? load(w) : 0;
	if (rc < 0)
		return rc;
	take_conf(w);
	rc = measure(w, passed_us);
	return rc == 0 && !first ? judge(w) : rc;
}

json_t *share_watch_list(const struct share_watch *w, enum share_verdict v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->count; i++)
		if (w->seen[i].camera.verdict == v)
			json_array_append_new(list, json_string(w->seen[i].id));
	return list;
}

void share_watch_finish(struct share_watch *w)
{
	free(w->seen);
	w->seen = NULL;
	w->count = 0;
}
