#include "catalog_internal.h"

int copy_list(struct catalog *c, copy_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT c.root, c.camera, r.path, c.start, c.bytes, c.state = 'kept' FROM copy c "
			  "JOIN root r ON r.id = c.root ORDER BY c.camera, c.start", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct copy_row row = {.root = db_i64(&q, 0), .camera = db_text(&q, 1), .root_path = db_text(&q, 2),
				       .start = {db_i64(&q, 3)}, .bytes = db_i64(&q, 4), .kept = db_i64(&q, 5) != 0};
		if ((rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}

int catalog_disks(struct catalog *c, catalog_disk_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT path, uuid, (SELECT count(*) FROM segment INDEXED BY segment_by_age WHERE segment.root = root.id), "
			  "(SELECT count(*) FROM copy WHERE copy.root = root.id AND state = 'kept') FROM root WHERE id > 0 ORDER BY id", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct catalog_disk row = {db_text(&q, 0), db_text(&q, 1), db_i64(&q, 2), db_i64(&q, 3)};
		if ((rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}
