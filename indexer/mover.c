#include "mover.h"

#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAILED_AGAIN_US (60 * US_PER_S)

const struct conf_root *mover_conf_root(const struct mover *m, const char *path)
{
	for (unsigned i = 0; i < m->conf->root_count; i++)
		if (strcmp(m->conf->roots[i].path, path) == 0)
			return &m->conf->roots[i];
	return NULL;
}

/* --- what a person decided in the configuration ---------------------------------------------------- */

static int tell_drain(struct mover *m, const struct conf_root *r)
{
	char key[4200], was[8] = "";

	snprintf(key, sizeof key, "drain:%s", r->path);
	int rc = catalog_state(m->catalog, key, was, sizeof was);
	if (rc < 0 || r->drain == (strcmp(was, "1") == 0))
		return rc;
	rc = catalog_set_state(m->catalog, key, r->drain ? "1" : "");
	return rc < 0 ? rc : ledger_append(m->catalog, clock_wall(m->clock), "storage.draining", NULL,
					   json_pack("{ss sb}", "root", r->path, "drain", (int)r->drain), NULL);
}

static int start(struct mover *m)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < m->conf->root_count; i++)
		rc = tell_drain(m, &m->conf->roots[i]);
	return rc;
}

int mover_init(struct mover *m, struct fs *fs, struct clock *clock, const struct conf *conf, struct catalog *c)
{
	*m = (struct mover){.fs = fs, .clock = clock, .conf = conf, .catalog = c, .due = clock_mono(clock)};
	int rc = catalog_begin(c);

	if (rc < 0)
		return rc;
	return catalog_end(c, start(m));
}

int64_t mover_wait_us(const struct mover *m)
{
	int64_t us = m->due.us - clock_mono(m->clock).us;

	return us < 0 ? 0 : us;
}

/* --- where to -------------------------------------------------------------------------------------- */

static bool has_copy(struct mover *m, const struct segment_place *p, int64_t root)
{
	int64_t n = 1;

	return db_int(m->catalog->db, &n, "SELECT count(*) FROM copy WHERE camera = ? AND start = ? AND root = ?", "tii",
		      p->camera, p->start.us, root) < 0 || n > 0;
}

/* Its room beyond what must stay free; 0: it does not take this file. */
static uint64_t room_of(struct mover *m, const struct conf_root *r, const struct segment_place *p, int64_t *id)
{
	uint64_t free_bytes, total, keep = r->reserve_bytes + MOVER_ROOM_BYTES + (uint64_t)p->bytes;

	if (r->drain || db_int(m->catalog->db, id, "SELECT id FROM root WHERE path = ?", "t", r->path) < 0 ||
	    *id == p->root || has_copy(m, p, *id) || m->fs->free_bytes(m->fs, r->path, &free_bytes, &total) < 0 ||
	    free_bytes <= keep || !copy_root_is_usable(m->fs, m->catalog, m->conf->site.id, *id, r->path))
		return 0;
	return free_bytes - keep;
}

static bool place(struct mover *m, struct mover_job *j)
{
	const struct conf_root *best = NULL;
	uint64_t most = 0;

	for (unsigned i = 0; i < m->conf->root_count; i++) {
		int64_t id = 0;
		uint64_t room = room_of(m, &m->conf->roots[i], &j->from, &id);
		if (room <= most)
			continue;
		most = room;
		best = &m->conf->roots[i];
		j->root = id;
	}
	if (best)
		j->root_path = xstrdup(best->path);
	return best != NULL;
}

/* --- which ------------------------------------------------------------------------------------------- */

static int take(struct db_query *q, struct mover_job *j)
{
	int rc = db_step(q);

	if (rc > 0) {
		struct segment_place *p = &j->from;
		p->segment = db_i64(q, 0);
		snprintf(p->camera, sizeof p->camera, "%s", db_text(q, 1));
		p->start.us = db_i64(q, 2);
		p->bytes = db_i64(q, 3);
		p->root = db_i64(q, 5);
		int failed = db_blob_copy(q, 4, p->seal_digest, SHA256_BYTES);
		p->root_path = xstrdup(db_text(q, 6));
		rc = failed < 0 ? failed : 1;
	}
	db_done(q);
	return rc;
}

#define COLUMNS "SELECT s.id, s.camera, s.start, s.bytes, s.seal_digest, s.root, r.path FROM segment s JOIN root r ON r.id = s.root "

static int next_held(struct mover *m, struct mover_job *j)
{
	struct db_query q;
	int rc = db_query(m->catalog->db, &q,
			  COLUMNS "JOIN hold h ON h.camera = s.camera AND s.start < h.end AND s.end > h.start AND s.start > "
			  "h.start - ?2 WHERE h.released_at IS NULL AND s.id > ?1 AND s.root > 0 AND NOT EXISTS (SELECT 1 FROM copy c WHERE "
			  "c.camera = s.camera AND c.start = s.start AND c.state <> 'surplus') ORDER BY s.id LIMIT 1", "ii", m->after,
			  (int64_t)SEGMENT_LONGEST_US);

	j->move = false;
	return rc < 0 ? rc : take(&q, j);
}

