/* The half of accounting.h that knows the clock: time that goes by, and time that is lived again. */
#include "account_row.h"
#include "belief.h"
#include "life.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define STEPPED "clock_stepped"
#define FRESH_US (2 * US_PER_S) /* a gap that the step itself has opened is no older */

/* --- time goes by -------------------------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What an earlier life claims of the time that has gone by since `from` counts no more. */
static int live_one(const struct accounting *a, struct account *acc, int64_t from)
{
	struct catalog *c = a->catalog;
	int64_t to = from, ahead = from, spans = 0;
	int rc = catalog_state_int(c, "settled_at", &to);

	if (rc == 0)
		rc = catalog_state_int(c, "lived_until", &ahead);
	to = least(to, ahead);
	if (rc == 0)
		rc = db_int(c->db, &spans,
			    "SELECT count(*) FROM (SELECT end FROM span WHERE camera = ?1 AND start < ?3 ORDER BY start DESC "
			    "LIMIT 1) WHERE end > ?2", "tii", acc->camera, from, to);
	if (rc == 0 && spans > 0)
		rc = span_relive(c, acc->camera, (struct wall){from}, (struct wall){to});
	return rc < 0 ? rc : account_gap_goes_on(a, acc->camera, to);
}

int account_live(const struct accounting *a, struct wall to)
{
	int64_t from, ahead;
	int rc = catalog_state_int(a->catalog, "settled_at", &from);

	if (rc == 0)
		rc = catalog_state_int(a->catalog, "lived_until", &ahead);
	if (rc == 0 && to.us > from)
		rc = catalog_set_state_int(a->catalog, "settled_at", to.us);
	return rc < 0 || to.us <= from || from >= ahead ? rc : account_each(a, live_one, from);
}

/* --- lives ------------------------------------------------------------------------------------------ */

static int next_life(struct catalog *c, int64_t *id)
{
	int rc = catalog_state_int(c, "life", id);

	return rc < 0 ? rc : catalog_set_state_int(c, "life", ++*id);
}

/* The present life of the camera begins at `start`; the one before ended at `end`, and is to be judged in
 * [judged, until). */
static int add_life(const struct accounting *a, const char *camera, int64_t start, int64_t end, int64_t judged, int64_t until)
{
	struct catalog *c = a->catalog;
	int64_t id;
	int rc = catalog_state_int(c, "life", &id);

	if (rc == 0)
		rc = account_life_end(a, camera, end);
	if (rc == 0)
		rc = db_run(c->db,
			    "INSERT INTO life SELECT ?1, ?2, ?3, NULL, coalesce((SELECT max(sequence) FROM (SELECT sequence FROM "
			    "(SELECT sequence FROM segment WHERE camera = ?1 AND start <= ?4 ORDER BY start DESC LIMIT 1000) UNION "
			    "ALL SELECT sequence FROM life WHERE camera = ?1)), 0), coalesce((SELECT max(id) FROM gap WHERE camera "
			    "= ?1 AND end IS NOT NULL), 0), ?5, ?6", "tiiiii", camera, id, start, end, judged, until);
	return rc < 0 ? rc : belief_life_ended(a, camera, id, end);
}

/* Files that are still being written are of the life that ends. */
static int leave_files(struct catalog *c, const char *camera)
{
	return db_run(c->db, "INSERT OR IGNORE INTO past_file SELECT camera, start, (SELECT max(id) FROM life WHERE camera = ?1) "
		      "FROM open_segment WHERE camera = ?1", "t", camera);
}

int account_life_end(const struct accounting *a, const char *camera, int64_t end)
{
	return db_run(a->catalog->db, "UPDATE life SET end = max(start, ?2) WHERE camera = ?1 AND end IS NULL", "ti", camera,
		      end);
}

int account_life_begin(const struct accounting *a, const char *camera, int64_t start)
{
	int64_t lives = 0, id;
	int rc = db_int(a->catalog->db, &lives, "SELECT count(*) FROM life WHERE camera = ?", "t", camera);

	if (rc < 0 || lives == 0)
		return rc;
	rc = next_life(a->catalog, &id);
	return rc < 0 ? rc : add_life(a, camera, start, start, 0, 0);
}

/* --- back ------------------------------------------------------------------------------------------------ */

