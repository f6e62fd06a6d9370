#include "gap_gather.h"

#include "catalog_internal.h"

#include <errno.h>

/* It has had its entries for now, or others of it wait already. */
static int flaps(struct catalog *c, struct wall now, const struct gap *g)
{
	int64_t yes;
	int rc = db_int(c->db, &yes,
			"SELECT EXISTS (SELECT 1 FROM gap_gathered WHERE camera = ?1 AND at > ?2 AND at <= ?3) OR "
			"(SELECT count(*) FROM (SELECT 1 FROM gap WHERE camera = ?1 AND start > ?4 AND start <= ?5 AND id <> ?6 "
			"AND (end IS NULL OR end > start) LIMIT ?7)) = ?7", "tiiiiii",
			g->camera, now.us - GAP_FLAP_US, now.us, g->start - GAP_FLAP_US, g->start, g->id, (int64_t)GAP_AT_ONCE);

	return rc < 0 ? rc : yes != 0;
}

int gap_gather(struct catalog *c, struct wall now, const struct gap *g)
{
	int rc = flaps(c, now, g);

	if (rc <= 0)
		return rc;
	rc = db_run(c->db, "INSERT INTO gap_gathered (id, camera, since, at) VALUES (?1, ?2, ?3, ?3)", "iti", g->id, g->camera, now.us);
	return rc < 0 ? rc : 1;
}

int gap_gather_note(struct catalog *c, struct wall now, const struct gap *g)
{
	int rc = db_run(c->db, "UPDATE gap_gathered SET at = ? WHERE id = ?", "ii", now.us, g->id);

	return rc < 0 ? rc : db_changes(c->db) > 0;
}

/* --- told ---------------------------------------------------------------------------------------- */

static json_t *gap_json(const struct db_query *q)
{
	const int64_t start = db_i64(q, 1), end = db_is_null(q, 2) ? INT64_MAX : db_i64(q, 2);
	json_t *history = json_loads(db_text(q, 5), 0, NULL);
	json_t *o = json_pack("{sI so ss ss so*}", "id", (json_int_t)db_i64(q, 0), "start", wall_json(start), "cause", db_text(q, 3),
			      "detail", db_text(q, 4), "history", history);

	if (end == INT64_MAX) {
		json_object_set_new(o, "open", json_true());
	} else if (end == start) {
		json_object_set_new(o, "withdrawn", json_true());
	} else {
		json_object_set_new(o, "end", wall_json(end));
		json_object_set_new(o, "duration_us", json_integer(end - start));
	}
	return o;
}

static int list(struct catalog *c, const char *camera, json_t *gaps, int64_t *last)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT g.id, g.start, g.end, g.cause, g.detail, g.history FROM gap_gathered w JOIN gap g ON g.id = w.id "
			  "WHERE w.camera = ? ORDER BY w.id LIMIT ?", "ti", camera, (int64_t)GAP_GATHER_MAX);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		*last = db_i64(&q, 0);
		json_array_append_new(gaps, gap_json(&q));
	}
	db_done(&q);
	return rc;
}

static int tell(struct catalog *c, struct wall now, const char *camera)
{
	int64_t last = INT64_MAX; /* without their gaps the rows say nothing */
	json_t *gaps = json_array();
	int rc = list(c, camera, gaps, &last);
	const size_t count = json_array_size(gaps);
	json_t *body = json_pack("{sI so}", "count", (json_int_t)count, "gaps", gaps);

	if (rc == 0 && count > 0)
		rc = ledger_append(c, now, "gap.gathered", camera, body, NULL);
	else
		json_decref(body);
	return rc < 0 ? rc : db_run(c->db, "DELETE FROM gap_gathered WHERE camera = ? AND id <= ?", "ti", camera, last);
}

static int find_due(struct catalog *c, struct wall now, char camera[CATALOG_ID_MAX])
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT camera FROM gap_gathered GROUP BY camera HAVING max(at) <= ?1 OR max(at) > ?2 OR "
			  "min(since) <= ?3 OR count(*) >= ?4 LIMIT 1", "iiii", now.us - GAP_FLAP_US, now.us, now.us - GAP_GATHER_US,
			  (int64_t)GAP_GATHER_MAX);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0)
		snprintf(camera, CATALOG_ID_MAX, "%s", db_text(&q, 0));
	db_done(&q);
	return rc;
}

int gap_gather_tell(struct catalog *c, struct wall now)
{
	char camera[CATALOG_ID_MAX];
	int rc;

	while ((rc = find_due(c, now, camera)) > 0)
		if ((rc = tell(c, now, camera)) < 0)
			break;
	return rc;
}
