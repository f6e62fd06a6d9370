#include "retention/outlook.h"

#include "base/buf.h"
#include "base/log.h"
#include "retention/economy_book.h"
#include "retention/policy.h"
#include "retention/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RATE_DAYS 28 /* the weekly pattern is that of the last four weeks */
#define RATE_MIN_US (60 * US_PER_S)

struct rate { double bytes, covered_us; };

struct tally {
	const struct outlook *o;
	int64_t today;
	struct forecast_day *days;      /* all cameras, ascending */
	size_t count;
	char camera[CATALOG_ID_MAX];    /* whose rows are being read */
	struct rate week[FORECAST_WEEK], all;
	double written[FORECAST_WEEK];  /* by the cameras that have one stream */
	struct economy_camera *thrifty; /* those that have two */
	size_t thrifty_count;
	unsigned local_days;            /* at which files go because they are in the object store; 0: never */
	json_t *cameras;                /* id → bytes per day */
	int error;
};

/* --- what is held gives no room ------------------------------------------------------------ */

struct held { int64_t start_us, end_us, held_us; };

static int on_hold(void *arg, const struct catalog_hold *h)
{
	struct held *x = arg;
	int64_t start = h->start.us > x->start_us ? h->start.us : x->start_us;
	int64_t end = h->end.us < x->end_us ? h->end.us : x->end_us;

	if (end > start)
		x->held_us += end - start;
	return 0;
}

/* The part of a day that holds leave free; overlapping holds count twice, which is careful. */
static double free_part(const struct tally *t, const struct catalog_volume *v, int *error)
{
	struct held x = {.start_us = v->day * US_PER_DAY, .end_us = (v->day + 1) * US_PER_DAY};
	int rc = catalog_holds(t->o->catalog, v->camera, false, on_hold, &x);

	if (rc < 0)
		*error = rc;
	return x.held_us >= US_PER_DAY ? 0 : 1 - (double)x.held_us / (double)US_PER_DAY;
}

/* --- adding up --------------------------------------------------------------------------------- */

static struct forecast_day *day_of(struct tally *t, int64_t day)
{
	size_t at = t->count;

	while (at > 0 && t->days[at - 1].day > day)
		at--;
	if (at > 0 && t->days[at - 1].day == day)
		return &t->days[at - 1];
	t->days = xrealloc(t->days, (t->count + 1) * sizeof *t->days);
	memmove(&t->days[at + 1], &t->days[at], (t->count - at) * sizeof *t->days);
	t->count++;
	t->days[at] = (struct forecast_day){.day = day};
	return &t->days[at];
}

static double per_day(const struct rate *r)
{
	return r->covered_us >= RATE_MIN_US ? r->bytes / r->covered_us * (double)US_PER_DAY : 0;
}

static void add_camera(struct tally *t, const struct conf_camera *conf, const struct economy_camera *c)
{
	if (conf->has_sub) {
		t->thrifty = xrealloc(t->thrifty, (t->thrifty_count + 1) * sizeof *t->thrifty);
		t->thrifty[t->thrifty_count++] = *c;
		return;
	}
	for (unsigned i = 0; i < FORECAST_WEEK; i++)
		t->written[i] += c->full[i];
	json_object_set_new(t->cameras, c->id, json_real(economy_full_per_day(c)));
}

/* A camera that is configured writes on as it did; one that is retired does not. */
static void end_camera(struct tally *t)
{
	const struct conf_camera *conf = *t->camera ? conf_camera_find(t->o->conf, t->camera) : NULL;
	struct economy_camera c = {.id = conf ? conf->id : ""};
	double mean = per_day(&t->all);

	for (unsigned i = 0; i < FORECAST_WEEK; i++)
		c.full[i] = t->week[i].covered_us >= (double)US_PER_DAY / 2 ? per_day(&t->week[i]) : mean;
	if (conf)
		add_camera(t, conf, &c);
	memset(t->week, 0, sizeof t->week);
	t->all = (struct rate){0};
}

static int on_volume(void *arg, const struct catalog_volume *v)
{
	struct tally *t = arg;
	struct rate *day = &t->week[forecast_weekday(v->day)];

	if (strcmp(t->camera, v->camera) != 0) {
		end_camera(t);
		snprintf(t->camera, sizeof t->camera, "%s", v->camera);
	}
	day_of(t, v->day)->bytes += (double)(v->bytes - v->stored_bytes) * free_part(t, v, &t->error);
	if (v->day < t->today - RATE_DAYS)
		return t->error;
	day->bytes += (double)v->bytes;
	day->covered_us += (double)v->covered_us;
	t->all.bytes += (double)v->bytes;
	t->all.covered_us += (double)v->covered_us;
	return t->error;
}

/* --- one look ---------------------------------------------------------------------------------- */

struct look {
	struct tally tally;
	struct economy_book book;
	struct forecast before, after;
	bool roots_known;
};

/* --- telling -------------------------------------------------------------------------------------- */

static json_t *to_json(const struct look *k, struct wall now, bool at_risk)
{
	const struct forecast *f = &k->after;
	char at[WALL_TEXT_MAX], day[WALL_TEXT_MAX];
	json_t *o = json_pack("{s:s, s:f, s:b, s:b, s:I, s:b, s:O}", "at", wall_format(now, at), "bytes_per_day",
			      f->bytes_per_day, "fits_floor", f->fits_floor, "fits_keep", f->fits_keep,
			      "missing_bytes", (json_int_t)f->missing_bytes, "at_risk", (int)at_risk, "cameras",
			      k->tally.cameras);
	struct wall full = {(k->tally.today + f->full_in_days) * US_PER_DAY};

	json_object_set_new(o, "full_on", f->full_in_days == FORECAST_NEVER ? json_null()
									    : json_string(wall_format_day(full, day)));
	json_object_set_new(o, "economy", economy_book_list(&k->book));
	return o;
}

