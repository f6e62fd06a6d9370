#include "indexer_inner.h"

#include "base/buf.h"
#include "catalog_internal.h"

#include <errno.h>

static int init_row(struct catalog *c, const struct moov_info *m, int64_t *id)
{
	int rc = db_run(c->db,
			"INSERT INTO init (digest, codec, width, height, timescale) VALUES (?, ?, ?, ?, ?) "
			"ON CONFLICT (digest) DO NOTHING", "btiii", m->stsd_digest, sizeof m->stsd_digest, m->codec,
			(int64_t)m->width, (int64_t)m->height, (int64_t)m->timescale);

	return rc < 0 ? rc : db_int(c->db, id, "SELECT id FROM init WHERE digest = ?", "b", m->stsd_digest,
				    sizeof m->stsd_digest);
}

int open_row_begin(struct catalog *c, const char *stem, const char *camera, int64_t root, int64_t start,
		   const char *run)
{
	return db_run(c->db,
		      "INSERT INTO open_segment (file, camera, root, start, end, bytes, run, init_bytes, fragments) "
		      "VALUES (?1 || '.open', ?2, ?3, ?4, ?4, 0, ?5, 0, x'') ON CONFLICT (file) DO NOTHING",
		      "ttiit", stem, camera, root, start, run);
}

int past_file_add(struct catalog *c, const char *camera, int64_t start)
{
	return db_run(c->db, "INSERT OR IGNORE INTO past_file SELECT ?1, ?2, max(id) FROM life WHERE camera = ?1 HAVING max(id) "
		      "IS NOT NULL", "ti", camera, start);
}

int open_row_update(struct catalog *c, const char *stem, const struct segment_scan *s)
{
	struct wall_range r = segment_scan_range(s);
	struct buf packed = {0};
	int64_t init;

	if (s->index.count == 0)
		return 0;
	int rc = init_row(c, &s->moov, &init);
	if (rc < 0)
		return rc;
	fragment_index_pack(&s->index, &packed);
	rc = db_run(c->db,
		    "UPDATE open_segment SET start = ?2, end = max(end, ?3), bytes = ?4, init = ?5, init_bytes = ?6, "
		    "fragments = ?7 WHERE file = ?1 || '.open'", "tiiiiib", stem, r.start.us, r.end.us, s->whole_bytes,
		    init, s->init_bytes, packed.data, packed.len);
	buf_finish(&packed);
	return rc;
}

int open_row_complete(struct catalog *c, const char *stem)
{
	return db_run(c->db, "UPDATE open_segment SET complete = 1 WHERE file = ? || '.open'", "t", stem);
}

int open_row_drop(struct catalog *c, const char *stem)
{
	return db_run(c->db, "DELETE FROM open_segment WHERE file = ? || '.open'", "t", stem);
}

int open_row_get(struct catalog *c, const char *stem, struct file_facts *out, char *root, size_t room)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT o.camera, o.start, o.end, r.path FROM open_segment o JOIN root r ON r.id = o.root "
			  "WHERE o.file = ? || '.open'", "t", stem);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		*out = (struct file_facts){.start.us = db_i64(&q, 1), .end.us = db_i64(&q, 2)};
		snprintf(out->camera, sizeof out->camera, "%s", db_text(&q, 0));
		snprintf(root, room, "%s", db_text(&q, 3));
	}
	db_done(&q);
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}

int segment_row_insert(struct catalog *c, int64_t root, int64_t bytes, const struct segment_scan *s)
{
	const struct seal *seal = &s->seal;
	struct buf packed = {0};
	char run[UUID_TEXT_MAX];
	int64_t init;
	int rc = init_row(c, &s->moov, &init);

	if (rc < 0)
		return rc;
	uuid_format(seal->run, run);
	fragment_index_pack(&s->index, &packed);
	rc = db_run(c->db,
		    "INSERT INTO segment (camera, root, start, end, bytes, init, init_bytes, fragments, frames, sequence, "
		    "flags, seal_digest, run, witnessed_us, init_crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		    "tiiiiiibiiibtii", seal->camera, root, seal->start.us, seal->end.us, bytes, init, s->init_bytes,
		    packed.data, packed.len, (int64_t)seal->frames, (int64_t)seal->sequence, (int64_t)seal->flags,
		    s->seal_digest, sizeof s->seal_digest, run, catalog_site(c)->witnessed_us,
		    (int64_t)s->init_crc);
	buf_finish(&packed);
	return rc;
}

int segment_row_find(struct catalog *c, const char *camera, int64_t start, uint8_t digest[SHA256_BYTES])
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT seal_digest FROM segment WHERE camera = ?1 AND start = ?2 UNION ALL "
			  "SELECT seal_digest FROM garbage WHERE camera = ?1 AND start = ?2 UNION ALL "
			  "SELECT seal_digest FROM copy WHERE camera = ?1 AND start = ?2", "ti", camera, start);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0 && db_blob_copy(&q, 0, digest, SHA256_BYTES) < 0)
		rc = -EIO;
	db_done(&q);
	return rc;
}

int segment_row_is_here(struct catalog *c, const char *camera, int64_t start, int64_t root, int64_t *yes)
{
	return db_int(c->db, yes,
		      "SELECT (SELECT count(*) FROM segment WHERE camera = ?1 AND start = ?2 AND root = ?3) + "
		      "(SELECT count(*) FROM garbage WHERE camera = ?1 AND start = ?2 AND root = ?3) + "
		      "(SELECT count(*) FROM copy WHERE camera = ?1 AND start = ?2 AND root = ?3)", "tii", camera, start, root);
}