/* Nobody lived [start, end): nobody lost it. */
static int cut_gap(const struct accounting *a, const struct gap *g, int64_t start, int64_t end)
{
	if (g->start >= start)
		return gap_correct(a->catalog, a->now, g, g->end > end ? end : g->start, g->end > end ? g->end : g->start);
	int rc = gap_correct(a->catalog, a->now, g, g->start, start);
	return rc < 0 || g->end <= end ? rc : gap_add(a->catalog, a->now, g->camera, end, g->end, g->cause, g->detail);
}

static int cut_gaps(const struct accounting *a, const char *camera, int64_t start, int64_t end, int64_t after_id)
{
	struct gap g = {.start = INT64_MIN};
	int rc;

	while ((rc = gap_find_next(a->catalog, camera, start, g.start, g.id, &g)) == 0 && g.start < end) {
		struct gap was = g;
		if (!was.open && was.start < was.end && was.id > after_id)
			rc = cut_gap(a, &was, start, end);
		if (rc < 0)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

static int cut_skipped(const struct accounting *a, const char *camera, int64_t to)
{
	struct db *db = a->catalog->db;
	struct db_query q;
	int rc = db_query(db, &q, "SELECT max(start, ?2), end, gap FROM skipped WHERE camera = ?1 AND end > ?2", "ti", camera, to);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		if ((rc = cut_gaps(a, camera, db_i64(&q, 0), db_i64(&q, 1), db_i64(&q, 2))) < 0)
			break;
	db_done(&q);
	if (rc == 0)
		rc = db_run(db, "DELETE FROM skipped WHERE camera = ? AND start >= ?", "ti", camera, to);
	return rc < 0 ? rc : db_run(db, "UPDATE skipped SET end = ?2 WHERE camera = ?1 AND end > ?2", "ti", camera, to);
}

/* The open gap of the life that ends at `was`: one that the step itself opened is of the new life; any other ends
 * here and goes on there. *until: where the old life ceased to record. */
static int move_gap(const struct accounting *a, const char *camera, int64_t was, int64_t to, int64_t *until)
{
	struct catalog *c = a->catalog;
	struct gap g;
	int rc = gap_find_open(c, camera, &g);

	*until = was;
	if (rc < 0)
		return rc == -ENOENT ? cut_skipped(a, camera, to) : rc;
	*until = least(was, g.start);
	bool fresh = strcmp(g.cause, STEPPED) == 0 && g.start > was - FRESH_US;
	if (!fresh)
		rc = gap_close(c, a->now, &g, was);
	if (rc == 0)
		rc = cut_skipped(a, camera, to);
	if (rc == 0)
		rc = account_covered_until(c, camera, &to);
	if (rc < 0)
		return rc;
	return fresh ? gap_correct(c, a->now, &g, to, INT64_MAX) : gap_open(c, a->now, camera, to, g.cause, g.detail);
}

static int back_one(const struct accounting *a, struct account *acc, int64_t was)
{
	struct catalog *c = a->catalog;
	int64_t to, until;
	int rc = catalog_state_int(c, "settled_at", &to);

	if (rc == 0)
		rc = move_gap(a, acc->camera, was, to, &until);
	bool sane = to >= ACCOUNT_EARLIEST_US;
	if (rc == 0 && sane)
		rc = db_run(c->db, "UPDATE obligation SET start = ?1 WHERE camera = ?2 AND end IS NULL AND start > ?1", "it", to,
			    acc->camera);
	if (rc == 0 && sane && !acc->retired)
		rc = db_run(c->db, "UPDATE camera SET enrolled_at = ?1 WHERE id = ?2 AND enrolled_at > ?1", "it", to, acc->camera);
	if (rc == 0)
		rc = db_run(c->db, "DELETE FROM restart WHERE camera = ? AND outcome > ?", "ti", acc->camera, to);
	if (rc == 0)
		rc = add_life(a, acc->camera, to, was, acc->frontier, until);
	if (rc == 0)
		rc = leave_files(c, acc->camera);
	return rc < 0 || acc->frontier <= to ? rc : account_set_frontier(c, acc->camera, to);
}

int account_clock_back(const struct accounting *a, struct wall to)
{
	struct catalog *c = a->catalog;
	int64_t was, ahead, id;
	int rc = catalog_state_int(c, "settled_at", &was);

	if (rc == 0)
		rc = catalog_state_int(c, "lived_until", &ahead);
	if (rc == 0)
		rc = catalog_set_state_int(c, "lived_until", was > ahead ? was : ahead);
	if (rc == 0)
		rc = catalog_set_state_int(c, "settled_at", to.us);
	if (rc == 0)
		rc = next_life(c, &id);
	return rc < 0 ? rc : account_each(a, back_one, was);
}

/* --- forward ----------------------------------------------------------------------------------------------- */

/* Nothing before the obligation begins is a gap. */
static int begin_later(const struct accounting *a, struct account *acc, int64_t unused)
{
	int64_t start = acc->enrolled_at;
	struct gap g;
	int rc = acc->frontier < start ? account_set_frontier(a->catalog, acc->camera, start) : 0;

	(void)unused;
	if (rc == 0)
		rc = gap_find_open(a->catalog, acc->camera, &g);
	if (rc == 0 && g.start < start)
		rc = gap_correct(a->catalog, a->now, &g, start, INT64_MAX);
	return rc == -ENOENT ? 0 : rc;
}

static int note_skipped(struct catalog *c, const char *camera, int64_t start, int64_t end)
{
	return db_run(c->db, "INSERT OR REPLACE INTO skipped VALUES (?1, ?2, ?3, coalesce((SELECT max(id) FROM gap WHERE camera = ?1 "
		      "AND end IS NOT NULL), 0))", "tii", camera, start, end);
}

/* What an earlier life recorded stands again, from where the gap that the step has opened begins. */
static int shrink_gap(const struct accounting *a, const char *camera)
{
	struct gap g;
	int rc = gap_find_open(a->catalog, camera, &g);
	int64_t start = g.start;

	if (rc == 0)
		rc = account_covered_until(a->catalog, camera, &start);
	if (rc == 0 && start > g.start)
		rc = gap_correct(a->catalog, a->now, &g, start, INT64_MAX);
	return rc == -ENOENT ? 0 : rc;
}

/* Time that this life skips it has not lived: what an earlier one recorded of it stands. */
static int skip_one(const struct accounting *a, struct account *acc, int64_t was)
{
	struct catalog *c = a->catalog;
	int64_t to, ahead;
	int rc = catalog_state_int(c, "settled_at", &to);

	if (rc == 0)
		rc = catalog_state_int(c, "lived_until", &ahead);
	if (rc == 0)
		rc = note_skipped(c, acc->camera, was, to);
	if (rc < 0 || was >= ahead)
		return rc;
	rc = add_life(a, acc->camera, to, was, 0, 0);
	if (rc == 0)
		rc = leave_files(c, acc->camera);
	return rc < 0 ? rc : shrink_gap(a, acc->camera);
}

static int skip(const struct accounting *a, int64_t was, int64_t to)
{
	int64_t id;
	int rc = catalog_set_state_int(a->catalog, "settled_at", to);

	if (rc == 0)
		rc = next_life(a->catalog, &id);
	return rc < 0 ? rc : account_each(a, skip_one, was);
}

int account_clock_forward(const struct accounting *a, struct wall to, int64_t step_us)
{
	static const char *const moves[] = {
		"UPDATE camera SET configured_at = configured_at + ?1 WHERE enrolled_at IS NULL AND configured_at < ?2",
		"UPDATE obligation SET start = start + ?1 WHERE end IS NULL AND start < ?2",
		"UPDATE camera SET enrolled_at = enrolled_at + ?1 WHERE retired_at IS NULL AND enrolled_at < ?2"};
	int64_t was = to.us - step_us, before = was < ACCOUNT_EARLIEST_US ? was : ACCOUNT_EARLIEST_US;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sizeof moves / sizeof *moves; i++)
		rc = db_run(a->catalog->db, moves[i], "ii", step_us, before);
	if (rc == 0)
		rc = account_each(a, begin_later, 0);
	return rc < 0 || was >= to.us ? rc : skip(a, was, to.us);
}

/* --- what a life that is over did not record ------------------------------------------------------------------- */

struct past { int64_t id, judged, until; };

static int by_start(const void *x, const void *y)
{
	const struct layer_item *a = x, *b = y;

	return (a->start > b->start) - (a->start < b->start);
}

/* All that is known of [judged, until): files of that life or one before, and gaps. */
static int load_known(struct catalog *c, const char *camera, const struct past *p, struct layer *known)
{
	struct db_query q;
	int64_t now;
	int rc = catalog_state_int(c, "settled_at", &now);

	if (rc == 0)
		rc = db_query(c->db, &q,
			  "SELECT start, end, sequence FROM segment WHERE camera = ?1 AND start > ?4 AND start < ?3 AND end > ?2 "
			  "UNION ALL SELECT start, end, ?5 FROM open_segment WHERE camera = ?1 AND start < ?3 AND end > ?2 "
			  "UNION ALL SELECT start, coalesce(end, ?6), NULL FROM gap WHERE camera = ?1 AND start < ?3 AND "
			  "(end > ?2 OR end IS NULL)", "tiiiii", camera, p->judged, p->until, p->judged - SEGMENT_LONGEST_US,
			  INT64_MAX, now);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		int64_t before = INT64_MIN;
		rc = db_is_null(&q, 2) ? 0 : life_before(c, camera, db_i64(&q, 0), db_i64(&q, 2), &before);
		if (rc < 0)
			break;
		if (before <= p->id)
			layer_add(known, db_i64(&q, 0), db_i64(&q, 1), 0, "");
	}
	db_done(&q);
	if (known->count)
		qsort(known->items, known->count, sizeof *known->items, by_start);
	return rc;
}

