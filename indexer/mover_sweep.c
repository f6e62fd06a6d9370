/* The clearing half of mover.h. */
#include "mover.h"

#include "base/buf.h"
#include "catalog_internal.h"
#include "object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_MAX 64

struct surplus { char camera[CATALOG_ID_MAX]; struct wall start; };

/* --- what nobody needs ------------------------------------------------------------------------- */

/* A copy lives while its segment does, and a hold on it, and its disk is not to be emptied. */
static int release(struct mover *m)
{
	/* no job is out now: what is being made was left by a crash */
	int rc = db_run(m->catalog->db, "UPDATE copy SET state = 'surplus' WHERE state = 'making'", "");

	if (rc == 0)
		rc = db_run(m->catalog->db,
			"UPDATE copy SET state = 'surplus' WHERE state = 'kept' AND NOT EXISTS (SELECT 1 FROM segment s "
			"JOIN hold h ON h.camera = s.camera AND h.start < s.end AND h.end > s.start AND h.released_at IS NULL "
			"WHERE s.camera = copy.camera AND s.start = copy.start AND s.root <> copy.root)", "");

	for (unsigned i = 0; rc == 0 && i < m->conf->root_count; i++)
		if (m->conf->roots[i].drain)
			rc = db_run(m->catalog->db,
				    "UPDATE copy SET state = 'surplus' WHERE state = 'kept' AND root = "
				    "(SELECT id FROM root WHERE path = ?1) AND NOT EXISTS (SELECT 1 FROM segment s WHERE "
				    "s.camera = copy.camera AND s.start = copy.start AND s.root = copy.root)", "t",
				    m->conf->roots[i].path);
	return rc;
}

/* --- unlinking ------------------------------------------------------------------------------------ */

static int unlink_both(struct mover *m, const char *root_path, const struct surplus *x)
{
	char *part = copy_path_part(root_path, x->camera, x->start), *file = copy_path(root_path, x->camera, x->start);
	char *moving = xasprintf("%s/moving", root_path), *day = xasprintf("%.*s", (int)(strrchr(file, '/') - file), file);
	int rc = m->fs->unlink(m->fs, part);

	rc = rc == -ENOENT ? 0 : rc;
	if (rc == 0)
		rc = m->fs->unlink(m->fs, file);
	rc = rc == -ENOENT ? 0 : rc;
	if (rc == 0)
		rc = m->fs->sync_dir(m->fs, day);
	rc = rc == -ENOENT ? 0 : rc;
	if (rc == 0)
		rc = m->fs->sync_dir(m->fs, moving);
	free(part);
	free(file);
	free(moving);
	free(day);
	return rc;
}

enum verdict { WAIT, FORGET, UNLINK, TAKE };

static enum verdict judge_stored(struct mover *m, const struct segment_place *p)
{
	int rc = object_covers(m->catalog, p);

	return rc == -ENOENT ? TAKE : rc > 0 ? UNLINK : WAIT;
}

/* What the row names must be there before anything beside it goes. */
static enum verdict judge(struct mover *m, int64_t root, const struct segment_place *p)
{
	struct stat st;

	if (p->root == root)
		return FORGET; /* it is the row's own */
	if (p->root == CATALOG_STORE_ROOT)
		return judge_stored(m, p);
	if (!copy_root_is_usable(m->fs, m->catalog, m->conf->site.id, p->root, p->root_path))
		return WAIT;
	char *file = copy_path(p->root_path, p->camera, p->start);
	int rc = m->fs->stat(m->fs, file, &st);
	free(file);
	if (rc == 0)
		return st.st_size == p->bytes ? UNLINK : TAKE;
	return rc == -ENOENT || rc == -ENOTDIR ? TAKE : WAIT;
}

/* The row's own file is gone, or the store that had it is not ours any more, and this one was about to go. */
static int take(struct mover *m, const struct segment_place *p, int64_t root)
{
	int rc = catalog_begin(m->catalog);

	if (rc < 0)
		return rc;
	rc = copy_set(m->catalog, p, root, "kept");
	if (rc == 0)
		rc = copy_promote(m->fs, m->catalog, m->conf->site.id, clock_wall(m->clock), p,
				  p->root == CATALOG_STORE_ROOT ? "no object store is configured that has it" : "the file is gone");
	if (rc > 0)
		rc = catalog_commit(m->catalog);
	else
		rc = rc < 0 ? rc : -EAGAIN; /* it is no better: both stay */
	if (rc < 0)
		catalog_rollback(m->catalog);
	return rc == -EAGAIN ? 0 : rc;
}

static int clear_one(struct mover *m, int64_t root, const char *root_path, const struct surplus *x)
{
	struct segment_place p;
	int rc = copy_find_segment(m->catalog, x->camera, x->start, &p);
	enum verdict v = rc > 0 ? judge(m, root, &p) : UNLINK;

	if (rc < 0)
		return rc;
	rc = v == UNLINK ? unlink_both(m, root_path, x) : v == TAKE ? take(m, &p, root) : 0;
	/* not there counts as gone only while the disk itself is there */
	if (rc == 0 && v == UNLINK && !copy_root_is_usable(m->fs, m->catalog, m->conf->site.id, root, root_path))
		rc = -ENODEV;
	if (rc == 0 && (v == UNLINK || v == FORGET))
		rc = copy_drop(m->catalog, x->camera, x->start, root);
	free(p.root_path);
	return rc;
}

static int list(struct mover *m, int64_t root, struct surplus out[SWEEP_MAX], unsigned *count)
{
	struct db_query q;
	int rc = db_query(m->catalog->db, &q, "SELECT camera, start FROM copy WHERE root = ? AND state = 'surplus' LIMIT ?",
			  "ii", root, (int64_t)SWEEP_MAX);

	*count = 0;
	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct surplus *x = &out[(*count)++];
		snprintf(x->camera, sizeof x->camera, "%s", db_text(&q, 0));
		x->start.us = db_i64(&q, 1);
	}
	db_done(&q);
	return rc;
}

static int sweep_root(struct mover *m, const char *path)
{
	struct surplus all[SWEEP_MAX];
	unsigned count = 0;
	int64_t root = 0;
	int rc = db_int(m->catalog->db, &root, "SELECT id FROM root WHERE path = ?", "t", path);

	if (rc == 0)
		rc = list(m, root, all, &count);
	if (rc < 0 || count == 0)
		return rc == -ENOENT ? 0 : rc;
	if (!copy_root_is_usable(m->fs, m->catalog, m->conf->site.id, root, path))
		return 0;
	for (unsigned i = 0; i < count; i++) {
		int failed = clear_one(m, root, path, &all[i]);
		rc = rc < 0 ? rc : failed;
	}
	return rc;
}

int mover_sweep(struct mover *m)
{
	int rc = release(m);

	for (unsigned i = 0; i < m->conf->root_count; i++) {
		int failed = sweep_root(m, m->conf->roots[i].path);
		rc = rc < 0 ? rc : failed;
	}
	return rc;
}