static int tell_turn(const struct outlook *o, const json_t *told, bool at_risk)
{
	json_t *body = json_pack("{s:b, s:O, s:O}", "at_risk", at_risk, "full_on", json_object_get(told, "full_on"),
				 "missing_bytes", json_object_get(told, "missing_bytes"));
	const char *day = json_string_value(json_object_get(told, "full_on"));

	log_warn("storage", "at_risk=%d full_on=%s missing_bytes=%" JSON_INTEGER_FORMAT, at_risk, day ? day : "never",
		 json_integer_value(json_object_get(told, "missing_bytes")));
	return ledger_append(o->catalog, clock_wall(o->clock), "storage.at_risk", NULL, body, NULL);
}

static int write_down(const struct outlook *o, const struct look *k)
{
	const struct forecast *f = &k->after;
	char was[8] = "";
	int rc = catalog_state(o->catalog, "at_risk", was, sizeof was);
	bool before = strcmp(was, "1") == 0;
	int limit = before ? OUTLOOK_CALM_DAYS : OUTLOOK_WARN_DAYS;
	bool at_risk = f->full_in_days != FORECAST_NEVER && f->full_in_days <= limit;
	json_t *told = to_json(k, clock_wall(o->clock), at_risk);
	char *text = json_dumps(told, JSON_COMPACT);

	if (rc == 0)
		rc = catalog_set_state(o->catalog, "retention", text);
	if (rc == 0 && at_risk != before) {
		rc = catalog_set_state(o->catalog, "at_risk", at_risk ? "1" : "0");
		if (rc == 0)
			rc = tell_turn(o, told, at_risk);
	}
	free(text);
	json_decref(told);
	return rc;
}

/* --- deciding -------------------------------------------------------------------------------------- */

static int commit(const struct outlook *o, struct look *k)
{
	int rc = catalog_begin(o->catalog);

	if (rc < 0)
		return rc;
	if (k->roots_known)
		rc = economy_book_write(&k->book, k->tally.thrifty, k->tally.thrifty_count, &k->before, &k->after);
	if (rc == 0)
		rc = write_down(o, k);
	return catalog_end(o->catalog, rc);
}

static int ask_book(struct look *k)
{
	struct tally *t = &k->tally;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->thrifty_count; i++)
		rc = economy_book_fill(&k->book, &t->thrifty[i]);
	return rc;
}

/* Files make room by going to the object store only while it takes them: nothing older waits for it. One day more, as with
 * all releases (forecast.c). */
static int ask_store(const struct outlook *o, struct tally *t, int64_t now)
{
	const struct conf_offload *to = &o->conf->offload;
	struct catalog_object_sums sums;
	int rc = to->url && to->releases ? catalog_object_sums(o->catalog, &sums) : -ENOENT;

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (sums.waiting == 0 || sums.oldest.us > now - (int64_t)(to->local_days + 1) * US_PER_DAY)
		t->local_days = to->local_days + 1;
	return 0;
}

static void decide(const struct outlook *o, struct look *k, int64_t now)
{
	struct tally *t = &k->tally;
	struct forecast_input in = {.today = t->today,
		.today_left = 1 - (double)(now % US_PER_DAY) / (double)US_PER_DAY,
		.floor_days = o->conf->rule.floor_days, .keep_days = o->keep_days,
		.days = t->days, .day_count = t->count};

	in.local_days = t->local_days;
	unsigned known;
	in.free_bytes = room_free(o->fs, o->conf, &known);
	k->roots_known = known == o->conf->root_count;
	memcpy(in.written, t->written, sizeof in.written);
	economy_decide(&in, t->thrifty, t->thrifty_count, &k->before, &k->after);
	for (size_t i = 0; i < t->thrifty_count; i++) {
		const struct economy_camera *c = &t->thrifty[i];
		bool small = k->roots_known ? c->economic : c->was;
		json_object_set_new(t->cameras, c->id, json_real(small ? c->small : economy_full_per_day(c)));
	}
	if (!k->roots_known)
		k->after = k->before;
}

int outlook_step(const struct outlook *o)
{
	struct wall now = clock_wall(o->clock);
	struct look k = {.tally = {.o = o, .today = now.us / US_PER_DAY, .cameras = json_object()}};
	int rc = catalog_volumes(o->catalog, on_volume, &k.tally);

	end_camera(&k.tally);
	if (rc == 0)
		rc = economy_book_load(&k.book, o->catalog, now);
	if (rc == 0)
		rc = ask_book(&k);
	if (rc == 0)
		rc = ask_store(o, &k.tally, now.us);
	if (rc == 0)
		decide(o, &k, now.us);
	if (rc == 0)
		rc = commit(o, &k);
	economy_book_finish(&k.book);
	json_decref(k.tally.cameras);
	free(k.tally.thrifty);
	free(k.tally.days);
	return rc;
}

json_t *outlook_economy(struct catalog *c)
{
	struct economy_book book;
	json_t *list = economy_book_load(&book, c, (struct wall){0}) == 0 ? economy_book_list(&book) : NULL;

	economy_book_finish(&book);
	return list;
}
