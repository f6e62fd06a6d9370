#include "catalog_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int copy_text(const struct db_query *q, int col, char out[CATALOG_OBJECT_TEXT_MAX])
{
	const char *text = db_text(q, col);

	return text && snprintf(out, CATALOG_OBJECT_TEXT_MAX, "%s", text) < CATALOG_OBJECT_TEXT_MAX ? 0 : -EIO;
}

int catalog_object_find(struct catalog *c, const char *place, const char *camera, struct wall start,
			const uint8_t seal_digest[SHA256_BYTES], struct catalog_object_place *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT key, version, bytes FROM object WHERE camera = ? AND start = ? AND place = ? AND seal_digest = ? AND "
			  "state IN ('kept', 'alone')", "titb", camera, start.us, place, seal_digest, (size_t)SHA256_BYTES);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc == 0)
		rc = -ENOENT;
	if (rc > 0)
		rc = copy_text(&q, 0, out->key);
	if (rc == 0)
		rc = copy_text(&q, 1, out->version);
	if (rc == 0)
		out->bytes = db_i64(&q, 2);
	db_done(&q);
	return rc;
}
