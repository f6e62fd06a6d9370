#include "catalog_internal.h"

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
			  "SELECT count(*), sum(s.bytes), min(o.start) FROM object o INDEXED BY object_waiting "
			  "JOIN segment s ON s.camera = o.camera AND s.start = o.start WHERE o.state = 'waiting'", "");

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0)
		*out = (struct catalog_object_sums){db_i64(&q, 0), db_i64(&q, 1), {db_i64(&q, 2)}};
	db_done(&q);
	return rc < 0 ? rc : 0;
}
