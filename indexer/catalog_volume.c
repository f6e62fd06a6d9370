#include "catalog_internal.h"

int catalog_volumes(struct catalog *c, catalog_volume_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT v.camera, v.day, v.bytes, v.covered_us, coalesce(s.bytes, 0) FROM volume v LEFT JOIN stored_volume s "
			  "ON s.camera = v.camera AND s.day = v.day ORDER BY v.camera, v.day", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct catalog_volume row = {db_text(&q, 0), db_i64(&q, 1), db_i64(&q, 2), db_i64(&q, 3), db_i64(&q, 4)};
		if ((rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}

#define BY_DAYS_US (2 * US_PER_DAY) /* then whole days are exact enough: segments need not be looked at */

int catalog_volume_since(struct catalog *c, const char *camera, struct wall since, struct wall now,
			 struct catalog_volume *row)
{
	bool by_days = now.us - since.us > BY_DAYS_US;
	struct db_query q;
	int rc = by_days ? db_query(c->db, &q, "SELECT sum(bytes), sum(covered_us) FROM volume WHERE camera = ? AND day > ?",
				    "ti", camera, since.us / US_PER_DAY)
			 : db_query(c->db, &q, "SELECT sum(bytes), sum(end - start) FROM segment WHERE camera = ? AND start >= ?",
				    "ti", camera, since.us);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	row->bytes = rc > 0 ? db_i64(&q, 0) : 0;
	row->covered_us = rc > 0 ? db_i64(&q, 1) : 0;
	db_done(&q);
	return rc < 0 ? rc : 0;
}
