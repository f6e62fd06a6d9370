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
	bool found;
};

static bool came_late(struct tracks *t, const struct rebuild_file *f)
{
	int64_t count = 0;

	if (!(f->flags & SEAL_RECOVERED))
		return false;
	return db_int(t->ix->catalog->db, &count, "SELECT count(*) FROM segment WHERE camera = ? AND run = (SELECT run FROM segment "
		      "WHERE id = ?) AND sequence < ? AND start > ?", "tiii", t->camera, f->id, f->sequence, f->start) == 0 && count > 0;
}

/* The journal, or an earlier look, told of a step between this file and the one that was closed next. */
static int is_known(struct tracks *t, int64_t sequence, bool *yes)
{
	int64_t count = 0;
	int rc = db_int(t->ix->catalog->db, &count, "SELECT count(*) FROM life WHERE camera = ? AND sequence = ?", "ti", t->camera,
			sequence);

	*yes = count > 0;
	return rc;
}

static int on_file(struct tracks *t, const struct rebuild_file *f)
{
	bool known = false;
	int rc = 0;

	t->latest_end = f->end > t->latest_end ? f->end : t->latest_end;
	if (f->end > t->earliest + SEAM_US) {
		rc = is_known(t, f->sequence, &known);
		if (rc == 0 && !known) {
			rc = db_run(t->ix->catalog->db, "INSERT INTO life VALUES (?, ?, ?, NULL, ?, 0, 0, 0)", "tiii", t->camera, --t->id,
				    t->earliest, f->sequence);
			t->found = true;
		}
		t->earliest = f->start;
	}
	if (f->start < t->earliest && !came_late(t, f))
		t->earliest = f->start;
	return rc;
}

int rebuild_lives(struct indexer *ix, const char *camera, const struct rebuild_file *files, size_t count, int64_t *until)
{
	int64_t now = settled_at(ix), ahead = catalog_site(ix->catalog)->lived_until;
	struct tracks t = {.ix = ix, .camera = camera, .earliest = now > 0 ? now + AHEAD_US : INT64_MAX - SEAM_US};
	int rc = db_int(ix->catalog->db, &t.id, "SELECT min(id, 0) FROM life WHERE camera = ? ORDER BY id LIMIT 1", "t", camera);

	rc = rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = on_file(&t, &files[i]);
	*until = t.found ? t.latest_end : 0;
	return rc == 0 && t.found && t.latest_end > ahead ? catalog_set_state_int(ix->catalog, "lived_until", t.latest_end) : rc;
}
