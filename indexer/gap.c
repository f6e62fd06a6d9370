#include "gap.h"

#include "catalog_internal.h"

#include <errno.h>
#include <stdlib.h>

#define GAP_COLUMNS "SELECT id, start, end, camera, cause, detail FROM gap "

json_t *wall_json(int64_t us)
{
	char text[WALL_TEXT_MAX];

	return json_string(wall_format((struct wall){us}, text));
}

static int one(struct db_query *q, struct gap *out)
{
	int rc = db_step(q);

	if (rc > 0) {
		*out = (struct gap){.id = db_i64(q, 0), .start = db_i64(q, 1), .open = db_is_null(q, 2)};
		out->end = out->open ? INT64_MAX : db_i64(q, 2);
		snprintf(out->camera, sizeof out->camera, "%s", db_text(q, 3));
		snprintf(out->cause, sizeof out->cause, "%s", db_text(q, 4));
		snprintf(out->detail, sizeof out->detail, "%s", db_text(q, 5));
	}
	db_done(q);
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}

int gap_find_open(struct catalog *c, const char *camera, struct gap *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q, GAP_COLUMNS "WHERE camera = ? AND end IS NULL", "t", camera);

	return rc < 0 ? rc : one(&q, out);
}

int gap_find_next(struct catalog *c, const char *camera, int64_t from, int64_t start, int64_t id, struct gap *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  GAP_COLUMNS "WHERE camera = ? AND (end IS NULL OR end > ?) AND (start, id) > (?, ?) "
			  "ORDER BY start, id LIMIT 1", "tiii", camera, from, start, id);

	return rc < 0 ? rc : one(&q, out);
}

static int open_row(struct catalog *c, struct wall now, const char *camera, int64_t start, const char *cause,
		    const char *detail, int64_t *id)
{
	int rc = db_run(c->db, "INSERT INTO gap (camera, start, cause, detail) VALUES (?, ?, ?, ?)", "titt",
			camera, start, cause, detail);

	if (rc < 0)
		return rc;
	*id = db_last_id(c->db);
	return ledger_append(c, now, "gap.opened", camera,
			     json_pack("{sI so ss ss}", "id", (json_int_t)*id, "start", wall_json(start), "cause",
				       cause, "detail", detail), NULL);
}

int gap_open(struct catalog *c, struct wall now, const char *camera, int64_t start, const char *cause,
	     const char *detail)
{
	int64_t id;

	return open_row(c, now, camera, start, cause, detail, &id);
}

int gap_add(struct catalog *c, struct wall now, const char *camera, int64_t start, int64_t end, const char *cause,
	    const char *detail)
{
	struct gap g = {.start = start, .open = true};
	int rc = open_row(c, now, camera, start, cause, detail, &g.id);

	snprintf(g.camera, sizeof g.camera, "%s", camera);
	snprintf(g.cause, sizeof g.cause, "%s", cause);
	return rc < 0 ? rc : gap_close(c, now, &g, end);
}

static json_t *history_of(struct catalog *c, int64_t id)
{
	struct db_query q;
	json_t *history = NULL;

	if (db_query(c->db, &q, "SELECT history FROM gap WHERE id = ?", "i", id) < 0)
		return NULL;
	if (db_step(&q) > 0)
		history = json_loads(db_text(&q, 0), 0, NULL);
	db_done(&q);
	return history;
}

static int tell_closed(struct catalog *c, struct wall now, const struct gap *g, bool corrected)
{
	json_t *body = json_pack("{sI so so ss sI so*}", "id", (json_int_t)g->id, "start", wall_json(g->start),
				 "end", wall_json(g->end), "cause", g->cause, "duration_us",
				 (json_int_t)(g->end - g->start), "history", history_of(c, g->id));

	if (body && corrected)
		json_object_set_new(body, "corrected", json_true());
	return ledger_append(c, now, "gap.closed", g->camera, body, NULL);
}

int gap_close(struct catalog *c, struct wall now, const struct gap *g, int64_t end)
{
	struct gap closed = *g;

	closed.end = end > g->start ? end : g->start;
	closed.open = false;
	int rc = db_run(c->db, "UPDATE gap SET end = ? WHERE id = ?", "ii", closed.end, g->id);
	return rc < 0 ? rc : tell_closed(c, now, &closed, false);
}

int gap_note(struct catalog *c, struct wall now, const struct gap *g, const char *cause, const char *detail)
{
	json_t *history = history_of(c, g->id);

	if (!history)
		return -EIO;
	json_array_append_new(history, json_pack("{so ss ss}", "at", wall_json(now.us), "cause", cause, "detail",
						 detail));
	char *text = json_dumps(history, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(history);
	int rc = db_run(c->db, "UPDATE gap SET history = ? WHERE id = ?", "ti", text ? text : "[]", g->id);
	free(text);
	return rc;
}

int gap_correct(struct catalog *c, struct wall now, const struct gap *g, int64_t start, int64_t end)
{
	struct gap moved = *g;
	char detail[160], a[WALL_TEXT_MAX], b[WALL_TEXT_MAX];

	moved.start = start;
	moved.end = end > start ? end : start;
	if (g->open)
		snprintf(detail, sizeof detail, "the start was %s", wall_format((struct wall){g->start}, a));
	else
		snprintf(detail, sizeof detail, "it was %s to %s", wall_format((struct wall){g->start}, a),
			 wall_format((struct wall){g->end}, b));
	int rc = gap_note(c, now, g, g->cause, detail);
	if (rc == 0)
		rc = g->open ? db_run(c->db, "UPDATE gap SET start = ? WHERE id = ?", "ii", start, g->id)
			     : db_run(c->db, "UPDATE gap SET start = ?, end = ? WHERE id = ?", "iii", moved.start,
				      moved.end, g->id);
	return rc < 0 || g->open ? rc : tell_closed(c, now, &moved, true);
}
