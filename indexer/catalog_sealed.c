#include "catalog_internal.h"

#include "base/buf.h"

#include <jansson.h>

static json_t *row_json(const struct db_query *q, const uint8_t digest[SHA256_BYTES])
{
	char hex[SHA256_HEX_MAX], end[WALL_TEXT_MAX];

	hex_encode(digest, SHA256_BYTES, hex);
	return json_pack("{ss sI ss ss}", "camera", db_text(q, 0), "sequence", (json_int_t)db_i64(q, 1), "digest", hex, "end",
			 wall_format((struct wall){db_i64(q, 3)}, end));
}

int catalog_sealed(struct catalog *c, json_t **out)
{
	uint8_t digest[SHA256_BYTES];
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT camera.id, s.sequence, s.seal_digest, s.end FROM camera JOIN segment s ON s.id = "
			  "(SELECT id FROM segment WHERE segment.camera = camera.id ORDER BY start DESC LIMIT 1) ORDER BY camera.id", "");

	if (rc < 0)
		return rc;
	*out = json_array();
	while ((rc = db_step(&q)) > 0 && (rc = db_blob_copy(&q, 2, digest, sizeof digest)) == 0)
		json_array_append_new(*out, row_json(&q, digest));
	db_done(&q);
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}