static int next_drained(struct mover *m, const struct conf_root *r, struct mover_job *j)
{
	struct db_query q;
	int rc = db_query(m->catalog->db, &q, COLUMNS "WHERE r.path = ?1 AND s.id > ?2 ORDER BY s.id LIMIT 1", "ti", r->path,
			  m->after);

	j->move = true;
	return rc < 0 ? rc : take(&q, j);
}

/* What is on a disk that leaves goes first: it is held there, too. */
static int choose(struct mover *m, struct mover_job *j)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < m->conf->root_count; i++)
		if (m->conf->roots[i].drain)
			rc = next_drained(m, &m->conf->roots[i], j);
	if (rc == 0 && m->conf->root_count > 1)
		rc = next_held(m, j);
	return rc;
}

/* --- beginning ---------------------------------------------------------------------------------------- */

/* A drained file whose copy exists needs no other one. */
static int use_copy(struct mover *m, struct mover_job *j)
{
	int rc = catalog_begin(m->catalog);

	if (rc < 0)
		return rc;
	rc = copy_promote(m->fs, m->catalog, m->conf->site.id, clock_wall(m->clock), &j->from, "its disk is drained");
	int done = rc < 0 ? rc : catalog_commit(m->catalog);
	if (done < 0)
		catalog_rollback(m->catalog);
	return done < 0 ? done : rc;
}

static int begin(struct mover *m, struct mover_job *j)
{
	int rc = catalog_begin(m->catalog);

	if (rc < 0)
		return rc;
	rc = copy_set(m->catalog, &j->from, j->root, "making");
	rc = catalog_end(m->catalog, rc);
	return rc < 0 ? rc : 1;
}

/* 1: it is being copied, 0: not now. */
static int attempt(struct mover *m, struct mover_job *j)
{
	int rc = 0;

	m->after = j->from.segment;
	if (!copy_root_is_usable(m->fs, m->catalog, m->conf->site.id, j->from.root, j->from.root_path)) {
		m->failed = true;
		return 0;
	}
	if (j->move && (rc = use_copy(m, j)) != 0)
		return rc < 0 ? rc : 0;
	if (!place(m, j)) {
		m->failed = true;
		return 0;
	}
	return begin(m, j);
}

static void end_round(struct mover *m)
{
	m->due.us = clock_mono(m->clock).us + (m->failed ? FAILED_AGAIN_US : MOVER_IDLE_US);
	m->after = 0;
	m->failed = false;
}

static int find_job(struct mover *m, struct mover_job *j)
{
	int rc;

	*j = (struct mover_job){.fs = m->fs, .clock = m->clock};
	rc = choose(m, j);
	if (rc == 0)
		end_round(m);
	if (rc > 0)
		rc = attempt(m, j);
	if (rc <= 0)
		mover_job_finish(j);
	return rc;
}

int mover_next(struct mover *m, struct mover_job *j)
{
	int swept = mover_sweep(m), rc;

	m->due = clock_mono(m->clock);
	rc = find_job(m, j);
	if (rc < 0)
		m->due.us = clock_mono(m->clock).us + FAILED_AGAIN_US;
	return rc == 0 ? swept : rc;
}

void mover_job_finish(struct mover_job *j)
{
	free(j->from.root_path);
	free(j->root_path);
	*j = (struct mover_job){0};
}

/* --- ending ------------------------------------------------------------------------------------------- */

/* Whether the row is still what was copied: retention may have taken it meanwhile. */
static int is_same(struct mover *m, const struct mover_job *j)
{
	struct segment_place now;
	int rc = copy_find_segment(m->catalog, j->from.camera, j->from.start, &now);
	bool same = rc > 0 && now.segment == j->from.segment && now.root == j->from.root;

	free(now.root_path);
	return rc < 0 ? rc : same;
}

static int settle(struct mover *m, const struct mover_job *j)
{
	int same = is_same(m, j);

	if (same < 0)
		return same;
	if (same == 0 || j->rc < 0)
		return copy_set(m->catalog, &j->from, j->root, "surplus");
	return j->move ? copy_switch(m->catalog, &j->from, j->root) : copy_set(m->catalog, &j->from, j->root, "kept");
}

/* One line per change, not one per file. */
static void tell_trouble(struct mover *m, const struct mover_job *j)
{
	if (j->rc < 0 && j->rc != m->told)
		log_warn("mover", "camera=%s from=%s to=%s text=\"not copied, will try again: %s\"", j->from.camera,
			 j->from.root_path, j->root_path, strerror(-j->rc));
	m->told = j->rc;
}

/* As long again as it took: the disks are the recorder's. */
int mover_apply(struct mover *m, struct mover_job *j)
{
	int rc = catalog_begin(m->catalog);

	m->due.us = clock_mono(m->clock).us + j->took_us;
	m->failed |= j->rc < 0;
	if (rc == 0)
		rc = catalog_end(m->catalog, settle(m, j));
	tell_trouble(m, j);
	mover_job_finish(j);
	return rc;
}
