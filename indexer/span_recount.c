#include "catalog_write.h"

#include "life.h"

struct recount { struct catalog *c; const char *camera; struct wall from, to; };

/* Of one stretch of a file what counts. */
static int add_counted(const struct recount *r, int64_t file, int64_t before, int64_t start, int64_t end)
{
	struct layer pieces = {0};
	int rc = start < end ? life_pieces(r->c, r->camera, file, before, start, end, &pieces) : 0;

	for (unsigned i = 0; rc == 0 && i < pieces.count; i++)
		rc = span_add(r->c, r->camera, (struct wall){pieces.items[i].start}, (struct wall){pieces.items[i].end});
	layer_finish(&pieces);
	return rc;
}

/* The neighbours that hold, as one stretch at a time, clipped to the range. */
static int add_sound(const struct recount *r, const struct fragment_index *x, int64_t file, int64_t before)
{
	int rc = 0;

	for (unsigned i = 0, end; rc == 0 && i < x->count; i = end) {
		for (end = i + 1; end < x->count && !fragment_is_damaged(&x->items[i]) && !fragment_is_damaged(&x->items[end]);)
			end++;
		int64_t start = x->items[i].start.us, stop = x->items[end - 1].start.us + x->items[end - 1].duration_us;
		start = start > r->from.us ? start : r->from.us;
		stop = stop < r->to.us ? stop : r->to.us;
		if (!fragment_is_damaged(&x->items[i]))
			rc = add_counted(r, file, before, start, stop); /* nothing if they are out of the range */
	}
	return rc;
}

static int add_file(const struct recount *r, const struct db_query *q)
{
	struct fragment_index x = {0};
	size_t len;
	int64_t before;
	const uint8_t *packed = db_blob(q, 2, &len);
	int rc = life_before(r->c, r->camera, db_i64(q, 0), db_i64(q, 3), &before);

	if (rc == 0 && len > 0)
		rc = fragment_index_unpack(packed, len, (struct wall){db_i64(q, 0)}, db_i64(q, 1), &x);
	if (rc == 0)
		rc = add_sound(r, &x, db_i64(q, 0), before);
	fragment_index_finish(&x);
	return rc;
}

static int add_files(const struct recount *r)
{
	struct db_query q;
	int rc = db_query(r->c->db, &q,
			  "SELECT start, init_bytes, fragments, sequence FROM segment WHERE camera = ?1 AND start > ?4 AND "
			  "start < ?3 AND end > ?2 AND flags < ?6 UNION ALL SELECT start, init_bytes, fragments, ?5 FROM open_segment WHERE "
			  "camera = ?1 AND start < ?3 AND end > ?2", "tiiiii", r->camera, r->from.us, r->to.us,
			  r->from.us - SEGMENT_LONGEST_US, INT64_MAX, (int64_t)CATALOG_RETURNED);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		if ((rc = add_file(r, &q)) < 0)
			break;
	db_done(&q);
	return rc;
}

int span_add_files(struct catalog *c, const char *camera, struct wall start, struct wall end)
{
	return add_files(&(struct recount){c, camera, start, end});
}

int span_recount(struct catalog *c, const char *camera, struct wall start, struct wall end)
{
	int rc = span_remove(c, camera, start, end);

	return rc < 0 ? rc : span_add_files(c, camera, start, end);
}

int span_look_again(struct catalog *c, const char *camera, struct wall start, struct wall end)
{
	int rc = span_recount(c, camera, start, end);

	return rc < 0 ? rc : db_run(c->db, "UPDATE account SET frontier = min(frontier, ?) WHERE camera = ?", "it", start.us, camera);
}

int span_relive(struct catalog *c, const char *camera, struct wall start, struct wall end)
{
	int rc = span_withdraw(c, camera, start, end);

	return rc < 0 ? rc : span_add_files(c, camera, start, end);
}
