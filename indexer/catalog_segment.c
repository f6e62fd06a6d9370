#include "life.h"

#include "media/segment.h"

#include <errno.h>

#define SEGMENT_COLUMNS                                                                                      \
	"SELECT s.id, s.camera, r.path, s.start, s.end, s.bytes, s.init_bytes, s.init, i.codec, s.run, "     \
	"i.width, i.height, s.frames, s.sequence, s.flags, s.seal_digest, s.fragments, s.init_crc, s.root "  \
	"FROM segment s JOIN root r ON r.id = s.root JOIN init i ON i.id = s.init "
#define SEGMENT_IN_WINDOW                                                                                    \
	"WHERE s.camera = ?1 AND s.start > ?4 AND s.start < ?3 AND s.end > ?2 ORDER BY s.start LIMIT ?5"

static int segment_row(const struct db_query *q, struct catalog_segment *s, bool with_fragments)
{
	char name[256];

	*s = (struct catalog_segment){.id = db_i64(q, 0),
				      .camera = db_text(q, 1),
				      .root = db_text(q, 2),
				      .start.us = db_i64(q, 3),
				      .end.us = db_i64(q, 4),
				      .bytes = db_i64(q, 5),
				      .init_bytes = db_i64(q, 6),
				      .init = db_i64(q, 7),
				      .init_crc = db_is_null(q, 17) ? -1 : db_i64(q, 17),
				      .codec = db_text(q, 8),
				      .run = db_text(q, 9),
				      .width = (unsigned)db_i64(q, 10),
				      .height = (unsigned)db_i64(q, 11),
				      .frames = (uint32_t)db_i64(q, 12),
				      .sequence = (uint64_t)db_i64(q, 13),
				      .flags = (uint8_t)db_i64(q, 14),
				      .sealed = true,
				      .stored = db_i64(q, 18) == CATALOG_STORE_ROOT};
	if (with_fragments)
		s->fragments = db_blob(q, 16, &s->fragments_len);
	segment_archive_name(name, s->camera, s->start);
	snprintf(s->file, sizeof s->file, "archive/%s", name);
	s->counts = (struct wall_range){s->start, s->end};
	return db_blob_copy(q, 15, s->seal_digest, sizeof s->seal_digest);
}

static void mark_superseded(const struct lives *l, struct catalog_segment *s)
{
	int64_t before = lives_before(l, s->start.us, (int64_t)s->sequence);

	s->superseded = lives_supersede(l, before, s->start.us, s->end.us);
}

/* One row after another; stops at the first that the sink does not want. */
struct walk {
	struct db_query q;
	struct catalog_segment row;
	bool has;
};

static int published_next(struct walk *w, bool with_fragments)
{
	int rc = db_step(&w->q);

	w->has = rc > 0;
	return rc > 0 ? segment_row(&w->q, &w->row, with_fragments) : rc;
}

static int each_segment(struct walk *w, const struct lives *l, catalog_segment_fn *fn, void *arg)
{
	int rc;

	while ((rc = published_next(w, false)) == 0 && w->has) {
		mark_superseded(l, &w->row);
		rc = fn(arg, &w->row);
		if (rc != 0)
			break;
	}
	return rc;
}

int catalog_segments(struct catalog *c, const char *camera, struct wall from, struct wall to,
		     const struct wall *after, unsigned limit, catalog_segment_fn *fn, void *arg)
{
	struct walk w = {0};
	struct lives lives;
	int64_t floor_us = from.us - SEGMENT_LONGEST_US;
	int rc = lives_load(c, camera, (struct wall_range){{floor_us}, to}, &lives);

	if (after && after->us > floor_us)
		floor_us = after->us;
	if (rc == 0)
		rc = db_query(c->db, &w.q, SEGMENT_COLUMNS SEGMENT_IN_WINDOW, "tiiii", camera, from.us, to.us,
			      floor_us, (int64_t)limit);
	if (rc == 0)
		rc = each_segment(&w, &lives, fn, arg);
	db_done(&w.q);
	lives_finish(&lives);
	return rc;
}

/* --- with the open ones ------------------------------------------------------------- */

static int open_next(struct walk *w)
{
	struct catalog_segment *s = &w->row;
	const struct db_query *q = &w->q;
	int rc = db_step(&w->q);

	w->has = rc > 0;
	if (rc <= 0)
		return rc;
	*s = (struct catalog_segment){.camera = db_text(q, 0),
				      .root = db_text(q, 1),
				      .start.us = db_i64(q, 3),
				      .end.us = db_i64(q, 4),
				      .bytes = db_i64(q, 5),
				      .init_bytes = db_i64(q, 6),
				      .init = db_i64(q, 7),
				      .init_crc = -1,
				      .codec = db_text(q, 8),
				      .run = db_text(q, 9),
				      .width = (unsigned)db_i64(q, 10),
				      .height = (unsigned)db_i64(q, 11)};
	snprintf(s->file, sizeof s->file, "incoming/%s", db_text(q, 2));
	s->fragments = db_blob(q, 12, &s->fragments_len);
	return 0;
}

