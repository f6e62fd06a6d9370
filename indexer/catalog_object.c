#include "catalog_internal.h"
#include "object_kept.h"

int catalog_objects_waiting(struct catalog *c, struct wall after, const char *after_camera, unsigned limit, catalog_object_fn *fn,
			    void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT o.camera, r.path, o.start, s.end, s.bytes, s.seal_digest FROM object o INDEXED BY object_waiting "
			  "JOIN segment s ON s.camera = o.camera AND s.start = o.start JOIN root r ON r.id = s.root "
			  "WHERE o.state = 'waiting' AND (o.start, o.camera) > (?, ?) ORDER BY o.start, o.camera LIMIT ?", "iti",
			  after.us, after_camera, (int64_t)limit);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct catalog_object row = {.camera = db_text(&q, 0), .root = db_text(&q, 1), .start = {db_i64(&q, 2)},
					     .end = {db_i64(&q, 3)}, .bytes = db_i64(&q, 4)};
		rc = db_blob_copy(&q, 5, row.seal_digest, sizeof row.seal_digest);
		if (rc < 0 || (rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}

int catalog_object_sums(struct catalog *c, struct catalog_object_sums *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT count(*), min(start) FROM object INDEXED BY object_waiting WHERE state = 'waiting'", "");

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0)
		*out = (struct catalog_object_sums){db_i64(&q, 0), {db_i64(&q, 1)}};
	db_done(&q);
	return rc < 0 ? rc : 0;
}

static int doomed_row(const struct db_query *q, struct object_kept *k)
{
	*k = (struct object_kept){.camera = db_text(q, 0), .start = {db_i64(q, 1)}, .end = {db_i64(q, 2)}, .place = db_text(q, 3),
				  .key = db_text(q, 4), .version = db_text(q, 5), .bytes = db_i64(q, 6),
				  .retain_until = {db_i64(q, 9)}};
	int rc = db_blob_copy(q, 7, k->sha256, sizeof k->sha256);

	return rc < 0 ? rc : db_blob_copy(q, 8, k->seal_digest, sizeof k->seal_digest);
}

int catalog_objects_doomed(struct catalog *c, const char *place, struct wall now, struct wall after, const char *after_camera,
			   unsigned limit, catalog_doomed_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT camera, start, end, place, key, version, bytes, sha256, seal_digest, retain_until FROM object o "
			  "INDEXED BY object_doomed WHERE state = 'doomed' AND (start, camera) > (?1, ?2) AND place = ?3 AND "
			  "retain_until <= ?4 AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.camera = o.camera AND h.released_at IS NULL "
			  "AND h.start < o.end AND o.start < h.end) ORDER BY start, camera LIMIT ?5", "ittii", after.us, after_camera, place,
			  now.us, (int64_t)limit);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct object_kept row;
		rc = doomed_row(&q, &row);
		if (rc < 0 || (rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}
