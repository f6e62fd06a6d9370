#include "lives.h"

#include "base/buf.h"

#include <stdlib.h>

/* --- loading -------------------------------------------------------------------------------- */

static int load_rows(struct catalog *c, const char *camera, struct lives *l)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT id, start, coalesce(end, ?2), sequence, gap FROM life WHERE camera = ?1 ORDER BY id",
			  "ti", camera, INT64_MAX);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		l->rows = xrealloc(l->rows, (l->count + 1) * sizeof *l->rows);
		l->rows[l->count++] = (struct lives_row){.id = db_i64(&q, 0), .start = db_i64(&q, 1), .end = db_i64(&q, 2),
							 .sequence = db_i64(&q, 3), .gap = db_i64(&q, 4)};
	}
	db_done(&q);
	return rc;
}

static int load_past(struct catalog *c, const char *camera, struct wall_range r, struct lives *l)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT start, before FROM past_file WHERE camera = ? AND start >= ? AND start <= ?", "tii", camera,
			  r.start.us, r.end.us);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		l->past = xrealloc(l->past, (l->past_count + 1) * sizeof *l->past);
		l->past[l->past_count++] = (struct lives_past){db_i64(&q, 0), db_i64(&q, 1)};
	}
	db_done(&q);
	return rc;
}

/* Gaps that came after the last life began are nobody's but the present one's. */
static int load_gaps(struct catalog *c, const char *camera, struct wall_range r, struct lives *l)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT start, end, id FROM gap WHERE camera = ?1 AND start < ?3 AND end > ?2 AND id <= ?4 ORDER BY start",
			  "tiii", camera, r.start.us, r.end.us, l->rows[l->count - 1].gap);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		layer_add(&l->gaps, db_i64(&q, 0), db_i64(&q, 1), db_i64(&q, 2), "");
	db_done(&q);
	return rc;
}

static int load_refused(struct catalog *c, const char *camera, struct wall_range r, struct lives *l)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT start, end, file FROM refused WHERE camera = ?1 AND end > ?2 AND start < ?3 ORDER BY start",
			  "tii", camera, r.start.us, r.end.us);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		layer_add(&l->refused, db_i64(&q, 0), db_i64(&q, 1), db_i64(&q, 2), "");
	db_done(&q);
	return rc;
}

int lives_load(struct catalog *c, const char *camera, struct wall_range range, struct lives *out)
{
	*out = (struct lives){0};
	int rc = load_rows(c, camera, out);

	if (rc == 0 && out->count > 0)
		rc = load_past(c, camera, range, out);
	if (rc == 0 && out->count > 0)
		rc = load_gaps(c, camera, range, out);
	return rc < 0 ? rc : load_refused(c, camera, range, out);
}

void lives_finish(struct lives *l)
{
	free(l->rows);
	free(l->past);
	layer_finish(&l->gaps);
	layer_finish(&l->refused);
	*l = (struct lives){0};
}

/* --- the rule ------------------------------------------------------------------------------- */

int64_t lives_before(const struct lives *l, int64_t start, int64_t sequence)
{
	int64_t named = LIFE_NONE;

	for (unsigned i = 0; i < l->past_count; i++)
		if (l->past[i].start == start)
			named = l->past[i].before;
	for (unsigned i = 0; i < l->count; i++)
		if (l->rows[i].sequence >= sequence || l->rows[i].id >= named)
			return l->rows[i].id;
	return LIFE_NONE;
}

static int by_start(const void *x, const void *y)
{
	const struct layer_item *a = x, *b = y;

	return (a->start > b->start) - (a->start < b->start);
}

static bool is_after(const struct lives_row *r, int64_t before, int64_t start, int64_t end, int64_t now)
{
	int64_t until = r->end == INT64_MAX ? now : r->end;

	return r->id >= before && r->start < end && until > start;
}

/* Lives that came after it, gaps that were there before it, and what it claimed too early. */
static void find_holes(const struct lives *l, int64_t file, int64_t before, struct wall_range r, int64_t now, struct layer *out)
{
	int64_t left = INT64_MIN;

	for (unsigned i = 0; i < l->count; i++) {
		const struct lives_row *row = &l->rows[i];
		if (row->id < before)
			left = row->gap;
		if (is_after(row, before, r.start.us, r.end.us, now))
			layer_add(out, row->start, row->end == INT64_MAX ? now : row->end, 0, "");
	}
	for (unsigned i = 0; i < l->gaps.count && l->gaps.items[i].start < r.end.us; i++) {
		const struct layer_item *gap = &l->gaps.items[i];
		if (gap->end > r.start.us && gap->id <= left)
			layer_add(out, gap->start, gap->end, 0, "");
	}
	for (unsigned i = 0; i < l->refused.count; i++)
		if (l->refused.items[i].id == file)
			layer_add(out, l->refused.items[i].start, l->refused.items[i].end, 0, "");
	if (out->count > 1)
		qsort(out->items, out->count, sizeof *out->items, by_start);
}

void lives_pieces(const struct lives *l, int64_t file, int64_t before, int64_t start, int64_t end, int64_t now, struct layer *out)
{
	struct layer holes = {0};
	int64_t from = start;

	find_holes(l, file, before, (struct wall_range){{start}, {end}}, now, &holes);
	for (unsigned i = 0; i < holes.count; i++) {
		const struct layer_item *hole = &holes.items[i];
		layer_add(out, from, hole->start < end ? hole->start : end, 0, "");
		from = hole->end > from ? hole->end : from;
	}
	layer_add(out, from, end, 0, "");
	layer_finish(&holes);
}

bool lives_supersede(const struct lives *l, int64_t before, int64_t start, int64_t end)
{
	for (unsigned i = 0; i < l->count; i++)
		if (is_after(&l->rows[i], before, start, end, INT64_MAX))
			return true;
	return false;
}
