#include "gap.h"

#include "catalog_internal.h"
#include "gap_gather.h"

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
	return db_run(c->db, "INSERT INTO gap_untold VALUES (?, ?)", "ii", *id, now.us);
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

	if (end - start < GAP_LEAST_US)
		return 0;
	int rc = open_row(c, now, camera, start, cause, detail, &g.id);

	snprintf(g.camera, sizeof g.camera, "%s", camera);
	snprintf(g.cause, sizeof g.cause, "%s", cause);
	return rc < 0 ? rc : gap_close(c, now, &g, end);
}

int gap_find_touching(struct catalog *c, const char *camera, int64_t start, int64_t end, struct gap *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q, GAP_COLUMNS "WHERE camera = ?1 AND ((end = ?2 AND start < ?2) OR (start = ?3 AND "
			  "coalesce(end, ?4) > ?3)) ORDER BY start LIMIT 1", "tiii", camera, start, end, INT64_MAX);

	return rc < 0 ? rc : one(&q, out);
}

/* --- told with the commit ------------------------------------------------------------------- */

static int tell_opened(struct catalog *c, int64_t id)
{
	struct db_query q;
	struct gap g = {0};
	struct wall at = {0};
	int rc = db_query(c->db, &q, GAP_COLUMNS "WHERE id = (SELECT id FROM gap_untold WHERE id = ?)", "i", id);

	rc = rc < 0 ? rc : one(&q, &g);
	rc = rc < 0 ? rc : db_int(c->db, &at.us, "SELECT at FROM gap_untold WHERE id = ?", "i", id);
	rc = rc < 0 ? rc : gap_gather(c, at, &g);
	if (rc == 0)
		rc = ledger_append(c, at, "gap.opened", g.camera, json_pack("{sI so ss ss}", "id", (json_int_t)id, "start",
				   wall_json(g.start), "cause", g.cause, "detail", g.detail), NULL);
	return rc < 0 && rc != -ENOENT ? rc : db_run(c->db, "DELETE FROM gap_untold WHERE id = ?", "i", id);
}

int gap_tell(struct catalog *c)
{
	int64_t id;
	int rc;

	while ((rc = db_int(c->db, &id, "SELECT id FROM gap_untold ORDER BY id LIMIT 1", "")) == 0)
		if ((rc = tell_opened(c, id)) < 0)
			break;
	return rc == -ENOENT ? 0 : rc;
}

/* It was none after all. One of which nobody was told leaves no trace. */
static int withdraw(struct catalog *c, struct wall now, const struct gap *g, int64_t start)
{
	int rc = db_run(c->db, "DELETE FROM gap WHERE id = ?1 AND id IN (SELECT id FROM gap_untold)", "i", g->id);

	if (rc < 0)
		return rc;
	if (db_changes(c->db) > 0)
		return db_run(c->db, "DELETE FROM gap_untold WHERE id = ?", "i", g->id);
	rc = db_run(c->db, "UPDATE gap SET start = ?1, end = ?1 WHERE id = ?2", "ii", start, g->id);
	rc = rc < 0 ? rc : gap_gather_note(c, now, g);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return ledger_append(c, now, "gap.withdrawn", g->camera, json_pack("{sI so ss}", "id", (json_int_t)g->id, "start",
			     wall_json(g->start), "cause", g->cause), NULL);
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
	int waits = gap_gather_note(c, now, g);
	if (waits != 0)
		return waits < 0 ? waits : 0;
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

	if (end - g->start < GAP_LEAST_US)
		return withdraw(c, now, g, g->start);
	closed.end = end;
	closed.open = false;
	int rc = tell_opened(c, g->id);
	if (rc == 0)
		rc = db_run(c->db, "UPDATE gap SET end = ? WHERE id = ?", "ii", closed.end, g->id);
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
	moved.end = end;
	if (g->open)
		snprintf(detail, sizeof detail, "the start was %s", wall_format((struct wall){g->start}, a));
	else
		snprintf(detail, sizeof detail, "it was %s to %s", wall_format((struct wall){g->start}, a),
			 wall_format((struct wall){g->end}, b));
	int rc = gap_note(c, now, g, g->cause, detail);
	if (rc == 0 && !g->open && end - start < GAP_LEAST_US)
		return withdraw(c, now, g, start);
	if (rc == 0)
		rc = g->open ? db_run(c->db, "UPDATE gap SET start = ? WHERE id = ?", "ii", start, g->id)
			     : db_run(c->db, "UPDATE gap SET start = ?, end = ? WHERE id = ?", "iii", moved.start,
				      moved.end, g->id);
	return rc < 0 || g->open ? rc : tell_closed(c, now, &moved, true);
}
