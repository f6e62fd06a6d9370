#include "life.h"

#include <errno.h>

static int add_bytes(struct catalog *c, struct catalog_camera *row)
{
	int64_t all = 0, stored = 0;
	int rc = db_int(c->db, &all, "SELECT coalesce(sum(bytes), 0) FROM volume WHERE camera = ?", "t", row->id);

	if (rc == 0)
		rc = db_int(c->db, &stored, "SELECT coalesce(sum(bytes), 0) FROM stored_volume WHERE camera = ?", "t", row->id);
	row->bytes = (uint64_t)(all - stored);
	row->stored_bytes = (uint64_t)stored;
	return rc;
}

static int add_footage(struct catalog *c, struct catalog_camera *row)
{
	struct db_query q;
	int64_t horizon;
	int rc = life_horizon(c, &horizon);

	if (rc == 0)
		rc = db_query(c->db, &q, "SELECT min(start), min(max(end), ?2) FROM span WHERE camera = ?1 AND state = 'recorded' AND "
			      "start < ?2", "ti", row->id, horizon);
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0 && !db_is_null(&q, 0)) {
		row->has_footage = true;
		row->oldest.us = db_i64(&q, 0);
		row->newest.us = db_i64(&q, 1);
	}
	db_done(&q);
	return rc < 0 ? rc : add_bytes(c, row);
}

static struct catalog_camera camera_row(const struct db_query *q)
{
	return (struct catalog_camera){
		.id = db_text(q, 0), .name = db_text(q, 1), .area = db_text(q, 2),
		.configured_at.us = db_i64(q, 3),
		.enrolled = !db_is_null(q, 4), .enrolled_at.us = db_i64(q, 4),
		.retired = !db_is_null(q, 5), .retired_at.us = db_i64(q, 5),
		.gap = db_i64(q, 6), .gap_start.us = db_i64(q, 7), .gap_cause = db_text(q, 8)};
}

int catalog_cameras(struct catalog *c, const char *id, catalog_camera_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT c.id, name, area, configured_at, enrolled_at, retired_at, g.id, g.start, g.cause FROM camera c "
			  "LEFT JOIN gap g ON g.camera = c.id AND g.end IS NULL WHERE ?1 IS NULL OR c.id = ?1 ORDER BY c.id", "t", id);
	bool any = false;

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct catalog_camera row = camera_row(&q);
		any = true;
		rc = add_footage(c, &row);
		if (rc == 0)
			rc = fn(arg, &row);
		if (rc != 0)
			break;
	}
	db_done(&q);
	return rc == 0 && id && !any ? -ENOENT : rc;
}
