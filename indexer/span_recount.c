#include "catalog_write.h"

#include "catalog_internal.h"

/* The neighbours that hold, as one stretch at a time, clipped to the range. */
static int add_sound(struct catalog *c, const char *camera, const struct fragment_index *x, struct wall from, struct wall to)
{
	int rc = 0;

	for (unsigned i = 0, end; rc == 0 && i < x->count; i = end) {
		for (end = i + 1; end < x->count && !fragment_is_damaged(&x->items[i]) && !fragment_is_damaged(&x->items[end]);)
			end++;
		struct wall start = x->items[i].start, stop = {x->items[end - 1].start.us + x->items[end - 1].duration_us};
		start.us = start.us > from.us ? start.us : from.us;
		stop.us = stop.us < to.us ? stop.us : to.us;
		if (!fragment_is_damaged(&x->items[i]))
			rc = span_add(c, camera, start, stop); /* nothing if they are out of the range */
	}
	return rc;
}

int span_recount(struct catalog *c, const char *camera, struct wall start, struct wall end)
{
	struct db_query q;
	int rc = span_remove(c, camera, start, end);

	if (rc == 0)
		rc = db_query(c->db, &q, "SELECT start, init_bytes, fragments FROM segment WHERE camera = ?1 AND start > ?4 AND "
			      "start < ?3 AND end > ?2", "tiii", camera, start.us, end.us, start.us - SEGMENT_LONGEST_US);
	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct fragment_index x = {0};
		size_t len;
		const uint8_t *packed = db_blob(&q, 2, &len);
		rc = fragment_index_unpack(packed, len, (struct wall){db_i64(&q, 0)}, db_i64(&q, 1), &x);
		if (rc == 0)
			rc = add_sound(c, camera, &x, start, end);
		fragment_index_finish(&x);
		if (rc < 0)
			break;
	}
	db_done(&q);
	return rc;
}
