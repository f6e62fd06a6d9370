#include "indexer_inner.h"

#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"

#include <errno.h>
#include <stdlib.h>

#define ROWS 500 /* at once: some milliseconds */

enum { LOAD, AGE, LIVES, RECOUNT, CAMERA_DONE };

static const char *camera_of(const struct rebuild_tail *t)
{
	return t->cameras->names[t->cameras->count - 1];
}

static void drop_files(struct rebuild_tail *t)
{
	free(t->files);
	t->files = NULL;
	t->count = t->room = t->at = 0;
	t->loaded = INT64_MIN;
	t->later_us = 0;
}

/* --- its files ----------------------------------------------------------------------------------- */

static void add(struct rebuild_tail *t, const struct db_query *q)
{
	if (t->count == t->room) {
		t->room = t->room ? t->room * 2 : ROWS;
		t->files = xrealloc(t->files, t->room * sizeof *t->files);
	}
	t->loaded = db_i64(q, 1);
	t->files[t->count++] = (struct rebuild_file){db_i64(q, 0), t->loaded, db_i64(q, 2), db_i64(q, 3), db_i64(q, 4)};
}

static int last_sealed_first(const void *x, const void *y)
{
	const struct rebuild_file *a = x, *b = y;

	return (a->sequence < b->sequence) - (a->sequence > b->sequence);
}

static int load_some(struct indexer *ix)
{
	struct rebuild_tail *t = &ix->tail;
	size_t before = t->count;
	struct db_query q;
	int rc = db_query(ix->catalog->db, &q, "SELECT id, start, end, sequence, flags FROM segment WHERE camera = ? AND start > ? "
			  "ORDER BY start LIMIT ?", "tii", camera_of(t), t->loaded, (int64_t)ROWS);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		add(t, &q);
	db_done(&q);
	if (rc < 0 || t->count - before == ROWS)
		return rc;
	if (t->count)
		qsort(t->files, t->count, sizeof *t->files, last_sealed_first);
	t->phase = AGE;
	return 0;
}

/* --- its age -------------------------------------------------------------------------------------- */

/* How long the box has witnessed that a segment lies there: at least the footage that its camera made after
 * it. No clock can inflate that, and without it retention would count from the rebuilding on. */
static int age_some(struct indexer *ix)
{
	struct rebuild_tail *t = &ix->tail;
	int64_t witnessed_us = catalog_site(ix->catalog)->witnessed_us;
	int rc = 0;

	for (unsigned n = 0; rc == 0 && n < ROWS && t->at < t->count; n++) {
		const struct rebuild_file *f = &t->files[t->at++];
		rc = db_run(ix->catalog->db, "UPDATE segment SET witnessed_us = ?2 WHERE id = ?1 AND witnessed_us > ?2", "ii", f->id,
			    witnessed_us - t->later_us);
		t->later_us += f->end - f->start;
	}
	if (t->at == t->count)
		t->phase = LIVES;
	return rc;
}

/* --- its clock ------------------------------------------------------------------------------------- */

/* Where coverage is to be counted again from, and to: kept with the lives that make it necessary. */
static void recount_key(const char *camera, const char *what, char key[SEAL_NAME_MAX + 32])
{
	snprintf(key, SEAL_NAME_MAX + 32, "recount_%s:%s", what, camera);
}

static int find_lives(struct indexer *ix)
{
	struct rebuild_tail *t = &ix->tail;
	char from[SEAL_NAME_MAX + 32], to[SEAL_NAME_MAX + 32];
	int64_t until = 0, first = INT64_MAX; /* no span, nothing to count again */
	int rc = rebuild_lives(ix, camera_of(t), t->files, t->count, &until);

	recount_key(camera_of(t), "from", from);
	recount_key(camera_of(t), "to", to);
	if (rc == 0 && until > 0)
		rc = db_int(ix->catalog->db, &first, "SELECT min(start) FROM span WHERE camera = ?", "t", camera_of(t));
	if ((rc == 0 || rc == -ENOENT) && until > 0)
		rc = catalog_set_state_int(ix->catalog, from, first);
	if (rc == 0 && until > 0)
		rc = catalog_set_state_int(ix->catalog, to, until);
	t->phase = RECOUNT;
	return rc;
}

static int recount_day(struct indexer *ix)
{
	struct rebuild_tail *t = &ix->tail;
	char from_key[SEAL_NAME_MAX + 32], to_key[SEAL_NAME_MAX + 32];

	recount_key(camera_of(t), "from", from_key);
	recount_key(camera_of(t), "to", to_key);
	int64_t from, to;
	int rc = catalog_state_int(ix->catalog, from_key, &from);
	if (rc == 0)
		rc = catalog_state_int(ix->catalog, to_key, &to);
	if (rc < 0)
		return rc;
	int64_t end = to - from > US_PER_DAY ? from + US_PER_DAY : to;
	if (from >= to) {
		t->phase = CAMERA_DONE;
		return db_run(ix->catalog->db, "DELETE FROM state WHERE key IN (?, ?)", "tt", from_key, to_key);
	}
	rc = span_recount(ix->catalog, camera_of(t), (struct wall){from}, (struct wall){end});
	return rc < 0 ? rc : catalog_set_state_int(ix->catalog, from_key, end);
}

/* --- all of them ------------------------------------------------------------------------------------- */

static int collect(void *arg, const struct catalog_camera *row)
{
	list_add(arg, row->id);
	return 0;
}

static void next_camera(struct rebuild_tail *t)
{
	free(t->cameras->names[--t->cameras->count]);
	drop_files(t);
	t->phase = LOAD;
}

static int do_some(struct indexer *ix)
{
	switch (ix->tail.phase) {
	case LOAD:    return load_some(ix);
	case AGE:     return age_some(ix);
	case LIVES:   return find_lives(ix);
	case RECOUNT: return recount_day(ix);
	default:      next_camera(&ix->tail); return 0;
	}
}

static int tell_rebuilt(struct indexer *ix)
{
	int rc = catalog_set_state_int(ix->catalog, "rebuilding", 0);

	log_info("rebuild", "files=%lu text=\"done\"", ix->tail.taken);
	return rc < 0 ? rc : ledger_append(ix->catalog, ix->acc.now, "catalog.rebuilt", NULL,
					   json_pack("{sI}", "files", (json_int_t)ix->tail.taken), NULL);
}

void rebuild_tail_begin(struct indexer *ix, unsigned long taken)
{
	ix->tail = (struct rebuild_tail){.running = true, .taken = taken};
	drop_files(&ix->tail);
}

int rebuild_tail_step(struct indexer *ix, int64_t budget_us)
{
	struct rebuild_tail *t = &ix->tail;
	struct mono began = clock_mono(ix->clock);
	int rc = 0;

	if (!t->cameras) {
		t->cameras = xcalloc(1, sizeof *t->cameras);
		rc = catalog_cameras(ix->catalog, NULL, collect, t->cameras);
	}
	while (rc == 0 && t->cameras->count > 0 && clock_mono(ix->clock).us - began.us < budget_us)
		rc = do_some(ix);
	if (rc < 0 || t->cameras->count > 0)
		return rc;
	rc = tell_rebuilt(ix);
	return rc < 0 ? rc : 1;
}

void rebuild_tail_finish(struct rebuild_tail *t)
{
	if (t->cameras)
		list_finish(t->cameras);
	free(t->cameras);
	drop_files(t);
	*t = (struct rebuild_tail){0};
}
