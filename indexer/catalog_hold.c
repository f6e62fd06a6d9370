#include "catalog_internal.h"

int catalog_holds(struct catalog *c, const char *camera, bool with_released, catalog_hold_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT id, camera, start, end, reason, reference, placed_by, placed_at, "
			  "released_by, released_at, release_reason FROM hold WHERE (?1 IS NULL OR camera = ?1) "
			  "AND (?2 OR released_at IS NULL) ORDER BY id", "ti", camera, (int64_t)with_released);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct catalog_hold row = {
			.id = db_i64(&q, 0), .camera = db_text(&q, 1), .start.us = db_i64(&q, 2),
			.end.us = db_i64(&q, 3), .reason = db_text(&q, 4), .reference = db_text(&q, 5),
			.placed_by = db_text(&q, 6), .placed_at.us = db_i64(&q, 7),
			.released_by = db_text(&q, 8), .released_at.us = db_i64(&q, 9),
			.release_reason = db_text(&q, 10), .released = !db_is_null(&q, 9)};
		if ((rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}
