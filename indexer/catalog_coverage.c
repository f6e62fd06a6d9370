#include "life.h"

#include <errno.h>
#include <stdlib.h>

const char *tile_state_name(enum tile_state s)
{
	static const char *const names[] = {"recorded", "gap", "expired", "not_obliged", "pending"};

	return names[s];
}

/* --- loading the layers ------------------------------------------------------------ */

static int load_spans(struct catalog *c, const char *camera, struct wall from, struct wall to, int64_t horizon,
		      struct tile_layers *l)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT start, end, state FROM span WHERE camera = ?1 AND start < ?3 AND start >= "
			  "coalesce((SELECT max(start) FROM span WHERE camera = ?1 AND start <= ?2), ?2) "
			  "ORDER BY start", "tii", camera, from.us, to.us);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		layer_add(db_text(&q, 2)[0] == 'r' ? &l->recorded : &l->expired, db_i64(&q, 0),
			  db_i64(&q, 1) < horizon ? db_i64(&q, 1) : horizon, 0, "");
	db_done(&q);
	return rc;
}

static int load_gaps(struct catalog *c, const char *camera, struct wall from, struct wall to,
		     struct tile_layers *l)
{
	char settled[32];
	struct db_query q;
	int rc = catalog_state(c, "settled_at", settled, sizeof settled);

	if (rc == 0)
		rc = db_query(c->db, &q,
			      "SELECT id, start, coalesce(end, ?4), cause FROM gap WHERE camera = ?1 AND "
			      "start < ?3 AND (end IS NULL OR end > ?2) ORDER BY start", "tiii", camera,
			      from.us, to.us, (int64_t)strtoll(settled, NULL, 10));
	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		layer_add(&l->gaps, db_i64(&q, 1), db_i64(&q, 2), db_i64(&q, 0), db_text(&q, 3));
	db_done(&q);
	return rc;
}

static int load_obligation(struct catalog *c, const char *camera, struct tile_layers *l)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT start, coalesce(end, ?2) FROM obligation WHERE camera = ?1 ORDER BY start",
			  "ti", camera, INT64_MAX);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		layer_add(&l->obligation, db_i64(&q, 0), db_i64(&q, 1), 0, "");
	db_done(&q);
	l->awaits_from = INT64_MAX;
	if (rc == 0)
		rc = db_int(c->db, &l->awaits_from,
			    "SELECT configured_at FROM camera WHERE id = ? AND enrolled_at IS NULL AND "
			    "retired_at IS NULL AND area <> ''", "t", camera);
	return rc == -ENOENT ? 0 : rc;
}

static int tiles_until(struct catalog *c, const char *camera, struct wall from, struct wall to, int64_t horizon,
		       tile_fn *fn, void *arg)
{
	struct tile_layers l = {0};
	struct wall before = {from.us - TILE_LEAST_US}, after = {to.us < INT64_MAX - TILE_LEAST_US ? to.us + TILE_LEAST_US : to.us};
	int rc = load_spans(c, camera, before, after, horizon, &l);

	if (rc == 0)
		rc = load_gaps(c, camera, before, after, &l);
	if (rc == 0)
		rc = load_obligation(c, camera, &l);
	if (rc == 0)
		rc = tiles_walk(&l, from, to, fn, arg);
	layer_finish(&l.recorded);
	layer_finish(&l.expired);
	layer_finish(&l.gaps);
	layer_finish(&l.obligation);
	return rc;
}

int catalog_tiles(struct catalog *c, const char *camera, struct wall from, struct wall to, tile_fn *fn, void *arg)
{
	int64_t horizon;
	int rc = life_horizon(c, &horizon);

	return rc < 0 ? rc : tiles_until(c, camera, from, to, horizon, fn, arg);
}

int life_tiles(struct catalog *c, const char *camera, struct wall from, struct wall to, tile_fn *fn, void *arg)
{
	return tiles_until(c, camera, from, to, INT64_MAX, fn, arg);
}

/* --- sums ----------------------------------------------------------------------------- */

void coverage_add(struct coverage *sum, const struct tile *t)
{
	int64_t us = t->end.us - t->start.us;

	switch (t->state) {
	case TILE_RECORDED:
		sum->obliged_us += us;
		sum->covered_us += us;
		break;
	case TILE_GAP:
		sum->obliged_us += us;
		sum->gaps++;
		if (us > sum->longest_gap_us)
			sum->longest_gap_us = us;
		break;
	case TILE_EXPIRED: sum->expired_us += us; break;
	case TILE_PENDING: sum->pending_us += us; break;
	case TILE_NOT_OBLIGED: break;
	}
}

double coverage_completeness(const struct coverage *c)
{
	return c->obliged_us > 0 ? (double)c->covered_us / (double)c->obliged_us : 1.0;
}
