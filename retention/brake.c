#include "retention/brake.h"

#include "base/buf.h"
#include "base/log.h"
#include "indexer/brake_lift.h"
#include "indexer/catalog_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STATE_MAX (64 << 10) /* 256 cameras */
#define HOUR_US (3600 * US_PER_S)
#define HOURS (RETENTION_BRAKE_PER_US / HOUR_US)

/* --- what went ------------------------------------------------------------------------------------ */

static const char *kind_name(enum brake_kind kind)
{
	return kind == BRAKE_STORE ? "store" : "here";
}

/* Whole hours: the one that is still going on, and the one that began a little earlier than it needs to count. */
int brake_gone(struct catalog *c, const char *camera, enum brake_kind kind, int64_t witnessed_us, int64_t *gone_us)
{
	*gone_us = 0;
	return db_int(c->db, gone_us, "SELECT coalesce(sum(gone_us), 0) FROM brake WHERE camera = ? AND kind = ? AND hour >= ?", "tti",
		      camera, kind_name(kind), witnessed_us / HOUR_US - HOURS);
}

int brake_count(struct catalog *c, const char *camera, enum brake_kind kind, int64_t witnessed_us, const struct retention_item *i)
{
	const int64_t hour = witnessed_us / HOUR_US;
	int rc = db_run(c->db, "DELETE FROM brake WHERE camera = ? AND kind = ? AND hour < ?", "tti", camera, kind_name(kind),
			hour - HOURS);

	return rc < 0 ? rc : db_run(c->db, "INSERT INTO brake VALUES (?, ?, ?, ?) ON CONFLICT (camera, kind, hour) DO UPDATE SET "
				    "gone_us = gone_us + excluded.gone_us", "ttii", camera, kind_name(kind), hour, retention_weight_us(i));
}

int brake_holds(struct catalog *c, const char *camera, enum brake_kind kind, const struct retention_state *s,
		const struct retention_item *i)
{
	int64_t gone_us;
	int rc = brake_gone(c, camera, kind, s->witnessed_us, &gone_us);

	return rc < 0 ? rc : retention_brakes(i, gone_us, s);
}

/* --- who waits -------------------------------------------------------------------------------------- */

void brake_wait(struct brake_waiting *w, const char *camera, struct wall oldest, bool pressed)
{
	unsigned at = 0;

	w->pressed |= pressed;
	while (at < w->count && strcmp(w->items[at].id, camera) != 0)
		at++;
	if (at == w->count) {
		w->items = xrealloc(w->items, (w->count + 1) * sizeof *w->items);
		w->items[w->count] = (struct brake_camera){.oldest = oldest};
		snprintf(w->items[w->count++].id, CATALOG_ID_MAX, "%s", camera);
	}
	if (oldest.us < w->items[at].oldest.us)
		w->items[at].oldest = oldest;
}

void brake_waiting_finish(struct brake_waiting *w)
{
	free(w->items);
	*w = (struct brake_waiting){0};
}

/* --- the state: {"since": wall µs, "waited": witnessed µs, "cameras": {id: {"oldest": wall µs, "waits": bool}},
 * "pressed": bool} ------------------------------------------------------------------------------------------ */

static int load(struct catalog *c, json_t **out)
{
	char *text = xcalloc(1, STATE_MAX);
	int rc = catalog_state(c, BRAKE_STATE, text, STATE_MAX);

	*out = rc == 0 && *text ? json_loads(text, 0, NULL) : NULL;
	if (rc == 0 && !json_is_object(*out)) {
		json_decref(*out);
		*out = json_object();
	}
	free(text);
	return rc;
}

static int store(struct catalog *c, const json_t *state)
{
	char *text = json_dumps(state, JSON_COMPACT | JSON_SORT_KEYS);
	int rc = text ? catalog_set_state(c, BRAKE_STATE, text) : -ENOMEM;

	free(text);
	return rc;
}

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static json_t *cameras_of(json_t *state)
{
	json_t *cameras = json_object_get(state, "cameras");

	if (cameras)
		return cameras;
	cameras = json_object();
	json_object_set_new(state, "cameras", cameras);
	return cameras;
}

static bool is_paused(json_t *state)
{
	return json_object_size(cameras_of(state)) > 0;
}

static int tell(struct catalog *c, struct wall now, json_t *state, bool paused)
{
	json_t *ids = json_array();
	const char *id;
	json_t *note;

	json_object_foreach(cameras_of(state), id, note)
		json_array_append_new(ids, json_string(id));
	if (paused)
		log_warn("retention", "paused_cameras=%zu text=\"more fell due at once than may go: two days of footage a day; the rest "
			 "waits\"", json_array_size(ids));
	else
		log_info("retention", "text=\"nothing waits any more for what may go in a day\"");
	return ledger_append(c, now, "retention.paused", NULL,
			     json_pack("{sb sb so}", "paused", (int)paused, "pressed", json_is_true(json_object_get(state, "pressed")),
				       "cameras", ids), NULL);
}

/* All that have waited since it began stay listed until it is over. */
static void note_waiting(json_t *state, const struct brake_waiting *w)
{
	json_t *cameras = cameras_of(state), *note;
	const char *id;

	json_object_foreach(cameras, id, note)
		json_object_set_new(note, "waits", json_false());
	for (unsigned i = 0; i < w->count; i++)
		json_object_set_new(cameras, w->items[i].id, json_pack("{sI sb}", "oldest", (json_int_t)w->items[i].oldest.us, "waits", 1));
	json_object_set_new(state, "pressed", json_boolean(w->pressed));
}

static int turn(struct catalog *c, const struct retention_state *s, json_t *state, const struct brake_waiting *w)
{
	bool was = is_paused(state);
	int rc = 0;

	if (w->count > 0 || was)
		note_waiting(state, w);
	if (w->count > 0 && s->witnessed_us - number(state, "waited") >= HOUR_US)
		json_object_set_new(state, "waited", json_integer(s->witnessed_us));
	if (w->count > 0 && !was) {
		json_object_set_new(state, "since", json_integer(s->now.us));
		json_object_set_new(state, "waited", json_integer(s->witnessed_us));
		rc = tell(c, s->now, state, true);
	} else if (w->count == 0 && was && !w->partial && s->witnessed_us - number(state, "waited") >= BRAKE_CALM_US) {
		rc = tell(c, s->now, state, false);
		json_object_clear(state);
	}
	return rc;
}

static int write_down(struct catalog *c, const struct retention_state *s, json_t *state, const struct brake_waiting *w)
{
	json_t *was = json_deep_copy(state);
	int rc = catalog_begin(c);

	if (rc == 0) {
		rc = turn(c, s, state, w);
		if (rc == 0 && !json_equal(state, was))
			rc = store(c, state);
		rc = catalog_end(c, rc);
	}
	json_decref(was);
	return rc;
}

int brake_settle(struct catalog *c, const struct retention_state *s, const struct brake_waiting *w)
{
	json_t *state;
	int rc = w->unsettled ? 0 : load(c, &state);

	if (rc < 0 || w->unsettled)
		return rc;
	if (w->count > 0 || is_paused(state))
		rc = write_down(c, s, state, w);
	json_decref(state);
	return rc;
}

int brake_is_lifted(struct catalog *c, int64_t witnessed_us, bool *lifted)
{
	int64_t until = 0;
	int rc = catalog_state_int(c, BRAKE_LIFTED, &until);

	*lifted = rc == 0 && witnessed_us < until;
	return rc;
}