static int open_walk(struct catalog *c, const char *camera, struct wall from, struct wall to, struct walk *w)
{
	int rc = db_query(c->db, &w->q,
			  "SELECT o.camera, r.path, o.file, o.start, o.end, o.bytes, o.init_bytes, o.init, "
			  "i.codec, o.run, i.width, i.height, o.fragments FROM open_segment o "
			  "JOIN root r ON r.id = o.root JOIN init i ON i.id = o.init "
			  "WHERE o.camera = ?1 AND o.start < ?3 AND o.end > ?2 ORDER BY o.start",
			  "tii", camera, from.us, to.us);

	return rc < 0 ? rc : open_next(w);
}

/* A row, once for each stretch that counts. What is asked for and not counted is left out here; order is by start of
 * the files, which is that of their stretches, except in a file that was begun in time lived again. */
static int give(struct catalog *c, struct catalog_segment *row, catalog_segment_fn *fn, void *arg)
{
	struct layer pieces = {0};
	int64_t before;
	int rc = life_before(c, row->camera, row->start.us, row->sealed ? (int64_t)row->sequence : INT64_MAX, &before);

	if (rc == 0)
		rc = life_pieces_shown(c, row->camera, row->start.us, before, row->start.us, row->end.us, &pieces);
	for (unsigned i = 0; rc == 0 && i < pieces.count; i++) {
		row->counts = (struct wall_range){{pieces.items[i].start}, {pieces.items[i].end}};
		rc = fn(arg, row);
	}
	layer_finish(&pieces);
	return rc;
}

/* Both walks merged by start. */
static int merge(struct catalog *c, struct walk *pub, struct walk *open, catalog_segment_fn *fn, void *arg)
{
	int rc = 0;

	while (rc == 0 && (pub->has || open->has)) {
		bool first = pub->has && (!open->has || pub->row.start.us <= open->row.start.us);
		rc = give(c, first ? &pub->row : &open->row, fn, arg);
		if (rc == 0)
			rc = first ? published_next(pub, true) : open_next(open);
	}
	return rc;
}

int catalog_footage(struct catalog *c, const char *camera, struct wall from, struct wall to,
		    catalog_segment_fn *fn, void *arg)
{
	struct walk pub = {0}, open = {0};
	int rc = db_query(c->db, &pub.q, SEGMENT_COLUMNS SEGMENT_IN_WINDOW, "tiiii", camera, from.us, to.us,
			  from.us - SEGMENT_LONGEST_US, (int64_t)-1);

	if (rc == 0)
		rc = published_next(&pub, true);
	if (rc == 0)
		rc = open_walk(c, camera, from, to, &open);
	if (rc == 0)
		rc = merge(c, &pub, &open, fn, arg);
	db_done(&pub.q);
	db_done(&open.q);
	return rc;
}

int catalog_footage_of(struct catalog *c, const char *camera, int64_t segment, catalog_segment_fn *fn, void *arg)
{
	struct walk w = {0};
	struct lives lives = {0};
	int rc = db_query(c->db, &w.q, SEGMENT_COLUMNS "WHERE s.camera = ? AND s.id = ?", "ti", camera, segment);

	if (rc == 0)
		rc = published_next(&w, true);
	if (rc == 0)
		rc = w.has ? lives_load(c, camera, (struct wall_range){w.row.start, w.row.end}, &lives) : -ENOENT;
	if (rc == 0) {
		mark_superseded(&lives, &w.row);
		rc = fn(arg, &w.row);
	}
	lives_finish(&lives);
	db_done(&w.q);
	return rc;
}

int catalog_nearest(struct catalog *c, const char *camera, struct wall t, bool *has_before,
		    struct wall *before, bool *has_after, struct wall *after)
{
	int64_t horizon;
	int rc = life_horizon(c, &horizon);

	if (rc == 0)
		rc = db_int(c->db, &before->us,
			    "SELECT min(end, ?3) FROM span WHERE camera = ?1 AND state = 'recorded' AND start < ?2 AND "
			    "min(end, ?3) <= ?2 ORDER BY start DESC LIMIT 1", "tii", camera, t.us, horizon);
	*has_before = rc == 0;
	if (rc < 0 && rc != -ENOENT)
		return rc;
	rc = db_int(c->db, &after->us,
		    "SELECT start FROM span WHERE camera = ? AND state = 'recorded' AND start >= ? AND start < ? "
		    "ORDER BY start LIMIT 1", "tii", camera, t.us, horizon);
	*has_after = rc == 0;
	return rc == -ENOENT ? 0 : rc;
}
