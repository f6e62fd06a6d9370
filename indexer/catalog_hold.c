#include "catalog_internal.h"

int catalog_holds(struct catalog *c, const char *camera, bool with_released, catalog_hold_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT h.id, h.camera, h.start, h.end, h.reason, h.reference, h.placed_by, h.placed_at, "
			  "h.released_by, h.released_at, h.release_reason, r.name, r.at, r.reason FROM hold h "
			  "LEFT JOIN consent r ON r.subject = 'hold:' || h.id WHERE (?1 IS NULL OR h.camera = ?1) "
			  "AND (?2 OR h.released_at IS NULL) ORDER BY h.id", "ti", camera, (int64_t)with_released);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct catalog_hold row = {
			.id = db_i64(&q, 0), .camera = db_text(&q, 1), .start.us = db_i64(&q, 2),
			.end.us = db_i64(&q, 3), .reason = db_text(&q, 4), .reference = db_text(&q, 5),
			.placed_by = db_text(&q, 6), .placed_at.us = db_i64(&q, 7),
			.released_by = db_text(&q, 8), .released_at.us = db_i64(&q, 9),
			.release_reason = db_text(&q, 10), .released = !db_is_null(&q, 9),
			.release_requested_by = db_text(&q, 11), .release_requested_at.us = db_i64(&q, 12),
			.release_request_reason = db_text(&q, 13)};
		if ((rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}

/* No file is longer: the index on start finds those around an instant. */
#define FILE_MAX_US (3600 * US_PER_S)

#define AROUND(what)                                                                                                \
	"SELECT " what " FROM (SELECT start, end FROM segment WHERE camera = ?1 AND start > ?2 - ?3 AND start <= ?2 "  \
	"UNION ALL SELECT start, end FROM open_segment WHERE camera = ?1) WHERE start < ?2 AND end > ?2"

/* The end of the files that an instant cuts, or the instant. */
static int edge_of(struct catalog *c, const char *sql, const char *camera, int64_t at, int64_t *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q, sql, "tii", camera, at, (int64_t)FILE_MAX_US);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	*out = rc > 0 && !db_is_null(&q, 0) ? db_i64(&q, 0) : at;
	db_done(&q);
	return rc < 0 ? rc : 0;
}

int catalog_hold_protected(struct catalog *c, const char *camera, struct wall_range asked, struct wall_range *out)
{
	int rc = edge_of(c, AROUND("min(start)"), camera, asked.start.us, &out->start.us);

	return rc < 0 ? rc : edge_of(c, AROUND("max(end)"), camera, asked.end.us, &out->end.us);
}
