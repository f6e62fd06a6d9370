#include "indexer/aside.h"

#include "catalog_internal.h"

#include <errno.h>
#include <string.h>

int aside_note(struct catalog *c, int64_t root, const char *name, const char *camera, struct wall_range time)
{
	int64_t witnessed_us;
	int rc = catalog_state_int(c, "witnessed_us", &witnessed_us);

	return rc < 0 ? rc : db_run(c->db, "INSERT OR IGNORE INTO aside VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)", "ittiii", root, name,
				    camera, time.start.us, time.end.us, witnessed_us);
}

static struct aside_file row_of(const struct db_query *q)
{
	struct aside_file f = {.start = {db_i64(q, 2)}, .end = {db_i64(q, 3)}, .witnessed_us = db_i64(q, 4),
			       .claimed = !db_is_null(q, 6), .bytes = db_i64(q, 5)};

	snprintf(f.name, sizeof f.name, "%s", db_text(q, 0));
	snprintf(f.camera, sizeof f.camera, "%s", db_text(q, 1));
	if (f.claimed)
		f.claimed = db_blob_copy(q, 6, f.sha256, sizeof f.sha256) == 0;
	return f;
}

int aside_next(struct catalog *c, int64_t root, struct wall end, struct aside_file *f)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT file, camera, start, end, witnessed_us, bytes, sha256 FROM aside WHERE root = ? AND end <= ? "
			  "AND (end, file) > (?, ?) ORDER BY end, file LIMIT 1", "iiit", root, end.us, f->end.us, f->name);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0)
		*f = row_of(&q);
	db_done(&q);
	return rc;
}

int aside_claim(struct catalog *c, int64_t root, const struct aside_file *f)
{
	return db_run(c->db, "UPDATE aside SET bytes = ?, sha256 = ? WHERE root = ? AND file = ?", "ibit", f->bytes, f->sha256,
		      sizeof f->sha256, root, f->name);
}

int aside_expire(struct catalog *c, int64_t root, const char *name)
{
	int rc = db_run(c->db, "INSERT OR IGNORE INTO aside_told (camera, start, file, sha256, end, bytes) SELECT camera, start, file, sha256, "
			"end, bytes FROM aside WHERE root = ? AND file = ?", "it", root, name);

	return rc < 0 ? rc : aside_drop(c, root, name);
}

int aside_drop(struct catalog *c, int64_t root, const char *name)
{
	return db_run(c->db, "DELETE FROM aside WHERE root = ? AND file = ?", "it", root, name);
}
