#include "indexer/catalog_internal.h"

int garbage_list(struct catalog *c, unsigned limit, garbage_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT g.id, g.root, g.camera, r.path, g.start, g.end, g.bytes, g.seal_digest"
			  " FROM garbage g JOIN root r ON r.id = g.root ORDER BY g.camera, g.start LIMIT ?",
			  "i", (int64_t)limit);

	while (rc == 0 && (rc = db_step(&q)) == 1) {
		struct garbage_row row = {.id = db_i64(&q, 0), .root = db_i64(&q, 1), .camera = db_text(&q, 2),
			.root_path = db_text(&q, 3), .start = {db_i64(&q, 4)}, .end = {db_i64(&q, 5)},
			.bytes = (uint64_t)db_i64(&q, 6)};
		rc = db_blob_copy(&q, 7, row.seal_digest, sizeof row.seal_digest);
		if (rc == 0)
			rc = fn(arg, &row);
	}
	db_done(&q);
	return rc;
}

int catalog_roots(struct catalog *c, catalog_root_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT id, path FROM root WHERE id > 0 ORDER BY id", "");

	while (rc == 0 && (rc = db_step(&q)) == 1)
		rc = fn(arg, db_i64(&q, 0), db_text(&q, 1));
	db_done(&q);
	return rc;
}
