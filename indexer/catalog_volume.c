#include "catalog_internal.h"

int catalog_volumes(struct catalog *c, catalog_volume_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT camera, day, bytes, covered_us FROM volume ORDER BY camera, day", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct catalog_volume row = {db_text(&q, 0), db_i64(&q, 1), db_i64(&q, 2), db_i64(&q, 3)};
		if ((rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}
