#include "catalog_internal.h"
#include "object_kept.h"

int catalog_objects_waiting(struct catalog *c, struct wall after, const char *after_camera, unsigned limit, catalog_object_fn *fn,
			    void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT o.camera, r.path, o.start, s.end, s.bytes, s.seal_digest FROM object o INDEXED BY object_waiting "
			  "JOIN segment s ON s.camera = o.camera AND s.start = o.start JOIN root r ON r.id = s.root "
			  "WHERE o.state = 'waiting' AND (o.start, o.camera) > (?, ?) ORDER BY o.start, o.camera LIMIT ?", "iti",
			  after.us, after_camera, (int64_t)limit);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct catalog_object row = {.camera = db_text(&q, 0), .root = db_text(&q, 1), .start = {db_i64(&q, 2)},
					     .end = {db_i64(&q, 3)}, .bytes = db_i64(&q, 4)};
		rc = db_blob_copy(&q, 5, row.seal_digest, sizeof row.seal_digest);
		if (rc < 0 || (rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}

int catalog_object_sums(struct catalog *c, struct catalog_object_sums *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT count(*), min(start) FROM object INDEXED BY object_waiting WHERE state = 'waiting'", "");

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0)
		*out = (struct catalog_object_sums){db_i64(&q, 0), {db_i64(&q, 1)}};
	db_done(&q);
	return rc < 0 ? rc : 0;
}

#define OBJECT_COLUMNS "SELECT o.camera, o.start, o.end, o.place, o.key, o.version, o.bytes, o.sha256, o.seal_digest, o.retain_until "

static int object_row(const struct db_query *q, struct object_kept *k)
{
	*k = (struct object_kept){.camera = db_text(q, 0), .start = {db_i64(q, 1)}, .end = {db_i64(q, 2)}, .place = db_text(q, 3),
				  .key = db_text(q, 4), .version = db_text(q, 5), .bytes = db_i64(q, 6),
				  .retain_until = {db_i64(q, 9)}};
	int rc = db_blob_copy(q, 7, k->sha256, sizeof k->sha256);

	return rc < 0 ? rc : db_blob_copy(q, 8, k->seal_digest, sizeof k->seal_digest);
}

/* Gives the rows of q, which is done with. */
static int each_object(struct db_query *q, catalog_copied_fn *fn, void *arg)
{
	int rc;

	while ((rc = db_step(q)) > 0) {
		struct object_kept row;
		rc = object_row(q, &row);
		if (rc < 0 || (rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(q);
	return rc;
}

int catalog_objects_doomed(struct catalog *c, const char *place, struct wall now, struct wall after, const char *after_camera,
			   unsigned limit, catalog_copied_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  OBJECT_COLUMNS "FROM object o INDEXED BY object_doomed WHERE state = 'doomed' AND (start, camera) > (?1, ?2) "
			  "AND place = ?3 AND retain_until <= ?4 AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.camera = o.camera AND "
			  "h.released_at IS NULL AND h.start < o.end AND o.start < h.end) ORDER BY start, camera LIMIT ?5", "ittii",
			  after.us, after_camera, place, now.us, (int64_t)limit);

	return rc < 0 ? rc : each_object(&q, fn, arg);
}

/* --- whose local file may go ------------------------------------------------------------------------- */

/* By disk and camera, because an index of what is old goes by them (schema.sql). From the store a file is played only if its
 * head can be checked, which a row from before init_crc does not allow. */
static int releasable(struct catalog *c, const char *place, struct wall end, const struct catalog_release_at *at, unsigned limit,
		      struct db_query *q)
{
	return db_query(c->db, q,
			OBJECT_COLUMNS ", s.root FROM root r CROSS JOIN camera x CROSS JOIN segment s INDEXED BY segment_by_age ON "
			"s.root = r.id AND s.camera = x.id CROSS JOIN object o ON o.camera = s.camera AND o.start = s.start "
			"WHERE r.id > 0 AND r.id >= ?1 AND (r.id > ?1 OR x.id >= ?2) AND s.end <= ?3 AND "
			"(r.id, x.id, s.end, s.start) > (?1, ?2, ?4, ?5) AND o.state = 'kept' AND o.place = ?6 AND "
			"s.init_crc IS NOT NULL AND NOT EXISTS "
			"(SELECT 1 FROM hold h WHERE h.camera = s.camera AND h.released_at IS NULL AND h.start < s.end AND s.start < h.end) "
			"ORDER BY r.id, x.id, s.end, s.start LIMIT ?7", "itiiiti", at->root, at->camera, end.us, at->end.us,
			at->start.us, place, (int64_t)limit);
}

int catalog_objects_releasable(struct catalog *c, const char *place, struct wall end, struct catalog_release_at *at, unsigned limit,
			       catalog_copied_fn *fn, void *arg)
{
	struct catalog_release_at begin = *at;
	struct db_query q;
	int rc = releasable(c, place, end, &begin, limit, &q);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct object_kept row;
		rc = object_row(&q, &row);
		if (rc < 0)
			break;
		*at = (struct catalog_release_at){.root = db_i64(&q, 10), .end = row.end, .start = row.start};
		snprintf(at->camera, sizeof at->camera, "%s", row.camera);
		if ((rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}

/* --- what is nowhere else ------------------------------------------------------------------------------ */

int catalog_objects_unasked(struct catalog *c, const char *place, struct wall asked, unsigned limit, catalog_copied_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  OBJECT_COLUMNS "FROM stored t INDEXED BY stored_by_asked CROSS JOIN object o ON o.camera = t.camera AND "
			  "o.start = t.start WHERE t.asked_at <= ?1 AND o.state = 'kept' AND o.place = ?2 ORDER BY t.asked_at LIMIT ?3",
			  "iti", asked.us, place, (int64_t)limit);

	return rc < 0 ? rc : each_object(&q, fn, arg);
}

int catalog_object_serves(struct catalog *c, const char *camera, struct wall start, const uint8_t seal_digest[SHA256_BYTES])
{
	int64_t n = 0;
	int rc = db_int(c->db, &n,
			"SELECT count(*) FROM object o JOIN stored t ON t.camera = o.camera AND t.start = o.start WHERE o.camera = ? AND "
			"o.start = ? AND o.state = 'kept' AND o.seal_digest = ?", "tib", camera, start.us, seal_digest,
			(size_t)SHA256_BYTES);

	return rc < 0 ? rc : n > 0;
}

int catalog_object_is_known(struct catalog *c, const char *camera, struct wall start)
{
	int64_t n = 0;
	int rc = db_int(c->db, &n,
			"SELECT (SELECT count(*) FROM segment WHERE camera = ?1 AND start = ?2) + "
			"(SELECT count(*) FROM object WHERE camera = ?1 AND start = ?2) + "
			"(SELECT count(*) FROM object_gone WHERE camera = ?1 AND start = ?2) + "
			"(SELECT count(*) FROM garbage WHERE camera = ?1 AND start = ?2)", "ti", camera, start.us);

	return rc < 0 ? rc : n > 0;
}

int catalog_stored(struct catalog *c, int64_t *files, int64_t *bytes)
{
	int rc = db_int(c->db, files, "SELECT coalesce(sum(files), 0) FROM stored_volume", "");

	return rc < 0 ? rc : db_int(c->db, bytes, "SELECT coalesce(sum(bytes), 0) FROM stored_volume", "");
}
