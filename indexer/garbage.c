#include "indexer/garbage.h"

#include "indexer/catalog_internal.h"
#include "media/root_identity.h"

#include <errno.h>
#include <stdio.h>

/* --- looking ------------------------------------------------------------------------------ */

int garbage_candidates(struct catalog *c, const struct garbage_query *query, garbage_candidate_fn *fn,
		       void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT id, start, end, witnessed_us FROM segment INDEXED BY segment_by_age "
			  "WHERE root = ?1 AND camera = ?2 AND (end, start) > (?3, ?4) AND end <= ?5 "
			  "AND witnessed_us <= ?6 ORDER BY end, start", "itiiii", query->root,
			  query->camera, query->after_end.us, query->after_start.us, query->end.us,
			  query->witnessed_us);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct garbage_candidate row = {.id = db_i64(&q, 0), .start = {db_i64(&q, 1)},
						.end = {db_i64(&q, 2)}, .witnessed_us = db_i64(&q, 3)};
		if ((rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}

static int next_camera(struct catalog *c, int64_t root, char camera[CATALOG_ID_MAX])
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT min(camera) FROM segment INDEXED BY segment_by_age "
			  "WHERE root = ? AND camera > ?", "it", root, camera);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	bool found = rc > 0 && !db_is_null(&q, 0);
	char next[CATALOG_ID_MAX] = "";
	if (found)
		snprintf(next, sizeof next, "%s", db_text(&q, 0));
	db_done(&q);
	memcpy(camera, next, sizeof next);
	return rc < 0 ? rc : found;
}

int garbage_cameras(struct catalog *c, int64_t root, garbage_camera_fn *fn, void *arg)
{
	char camera[CATALOG_ID_MAX] = "";
	int rc;

	while ((rc = next_camera(c, root, camera)) > 0)
		if ((rc = fn(arg, camera)) != 0)
			break;
	return rc;
}

int garbage_root_uuid(struct catalog *c, int64_t root, char out[UUID_TEXT_MAX])
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT uuid FROM root WHERE id = ?", "i", root);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0)
		snprintf(out, UUID_TEXT_MAX, "%s", db_text(&q, 0));
	db_done(&q);
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}

bool garbage_root_is_ours(struct fs *fs, struct catalog *c, const char *site, int64_t root, const char *path)
{
	struct root_identity identity;
	char known[UUID_TEXT_MAX], found[UUID_TEXT_MAX];

	if (root_identity_check(fs, path, site, &identity) < 0 || garbage_root_uuid(c, root, known) < 0)
		return false;
	uuid_format(identity.root, found);
	return strcmp(known, found) == 0;
}

/* --- claiming ----------------------------------------------------------------------------- */

struct claimed { char camera[CATALOG_ID_MAX]; struct wall start, end; uint64_t bytes; };

static int find_segment(struct catalog *c, int64_t segment, struct claimed *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT camera, start, end, bytes FROM segment WHERE id = ?", "i",
			  segment);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		snprintf(out->camera, sizeof out->camera, "%s", db_text(&q, 0));
		out->start.us = db_i64(&q, 1);
		out->end.us = db_i64(&q, 2);
		out->bytes = (uint64_t)db_i64(&q, 3);
	}
	db_done(&q);
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}

int garbage_claim(struct catalog *c, int64_t segment, uint64_t *bytes)
{
	struct claimed s = {0};
	int rc = find_segment(c, segment, &s);

	if (rc == 0)
		rc = db_run(c->db,
			    "INSERT INTO garbage (camera, root, start, end, bytes, seal_digest) "
			    "SELECT camera, root, start, end, bytes, seal_digest FROM segment WHERE id = ? AND root > 0",
			    "i", segment);
	if (rc == 0)
		rc = db_run(c->db, "DELETE FROM segment WHERE id = ?", "i", segment);
	if (rc == 0)
		rc = span_expire(c, s.camera, s.start, s.end);
	if (rc == 0)
		rc = span_add_files(c, s.camera, s.start, s.end); /* an hour that was lived twice has two */
	*bytes = s.bytes;
	return rc;
}

int garbage_lose(struct catalog *c, int64_t segment)
{
	int rc = db_run(c->db, "INSERT OR REPLACE INTO missing SELECT camera, start, end, seal_digest FROM segment WHERE id = ?", "i", segment);

	return rc < 0 ? rc : db_run(c->db, "DELETE FROM segment WHERE id = ?", "i", segment);
}

int garbage_drop(struct catalog *c, int64_t id)
{
	int rc = db_run(c->db, "INSERT OR IGNORE INTO expired_told SELECT camera, start, seal_digest, end, bytes FROM garbage WHERE id = ?", "i",
			id);

	return rc < 0 ? rc : db_run(c->db, "DELETE FROM garbage WHERE id = ?", "i", id);
}
