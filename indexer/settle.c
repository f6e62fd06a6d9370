/* The half of accounting.h that judges holes. */
#include "account_row.h"

#include <errno.h>

#define RETIRE_TAIL_US (60 * US_PER_S) /* the recorder's last file may end this much before it was told */

struct sweep { const struct accounting *a; const struct account *acc; int64_t limit; };

/* --- one hole ------------------------------------------------------------------------------- */

/* How far into the hole the recorder's absence reaches: its start if it does not. */
static int absence_until(struct catalog *c, const char *camera, int64_t start, int64_t end, int64_t *until)
{
	int rc = db_int(c->db, until,
			"SELECT max(min(outcome, ?3)) FROM restart WHERE camera = ?1 AND outcome > ?2 AND "
			"(outcome <= ?3 OR at < ?3)", "tii", camera, start, end);

	if (rc == -ENOENT)
		*until = start;
	return rc == -ENOENT ? 0 : rc;
}

/* Too short for a gap, and no footage beside it: a gap that is there reaches over it. Without one the obligation itself is no
 * longer than that. */
static int fill_seam(const struct sweep *s, const struct tile *t)
{
	struct catalog *c = s->a->catalog;
	struct gap g;
	int rc = gap_find_touching(c, s->acc->camera, t->start.us, t->end.us, &g);

	if (rc == 0)
		return gap_correct(c, s->a->now, &g, g.start < t->start.us ? g.start : t->start.us, g.end > t->end.us ? g.end : t->end.us);
	return rc != -ENOENT ? rc : db_run(c->db, "UPDATE obligation SET end = ?2 WHERE camera = ?1 AND start <= ?2 AND end = ?3", "tii",
					   s->acc->camera, t->start.us, t->end.us);
}

static int explain_hole(void *arg, const struct tile *t)
{
	struct sweep *s = arg;
	struct catalog *c = s->a->catalog;
	const char *cause;
	int64_t until;

	if (t->state != TILE_PENDING)
		return 0;
	if (t->end.us - t->start.us < GAP_LEAST_US && t->end.us == s->limit && !s->acc->retired) {
		s->limit = t->start.us; /* nobody knows yet how long it is */
		return 0;
	}
	if (t->end.us - t->start.us < GAP_LEAST_US)
		return fill_seam(s, t);
	int rc = absence_until(c, s->acc->camera, t->start.us, t->end.us, &until);
	if (until - t->start.us < GAP_LEAST_US)
		until = t->start.us;
	else if (t->end.us - until < GAP_LEAST_US)
		until = t->end.us;
	if (rc == 0 && until > t->start.us)
		rc = gap_add(c, s->a->now, s->acc->camera, t->start.us, until, "recorder_down", "");
	if (rc < 0 || until >= t->end.us)
		return rc;
	rc = account_hole_cause(c, s->acc->camera, until, t->end.us, &cause);
	return rc < 0 ? rc : gap_add(c, s->a->now, s->acc->camera, until, t->end.us, cause, "");
}

/* --- how far certainty reaches ------------------------------------------------------------------ */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Files that may still grow or be published hold the judgement back at their last known byte. */
static int awaited(const struct accounting *a, const char *camera, int64_t settled_at, int64_t *limit)
{
	int64_t end, after = a->stepped ? INT64_MIN : settled_at - ACCOUNT_AWAIT_US;
	int rc = db_int(a->catalog->db, &end,
			"SELECT min(end) FROM open_segment WHERE camera = ? AND NOT complete AND end > ?", "ti", camera,
			after);

	if (rc == 0)
		*limit = least(*limit, end);
	return rc == -ENOENT ? 0 : rc;
}