/* The present life's footage is to leave the gaps that there are alone. */
static int leave_gaps(struct catalog *c, const char *camera)
{
	return db_run(c->db, "UPDATE life SET gap = (SELECT max(id) FROM gap WHERE camera = ?1 AND end IS NOT NULL) WHERE camera = ?1 "
		      "AND end IS NULL", "t", camera);
}

int account_lost_past(const struct accounting *a, const char *camera, int64_t end)
{
	int64_t now;
	int rc = catalog_state_int(a->catalog, "settled_at", &now);

	return rc < 0 || end <= now ? rc : leave_gaps(a->catalog, camera);
}

static int add_hole(const struct accounting *a, const char *camera, int64_t start, int64_t end)
{
	const char *cause;

	if (end - start < GAP_LEAST_US)
		return 0;
	int rc = account_hole_cause(a->catalog, camera, start, end, &cause);
	if (rc < 0)
		return rc;
	rc = span_withdraw(a->catalog, camera, (struct wall){start}, (struct wall){end});
	if (rc == 0)
		rc = gap_add(a->catalog, a->now, camera, start, end, cause, "before the clock was set");
	return rc < 0 ? rc : leave_gaps(a->catalog, camera);
}

static int judge(const struct accounting *a, const char *camera, const struct past *p)
{
	struct layer known = {0};
	int64_t at = p->judged;
	int rc = load_known(a->catalog, camera, p, &known);

	for (unsigned i = 0; rc == 0 && i < known.count && at < p->until; i++) {
		const struct layer_item *k = &known.items[i];
		rc = add_hole(a, camera, at, least(k->start, p->until));
		at = k->end > at ? k->end : at;
	}
	if (rc == 0)
		rc = add_hole(a, camera, at, p->until);
	layer_finish(&known);
	return rc < 0 ? rc : db_run(a->catalog->db, "UPDATE life SET judged = until WHERE camera = ? AND id = ?", "ti", camera,
				    p->id);
}

/* The oldest life that can be judged: none of its files is still to come. */
static int find_past(struct catalog *c, const char *camera, struct past *p)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT id, judged, until FROM life WHERE camera = ?1 AND judged < until AND NOT EXISTS (SELECT 1 FROM "
			  "open_segment o JOIN past_file p ON p.camera = o.camera AND p.start = o.start WHERE o.camera = ?1 AND "
			  "NOT o.complete AND p.before <= id) ORDER BY id LIMIT 1", "t", camera);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0)
		*p = (struct past){db_i64(&q, 0), db_i64(&q, 1), db_i64(&q, 2)};
	db_done(&q);
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}

int account_settle_past(const struct accounting *a, const struct account *acc)
{
	struct past p;
	int rc;

	while ((rc = find_past(a->catalog, acc->camera, &p)) == 0)
		if ((rc = judge(a, acc->camera, &p)) < 0)
			return rc;
	return rc == -ENOENT ? 0 : rc;
}
