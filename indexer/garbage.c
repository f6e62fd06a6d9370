#include "indexer/garbage.h"

#include "indexer/catalog_internal.h"

#include <errno.h>
#include <stdio.h>

int garbage_candidates(struct catalog *c, int64_t root, struct wall before, unsigned limit,
		       garbage_candidate_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT id, camera, start, end, bytes, witnessed_us FROM segment"
			  " WHERE root = ?1 AND end <= ?2 ORDER BY end LIMIT ?3",
			  "iii", root, before.us, (int64_t)limit);

	while (rc == 0 && (rc = db_step(&q)) == 1) {
		struct garbage_candidate row = {.id = db_i64(&q, 0), .camera = db_text(&q, 1),
			.start = {db_i64(&q, 2)}, .end = {db_i64(&q, 3)}, .bytes = (uint64_t)db_i64(&q, 4),
			.witnessed_us = db_i64(&q, 5)};
		rc = fn(arg, &row);
	}
	db_done(&q);
	return rc;
}

struct claimed { char camera[CATALOG_ID_MAX]; struct wall start, end; };

static int find_segment(struct catalog *c, int64_t segment, struct claimed *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT camera, start, end FROM segment WHERE id = ?", "i", segment);

	if (rc == 0)
		rc = db_step(&q);
	if (rc == 1) {
		snprintf(out->camera, sizeof out->camera, "%s", db_text(&q, 0));
		out->start.us = db_i64(&q, 1);
		out->end.us = db_i64(&q, 2);
	}
	db_done(&q);
	return rc == 1 ? 0 : rc == 0 ? -ENOENT : rc;
}

int garbage_claim(struct catalog *c, int64_t segment)
{
	struct claimed s;
	int rc = find_segment(c, segment, &s);

	if (rc == 0)
		rc = db_run(c->db,
			    "INSERT INTO garbage (camera, root, start, end, bytes, seal_digest)"
			    " SELECT camera, root, start, end, bytes, seal_digest FROM segment WHERE id = ?",
			    "i", segment);
	if (rc == 0)
		rc = db_run(c->db, "DELETE FROM segment WHERE id = ?", "i", segment);
	if (rc == 0)
		rc = span_expire(c, s.camera, s.start, s.end);
	return rc;
}

int garbage_drop(struct catalog *c, int64_t id)
{
	return db_run(c->db, "DELETE FROM garbage WHERE id = ?", "i", id);
}
