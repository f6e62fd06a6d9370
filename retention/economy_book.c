#include "retention/economy_book.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM (64 << 10)            /* 256 cameras of 200 bytes */
#define SMALL_MIN_US (60 * US_PER_S)
#define FULL_MIN_US US_PER_DAY     /* night and day cost differently, and the old figure is a good one */

/* --- reading -------------------------------------------------------------------------------- */

int economy_book_load(struct economy_book *b, struct catalog *c, struct wall now)
{
	char *text = xcalloc(1, ROOM);
	int rc = catalog_state(c, "economy", text, ROOM);
	json_t *cameras = rc == 0 ? json_loads(text, 0, NULL) : NULL;

	free(text);
	if (!json_is_object(cameras)) {
		json_decref(cameras);
		cameras = json_object();
	}
	*b = (struct economy_book){c, now, cameras};
	return rc;
}

void economy_book_finish(struct economy_book *b)
{
	json_decref(b->cameras);
}

static bool is_on(const json_t *note)
{
	return json_is_true(json_object_get(note, "economy"));
}

static double number(const json_t *note, const char *key)
{
	return json_number_value(json_object_get(note, key));
}

static bool is_recent(const struct economy_book *b, const json_t *note)
{
	return b->now.us - json_integer_value(json_object_get(note, "since")) < ECONOMY_PATTERN_DAYS * US_PER_DAY;
}

/* --- what each stream costs ------------------------------------------------------------------- */

/* Of the stream that is recorded now, kept in the note under `key` once it was seen for so long. */
static int measure(const struct economy_book *b, const char *camera, json_t *note, const char *key, int64_t least_us)
{
	struct catalog_volume v = {.camera = camera};
	struct wall since = {json_integer_value(json_object_get(note, "since"))};
	int rc = catalog_volume_since(b->catalog, camera, since, b->now, &v);

	if (rc == 0 && v.covered_us >= least_us)
		json_object_set_new(note, key, json_real((double)v.bytes / (double)v.covered_us * (double)US_PER_DAY));
	return rc;
}

static void set_full(struct economy_camera *c, double per_day)
{
	for (unsigned i = 0; i < FORECAST_WEEK; i++)
		c->full[i] = per_day;
}

int economy_book_fill(struct economy_book *b, struct economy_camera *c)
{
	json_t *note = json_object_get(b->cameras, c->id);
	bool known = note && (is_on(note) || is_recent(b, note));
	int rc = 0;

	c->economic = is_on(note);
	if (known)
		rc = measure(b, c->id, note, c->economic ? "small" : "full", c->economic ? SMALL_MIN_US : FULL_MIN_US);
	if (known)
		set_full(c, number(note, "full"));
	c->small = known ? number(note, "small") : 0;
	if (c->small <= 0)
		c->small = economy_full_per_day(c) * ECONOMY_GUESS;
	return rc;
}

/* --- telling ------------------------------------------------------------------------------------ */

static json_t *full_on(const struct economy_book *b, const struct forecast *f)
{
	struct wall day = {(b->now.us / US_PER_DAY + f->full_in_days) * US_PER_DAY};
	char text[WALL_TEXT_MAX];

	return f->full_in_days == FORECAST_NEVER ? json_null() : json_string(wall_format_day(day, text));
}

static int tell(const struct economy_book *b, const struct economy_camera *c, const struct forecast *f)
{
	json_t *body = json_pack("{s:b, s:I, s:I, s:b, s:o, s:I}", "economy", c->economic, "full_bytes_per_day",
				 (json_int_t)economy_full_per_day(c), "small_bytes_per_day", (json_int_t)c->small,
				 "fits_floor", f->fits_floor, "full_on", full_on(b, f), "missing_bytes",
				 (json_int_t)f->missing_bytes);

	log_warn("economy", "camera=%s economy=%d fits_floor=%d missing_bytes=%.0f", c->id, c->economic, f->fits_floor,
		 f->missing_bytes);
	return ledger_append(b->catalog, b->now, "camera.economy", c->id, body, NULL);
}

static void note_change(const struct economy_book *b, const struct economy_camera *c)
{
	const json_t *was = json_object_get(b->cameras, c->id);
	double small = number(was, "small");

	json_object_set_new(b->cameras, c->id,
			    json_pack("{s:b, s:I, s:f, s:f}", "economy", c->economic, "since", (json_int_t)b->now.us, "full",
				      economy_full_per_day(c), "small", small));
}

static bool is_among(const struct economy_camera *cameras, size_t count, const char *id)
{
	size_t i = 0;

	while (i < count && strcmp(cameras[i].id, id) != 0)
		i++;
	return i < count;
}

/* Retired, or its smaller stream was taken out of the configuration. */
static int forget_others(struct economy_book *b, const struct economy_camera *cameras, size_t count,
			 const struct forecast *f)
{
	const char *id;
	json_t *note;
	void *next;
	int rc = 0;

	json_object_foreach_safe(b->cameras, next, id, note) {
		struct economy_camera gone = {.id = id, .small = number(note, "small")};
		if (rc < 0 || is_among(cameras, count, id))
			continue;
		set_full(&gone, number(note, "full"));
		rc = is_on(note) ? tell(b, &gone, f) : 0;
		if (rc == 0)
			json_object_del(b->cameras, id);
	}
	return rc;
}

int economy_book_write(struct economy_book *b, const struct economy_camera *cameras, size_t count,
		       const struct forecast *before, const struct forecast *after)
{
	int rc = forget_others(b, cameras, count, after);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct economy_camera *c = &cameras[i];
		if (c->economic == c->was)
			continue;
		note_change(b, c);
		rc = tell(b, c, c->economic ? before : after);
	}
	if (rc < 0)
		return rc;
	char *text = json_dumps(b->cameras, JSON_COMPACT | JSON_SORT_KEYS);
	rc = text ? catalog_set_state(b->catalog, "economy", text) : -ENOMEM;
	free(text);
	return rc;
}

json_t *economy_book_list(const struct economy_book *b)
{
	json_t *list = json_array();
	const char *id;
	void *at;

	for (at = json_object_iter(b->cameras); at; at = json_object_iter_next(b->cameras, at)) {
		id = json_object_iter_key(at);
		if (is_on(json_object_iter_value(at)))
			json_array_append_new(list, json_string(id));
	}
	return list;
}
