#include "account_row.h"
#include "belief.h"
#include "life.h"

#include <errno.h>

#define RECORDER_DOWN "recorder_down"

/* An open gap that reaches to `until` now. Footage, or a gap of before the clock was set back, may lie in it: such
 * a gap is several, around it. *piece becomes the last one, which is open; 1: it ends there, so there is none. */
static int split_around(const struct accounting *a, struct gap *piece, int64_t until, bool ends)
{
	struct catalog *c = a->catalog;
	int64_t start, horizon;
	int rc = life_horizon(c, &horizon);

	while (rc == 0 && (rc = db_int(c->db, &start,
			    "SELECT min(start) FROM (SELECT min(start) AS start FROM span WHERE camera = ?1 AND start >= ?2 "
			    "AND start < min(?3, ?4) UNION ALL SELECT min(start) FROM gap WHERE camera = ?1 AND start >= ?2 AND "
			    "start < ?3 AND end > start)", "tiii", piece->camera, piece->start, until, horizon)) == 0) {
		rc = gap_close(c, a->now, piece, start);
		if (rc == 0)
			rc = account_covered_until(c, piece->camera, &start);
		if (rc < 0 || (ends && start >= until))
			return rc < 0 ? rc : 1;
		rc = gap_open(c, a->now, piece->camera, start, piece->cause, piece->detail);
		if (rc == 0)
			rc = gap_find_open(c, piece->camera, piece);
		if (rc < 0)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

static int close_gap(const struct accounting *a, const struct gap *g, int64_t end)
{
	struct gap piece = *g;
	int rc = split_around(a, &piece, end, true);

	return rc == 0 ? gap_close(a->catalog, a->now, &piece, end) : rc < 0 ? rc : 0;
}

int account_gap_goes_on(const struct accounting *a, const char *camera, int64_t until)
{
	struct gap g;
	int rc = gap_find_open(a->catalog, camera, &g);

	if (rc == 0)
		rc = split_around(a, &g, until, false);
	return rc == -ENOENT ? 0 : rc;
}

/* --- configuration --------------------------------------------------------------------- */

static int configure_row(const struct accounting *a, const char *camera, const char *name, const char *area)
{
	return db_run(a->catalog->db,
		      "INSERT INTO camera VALUES (?1, ?2, ?3, ?4, NULL, NULL) ON CONFLICT (id) DO UPDATE SET "
		      "name = ?2, area = ?3, configured_at = ?4, enrolled_at = NULL, retired_at = NULL",
		      "ttti", camera, name, area, a->now.us);
}

static int rename_camera(const struct accounting *a, const char *camera, const char *name, const char *area)
{
	int rc = db_run(a->catalog->db,
			"UPDATE camera SET name = ?2, area = ?3 WHERE id = ?1 AND "
			"(name <> ?2 OR area <> ?3)",
			"ttt", camera, name, area);

	if (rc < 0 || db_changes(a->catalog->db) == 0)
		return rc;
	return ledger_append(a->catalog, a->now, "camera.changed", camera,
			     json_pack("{ss ss}", "name", name, "area", area), NULL);
}

int account_configure(const struct accounting *a, const char *camera, const char *name, const char *area)
{
	struct account acc;
	int rc = account_load(a->catalog, camera, &acc);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc == -ENOENT || acc.retired || !acc.configured)
		return configure_row(a, camera, name, area);
	return rename_camera(a, camera, name, area);
}

/* What the recorder could not write down any more when it was told to stop is judged by
 * account_settle(), once its last file is in. */
int account_retire(const struct accounting *a, const char *camera)
{
	struct catalog *c = a->catalog;
	struct account acc;
	struct gap g;
	int64_t at = a->now.us;
	int rc = account_load(c, camera, &acc);

	if (rc < 0 || acc.retired)
		return rc;
	if (acc.enrolled && at < acc.enrolled_at)
		at = acc.enrolled_at;
	rc = db_run(c->db, "UPDATE camera SET retired_at = ? WHERE id = ?", "it", at, camera);
	if (rc == 0)
		rc = db_run(c->db, "UPDATE obligation SET end = ? WHERE camera = ? AND end IS NULL", "it", at,
			    camera);
	if (rc == 0 && (rc = gap_find_open(c, camera, &g)) == 0)
		rc = close_gap(a, &g, at);
	if (rc == 0 || rc == -ENOENT)
		rc = account_life_end(a, camera, at);
	if (rc < 0)
		return rc;
	return ledger_append(c, a->now, "camera.retired", camera,
			     json_pack("{so}", "retired_at", wall_json(at)), NULL);
}

/* Whether there is (now) an obligation that this fact can speak of. */
static int obliged(const struct accounting *a, const char *camera, struct account *acc, int64_t begins,
		   bool *yes)
{
	int rc = account_load(a->catalog, camera, acc);

	*yes = rc == 0 && !acc->retired && (acc->enrolled || acc->configured);
	if (*yes && !acc->enrolled)
		rc = account_enrol(a, acc, begins);
	return rc == -ENOENT ? 0 : rc;
}

/* --- coverage ---------------------------------------------------------------------------- */

static int narrow_closed(const struct accounting *a, const struct gap *g, int64_t start, int64_t end)
{
	struct catalog *c = a->catalog;

	if (start <= g->start)
		return gap_correct(c, a->now, g, end < g->end ? end : g->start,
				   end < g->end ? g->end : g->start);
	int rc = gap_correct(c, a->now, g, g->start, start);
	if (rc < 0 || end >= g->end)
		return rc;
	return gap_add(c, a->now, g->camera, end, g->end, g->cause, g->detail);
}

/* Footage that is newer than an open gap's start ends it when the camera is up; footage recovered
 * from before a crash only moves its start. */
static int narrow_open(const struct accounting *a, const struct gap *g, bool up, int64_t start, int64_t end)
{
	if (up)
		return gap_close(a->catalog, a->now, g, start);
	if (start <= g->start)
		return gap_correct(a->catalog, a->now, g, end, INT64_MAX);
	int rc = gap_close(a->catalog, a->now, g, start);
	return rc < 0 ? rc : gap_open(a->catalog, a->now, g->camera, end, g->cause, g->detail);
}

/* Footage beyond the present is of a clock that was ahead: an open gap reaches only to now, and makes way for it
 * when time comes there (account_gap_goes_on). */
static int is_beyond_now(struct catalog *c, int64_t start, bool *yes)
{
	int64_t now;
	int rc = catalog_state_int(c, "settled_at", &now);

	*yes = start >= now;
	return rc;
}

static int narrow(const struct accounting *a, const char *camera, bool up, int64_t start, int64_t end)
{
	struct gap g = {.start = INT64_MIN};
	int rc;

	while ((rc = gap_find_next(a->catalog, camera, start, g.start, g.id, &g)) == 0 && g.start < end) {
		struct gap was = g;
		bool beyond = false;
		if (!was.open && was.start == was.end)
			continue;
		if (was.open && !up && was.start < start)
			rc = is_beyond_now(a->catalog, start, &beyond);
		if (rc == 0 && !beyond)
			rc = was.open ? narrow_open(a, &was, up, start, end) : narrow_closed(a, &was, start, end);
		if (rc < 0)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* up: its camera is, as far as that footage can tell. */
static int add_pieces(const struct accounting *a, const char *camera, bool up, const struct layer *pieces)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < pieces->count; i++) {
		const struct layer_item *p = &pieces->items[i];
		rc = span_add(a->catalog, camera, (struct wall){p->start}, (struct wall){p->end});
		if (rc == 0)
			rc = narrow(a, camera, up, p->start, p->end);
	}
	return rc;
}

/* file: its start. */
static int covered(const struct accounting *a, const char *camera, int64_t file, int64_t before, struct wall start, struct wall end)
{
	struct layer pieces = {0};
	struct account acc;
	bool yes = false;

	if (start.us >= end.us)
		return 0;
	int rc = obliged(a, camera, &acc, start.us, &yes);
	if (rc == 0)
		rc = belief_claim(a, camera, file, before, end.us);
	if (rc == 0)
		rc = life_pieces(a->catalog, camera, file, before, start.us, end.us, &pieces);
	if (rc == 0)
		rc = add_pieces(a, camera, yes && acc.up && before == LIFE_NONE, &pieces);
	layer_finish(&pieces);
	return rc;
}

int account_covered(const struct accounting *a, const char *camera, int64_t before, struct wall start, struct wall end)
{
	return covered(a, camera, start.us, before, start, end);
}

int account_covered_by_file(const struct accounting *a, const char *camera, int64_t sequence, struct wall start, struct wall end)
{
	int64_t before;
	int rc = life_before(a->catalog, camera, start.us, sequence, &before);

	return rc < 0 ? rc : covered(a, camera, start.us, before, start, end);
}

int account_take_back(const struct accounting *a, const char *camera, struct wall start, struct wall end)
{
	struct catalog *c = a->catalog;
	int64_t from = start.us;
	struct gap g;
	int rc = start.us < end.us ? span_look_again(c, camera, start, end) : -ENOENT;

	if (rc == 0)
		rc = gap_find_open(c, camera, &g);
	if (rc < 0 || g.start <= start.us || g.start > end.us || strcmp(g.cause, RECORDER_DOWN) != 0)
		return rc == -ENOENT ? 0 : rc;
	rc = account_covered_until(c, camera, &from);
	return rc < 0 || from >= g.start ? rc : gap_correct(c, a->now, &g, from, INT64_MAX);
}

/* --- the recorder's word on a camera -------------------------------------------------------- */

/* The first word after a restart. *first tells whether this was it. */
static int outcome(const struct accounting *a, const char *camera, int64_t at, bool *first)
{
	int rc = db_run(a->catalog->db, "UPDATE restart SET outcome = ? WHERE camera = ? AND outcome IS NULL",
			"it", at, camera);

	*first = rc == 0 && db_changes(a->catalog->db) > 0;
	return rc;
}

int account_up(const struct accounting *a, const char *camera, struct wall start)
{
	struct account acc;
	struct gap g;
	bool yes = false, first = false;
	int rc = obliged(a, camera, &acc, start.us, &yes);

	if (rc < 0 || !yes)
		return rc;
	rc = outcome(a, camera, start.us, &first);
	if (rc == 0)
		rc = account_set_up(a->catalog, camera, true);
	if (rc == 0 && (rc = gap_find_open(a->catalog, camera, &g)) == 0)
		rc = close_gap(a, &g, start.us);
	return rc == -ENOENT ? 0 : rc;
}

static int down_again(const struct accounting *a, const struct gap *g, bool first, int64_t since,
		      const char *cause, const char *detail)
{
	if (!first || strcmp(g->cause, RECORDER_DOWN) != 0)
		return gap_note(a->catalog, a->now, g, cause, detail);
	if (since - g->start < GAP_LEAST_US)
		since = g->start;
	int rc = close_gap(a, g, since);
	return rc < 0 ? rc : gap_open(a->catalog, a->now, g->camera, since, cause, detail);
}

int account_down(const struct accounting *a, const char *camera, struct wall since, const char *cause,
		 const char *detail)
{
	struct catalog *c = a->catalog;
	struct account acc;
	struct gap g;
	bool yes = false, first = false;
	int rc = account_load(c, camera, &acc);
	bool before = rc == 0 && acc.enrolled;

	if (rc == 0)
		rc = obliged(a, camera, &acc, acc.configured_at, &yes);
	if (rc < 0 || !yes)
		return rc == -ENOENT ? 0 : rc;
	int64_t start = before && since.us > acc.enrolled_at ? since.us : acc.enrolled_at;
	rc = outcome(a, camera, start, &first);
	if (rc == 0)
		rc = account_set_up(c, camera, false);
	if (rc < 0)
		return rc;
	rc = gap_find_open(c, camera, &g);
	if (rc == 0)
		return down_again(a, &g, first, start, cause, detail);
	if (rc == -ENOENT)
		rc = account_covered_until(c, camera, &start);
	return rc < 0 ? rc : gap_open(c, a->now, camera, start, cause, detail);
}

/* --- what a disk did not keep ------------------------------------------------------------------- */

struct loss { const struct accounting *a; const char *camera, *cause, *detail; };

static int lose_tile(void *arg, const struct tile *t)
{
	const struct loss *l = arg;

	if (t->state != TILE_PENDING)
		return 0;
	return gap_add(l->a->catalog, l->a->now, l->camera, t->start.us, t->end.us, l->cause, l->detail);
}

int account_lost(const struct accounting *a, const char *camera, struct wall start, struct wall end,
		 const char *cause, const char *detail)
{
	struct loss l = {a, camera, cause, detail};
	struct account acc;
	bool yes = false;
	int rc = start.us < end.us ? obliged(a, camera, &acc, start.us, &yes) : 0;

	if (rc == 0 && yes)
		rc = life_tiles(a->catalog, camera, start, end, lose_tile, &l);
	return rc < 0 || !yes ? rc : account_lost_past(a, camera, end.us);
}

/* --- the recorder itself ------------------------------------------------------------------------ */

static int restart_one(const struct accounting *a, struct account *acc, int64_t at)
{
	struct catalog *c = a->catalog;
	struct gap g;
	int64_t waiting = 0;

	if (acc->retired)
		return 0;
	int rc = account_set_up(c, acc->camera, false);
	if (rc == 0)
		rc = gap_find_open(c, acc->camera, &g);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc == 0 && strcmp(g.cause, RECORDER_DOWN) != 0)
		return gap_note(c, a->now, &g, RECORDER_DOWN, "the recorder started again");
	rc = db_int(c->db, &waiting, "SELECT count(*) FROM restart WHERE camera = ? AND outcome IS NULL", "t",
		    acc->camera);
	if (rc < 0 || waiting > 0)
		return rc;
	return db_run(c->db, "INSERT OR IGNORE INTO restart VALUES (?, ?, NULL)", "ti", acc->camera, at);
}

int account_restart(const struct accounting *a, struct wall at)
{
	return account_each(a, restart_one, at.us);
}

static int silent_one(const struct accounting *a, struct account *acc, int64_t settled_at)
{
	struct catalog *c = a->catalog;
	struct gap g;
	int64_t start;
	int rc = gap_find_open(c, acc->camera, &g);

	if (rc != -ENOENT || acc->retired)
		return rc == -ENOENT ? 0 : rc;
	rc = account_known_until(c, acc, settled_at, &start);
	if (rc == 0)
		rc = account_covered_until(c, acc->camera, &start);
	return rc < 0
		   ? rc
		   : gap_open(c, a->now, acc->camera, start, RECORDER_DOWN, "no heartbeat of the recorder");
}

int account_silent(const struct accounting *a, struct wall settled_at)
{
	return account_each(a, silent_one, settled_at.us);
}
