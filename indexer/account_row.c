#include "account_row.h"
#include "life.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>

int account_load(struct catalog *c, const char *camera, struct account *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT c.configured_at, c.enrolled_at, c.retired_at, a.frontier, a.up, c.area FROM "
			  "camera c LEFT JOIN account a ON a.camera = c.id WHERE c.id = ?", "t", camera);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		*out = (struct account){
			.configured_at = db_i64(&q, 0), .enrolled = !db_is_null(&q, 1),
			.enrolled_at = db_i64(&q, 1), .retired = !db_is_null(&q, 2),
			.retired_at = db_i64(&q, 2), .frontier = db_i64(&q, 3), .up = db_i64(&q, 4) != 0,
			.configured = db_text(&q, 5)[0] != '\0'};
		snprintf(out->camera, sizeof out->camera, "%s", camera);
	}
	db_done(&q);
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}

int account_set_up(struct catalog *c, const char *camera, bool up)
{
	return db_run(c->db, "UPDATE account SET up = ? WHERE camera = ?", "it", (int64_t)up, camera);
}

int account_set_frontier(struct catalog *c, const char *camera, int64_t frontier)
{
	return db_run(c->db, "UPDATE account SET frontier = ? WHERE camera = ?", "it", frontier, camera);
}

/* A second enrolment cannot begin before the first one ended; the frontier stays where the first one's
 * tail may still wait for it. */
int account_enrol(const struct accounting *a, struct account *acc, int64_t at)
{
	struct catalog *c = a->catalog;
	int64_t before = at;
	int rc = db_int(c->db, &before, "SELECT max(end) FROM obligation WHERE camera = ?", "t", acc->camera);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	acc->enrolled = true;
	acc->enrolled_at = before > at ? before : at;
	rc = db_run(c->db, "UPDATE camera SET enrolled_at = ? WHERE id = ?", "it", acc->enrolled_at, acc->camera);
	if (rc == 0)
		rc = db_run(c->db, "INSERT INTO obligation VALUES (?, ?, NULL)", "ti", acc->camera, acc->enrolled_at);
	if (rc == 0)
		rc = db_run(c->db,
			    "INSERT INTO account VALUES (?, ?, 0) ON CONFLICT (camera) DO UPDATE SET up = 0", "ti",
			    acc->camera, acc->enrolled_at);
	if (rc == 0)
		rc = account_life_begin(a, acc->camera, acc->enrolled_at);
	return rc < 0 ? rc : ledger_append(c, a->now, "camera.enrolled", acc->camera,
					   json_pack("{so so}", "configured_at", wall_json(acc->configured_at),
						     "enrolled_at", wall_json(acc->enrolled_at)), NULL);
}

struct names { char (*ids)[CATALOG_ID_MAX]; unsigned count, room; };

static int load_names(struct catalog *c, struct names *n)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT c.id FROM camera c JOIN account a ON a.camera = c.id WHERE c.enrolled_at IS NOT NULL "
			  "AND (c.retired_at IS NULL OR a.frontier < c.retired_at) ORDER BY c.id", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		if (n->count == n->room) {
			n->room = n->room ? n->room * 2 : 64;
			n->ids = xrealloc(n->ids, n->room * sizeof *n->ids);
		}
		snprintf(n->ids[n->count++], CATALOG_ID_MAX, "%s", db_text(&q, 0));
	}
	db_done(&q);
	return rc;
}

int account_each(const struct accounting *a, account_fn *fn, int64_t arg)
{
	struct names n = {0};
	struct account acc;
	int rc = load_names(a->catalog, &n);

	for (unsigned i = 0; rc == 0 && i < n.count; i++) {
		rc = account_load(a->catalog, n.ids[i], &acc);
		if (rc == 0)
			rc = fn(a, &acc, arg);
	}
	free(n.ids);
	return rc;
}

int account_covered_until(struct catalog *c, const char *camera, int64_t *t)
{
	int64_t horizon;
	int rc = life_horizon(c, &horizon);

	while (rc == 0) {
		int64_t before = *t;
		rc = db_int(c->db, t,
			    "SELECT min(end, ?3) FROM (SELECT end FROM span WHERE camera = ?1 AND start < ?2 + ?4 ORDER BY start "
			    "DESC LIMIT 1) WHERE min(end, ?3) > ?2", "tiii", camera, *t, horizon, GAP_LEAST_US);
		if (rc == 0 || rc == -ENOENT)
			rc = db_int(c->db, t, "SELECT max(end) FROM gap WHERE camera = ? AND start <= ? AND end > ?",
				    "tii", camera, *t, *t);
		if (rc < 0 && rc != -ENOENT)
			return rc;
		if (*t == before)
			return 0;
		rc = 0;
	}
	return rc;
}

int account_known_until(struct catalog *c, const struct account *acc, int64_t at, int64_t *out)
{
	int64_t horizon;
	int rc = life_horizon(c, &horizon);

	return rc < 0 ? rc : db_int(c->db, out,
			"SELECT max(e) FROM (SELECT max(end) AS e FROM gap WHERE camera = ?1 AND start <= ?2 "
			"UNION ALL SELECT min(end, ?4) FROM (SELECT end FROM span WHERE camera = ?1 AND start <= ?2 ORDER BY "
			"start DESC LIMIT 1) UNION ALL SELECT ?3)", "tiii", acc->camera, at, acc->enrolled_at, horizon);
}

int account_hole_cause(struct catalog *c, const char *camera, int64_t start, int64_t end, const char **cause)
{
	int64_t damaged, troubled, refused;
	int rc = db_int(c->db, &damaged, "SELECT count(*) FROM damaged WHERE camera = ? AND start < ? AND end > ?", "tii", camera,
			end, start);

	if (rc == 0)
		rc = db_int(c->db, &troubled, "SELECT count(*) FROM trouble WHERE start <= ?1 AND end > ?1", "i", start);
	if (rc == 0)
		rc = db_int(c->db, &refused, "SELECT count(*) FROM refused WHERE camera = ? AND end > ? AND start < ?", "tii", camera, start, end);
	if (rc == 0)
		*cause = refused ? "stream_unusable" : damaged ? "footage_damaged" : troubled ? "storage_failed" : "footage_missing";
	return rc;
}
