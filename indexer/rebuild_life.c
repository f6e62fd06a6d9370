/* Steps of the clock that only the files tell of.
 *
 * A camera's seals are numbered in the order in which its files were closed. A file that is later in that order and
 * begins before an earlier one ended was made by a clock that had been set back in between; so what was recorded
 * before it, at or after its start, is of an earlier life (life.h). A file that a sick disk gave back late is also
 * later in the order; but then an earlier file of the same run begins after it, and no run outlives a step.
 * How long a life went on cannot be told from files: where the clock was set forward again, what the first life
 * recorded of the time between is taken as lived again. That makes gaps of what was recorded, never the reverse. */
#include "indexer_inner.h"

#include "life.h"

#include <errno.h>

#define SEAM_US (200 * US_PER_MS)     /* what the recorder's clock takes over without a word */
#define AHEAD_US (60 * US_PER_S)      /* beyond now: no running file's end */

struct tracks {
	struct indexer *ix;
	const char *camera;
	int64_t earliest;      /* start of the present life's files seen so far, which are the later ones */
	int64_t id;            /* of the last life found; they are found newest first */
	int64_t latest_end;
};

static bool came_late(struct tracks *t, const struct db_query *q)
{
	int64_t count = 0;

	if (!(db_i64(q, 3) & SEAL_RECOVERED))
		return false;
	return db_int(t->ix->catalog->db, &count, "SELECT count(*) FROM segment WHERE camera = ? AND run = ? AND sequence < ? AND "
		      "start > ?", "ttii", t->camera, db_text(q, 4), db_i64(q, 2), db_i64(q, 0)) == 0 && count > 0;
}

/* The journal told of a step between this file and the one that was closed next. */
static int is_known(struct tracks *t, int64_t sequence, bool *yes)
{
	int64_t count = 0;
	int rc = db_int(t->ix->catalog->db, &count, "SELECT count(*) FROM life WHERE camera = ? AND sequence = ?", "ti", t->camera,
			sequence);

	*yes = count > 0;
	return rc;
}

static int on_file(struct tracks *t, const struct db_query *q)
{
	int64_t start = db_i64(q, 0), end = db_i64(q, 1), sequence = db_i64(q, 2);
	bool known = false;
	int rc = 0;

	t->latest_end = end > t->latest_end ? end : t->latest_end;
	if (end > t->earliest + SEAM_US) {
		rc = is_known(t, sequence, &known);
		if (rc == 0 && !known)
			rc = db_run(t->ix->catalog->db, "INSERT INTO life VALUES (?, ?, ?, NULL, ?, 0, 0, 0)", "tiii", t->camera, --t->id,
				    t->earliest, sequence);
		t->earliest = start;
	}
	if (start < t->earliest && !came_late(t, q))
		t->earliest = start;
	return rc;
}

static int one_camera(struct indexer *ix, const char *camera)
{
	int64_t now = settled_at(ix), ahead = state_int(ix->catalog, "lived_until");
	struct tracks t = {.ix = ix, .camera = camera, .earliest = now > 0 ? now + AHEAD_US : INT64_MAX - SEAM_US};
	struct db_query q;
	int rc = db_query(ix->catalog->db, &q, "SELECT start, end, sequence, flags, run FROM segment WHERE camera = ? ORDER BY "
			  "sequence DESC", "t", camera);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		if ((rc = on_file(&t, &q)) < 0)
			break;
	db_done(&q);
	if (rc < 0 || t.id == 0)
		return rc;
	if (t.latest_end > ahead)
		rc = set_state_int(ix->catalog, "lived_until", t.latest_end);
	return rc < 0 ? rc : span_recount(ix->catalog, camera, (struct wall){0}, (struct wall){t.latest_end});
}

static int collect(void *arg, const struct catalog_camera *row)
{
	struct list *l = arg;

	list_add(l, row->id);
	return 0;
}

int rebuild_lives(struct indexer *ix)
{
	struct list cameras = {0};
	int rc = catalog_cameras(ix->catalog, NULL, collect, &cameras);

	for (unsigned i = 0; rc == 0 && i < cameras.count; i++)
		rc = one_camera(ix, cameras.names[i]);
	list_finish(&cameras);
	return rc;
}