static int certain_until(const struct accounting *a, const struct account *acc, int64_t settled_at, int64_t *limit)
{
	struct catalog *c = a->catalog;
	struct gap g;
	int64_t told = 0;
	int rc = account_known_until(c, acc, settled_at, limit);

	if (rc == 0)
		rc = db_int(c->db, &told, "SELECT coalesce(max(outcome), 0) FROM restart WHERE camera = ?", "t",
			    acc->camera);
	if (rc < 0)
		return rc;
	*limit = least(told > *limit ? told : *limit, settled_at);
	rc = gap_find_open(c, acc->camera, &g);
	if (rc == 0)
		*limit = least(g.start, settled_at);
	return rc < 0 && rc != -ENOENT ? rc : awaited(a, acc->camera, settled_at, limit);
}

/* --- an obligation that ended ---------------------------------------------------------------------- */

/* The little that the recorder had not finished when the camera was taken away is not a gap. */
static int trim_tail(const struct accounting *a, struct account *acc, int64_t *limit)
{
	struct catalog *c = a->catalog;
	int64_t known;
	int rc = account_known_until(c, acc, acc->retired_at, &known);

	*limit = acc->retired_at;
	if (rc < 0 || known >= acc->retired_at || acc->retired_at - known > RETIRE_TAIL_US)
		return rc;
	return db_run(c->db, "UPDATE obligation SET end = ? WHERE camera = ? AND end = ? AND start < ?", "itii",
		      known, acc->camera, acc->retired_at, known);
}

static int settle_limit(const struct accounting *a, struct account *acc, int64_t settled_at, int64_t *limit)
{
	if (!acc->retired)
		return certain_until(a, acc, settled_at, limit);
	*limit = INT64_MAX;
	int rc = awaited(a, acc->camera, settled_at, limit);
	return rc < 0 || *limit < acc->retired_at ? rc : trim_tail(a, acc, limit);
}

/* --- all ----------------------------------------------------------------------------------------------- */

/* A restart on which nobody said a word yet: the gap is open. */
static int open_absence(const struct accounting *a, const struct account *acc, int64_t settled_at)
{
	struct catalog *c = a->catalog;
	struct gap g;
	int64_t waiting = 0, start;
	int rc = db_int(c->db, &waiting, "SELECT count(*) FROM restart WHERE camera = ? AND outcome IS NULL", "t",
			acc->camera);

	if (rc < 0 || waiting == 0 || acc->retired)
		return rc;
	rc = gap_find_open(c, acc->camera, &g);
	if (rc != -ENOENT)
		return rc;
	rc = account_known_until(c, acc, settled_at, &start);
	if (rc == 0)
		rc = account_covered_until(c, acc->camera, &start);
	return rc < 0 ? rc : gap_open(c, a->now, acc->camera, start, "recorder_down", "");
}

static int settle_one(const struct accounting *a, struct account *acc, int64_t settled_at)
{
	struct catalog *c = a->catalog;
	struct sweep s = {.a = a, .acc = acc};
	int rc = account_gap_goes_on(a, acc->camera, settled_at);

	if (rc == 0)
		rc = account_settle_past(a, acc);
	if (rc == 0)
		rc = settle_limit(a, acc, settled_at, &s.limit);
	if (rc < 0)
		return rc;
	if (s.limit > acc->frontier) {
		rc = catalog_tiles(c, acc->camera, (struct wall){acc->frontier}, (struct wall){s.limit}, explain_hole, &s);
		if (rc == 0)
			rc = account_set_frontier(c, acc->camera, s.limit);
		if (rc == 0)
			rc = db_run(c->db, "DELETE FROM restart WHERE camera = ? AND outcome <= ?", "ti", acc->camera,
				    s.limit);
	}
	return rc < 0 ? rc : open_absence(a, acc, settled_at);
}

/* By the keeper's own clock nothing is certain beyond now, whatever time the journal has come to. */
int account_settle(const struct accounting *a, struct wall settled_at)
{
	if (a->own_until.us && settled_at.us > a->own_until.us + US_PER_S)
		settled_at.us = a->own_until.us + US_PER_S;
	return account_each(a, settle_one, settled_at.us);
}
