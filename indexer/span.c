#include "catalog_write.h"

#include "catalog_internal.h"
#include "tiles.h"

#include <errno.h>

/* The rows that overlap [start, end), recorded ones only or all; id 1 marks recorded. */
static int overlapping(struct catalog *c, const char *camera, struct wall start, struct wall end,
		       struct layer *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT start, end, state = 'recorded' FROM span WHERE camera = ?1 AND start < ?3 AND "
			  "end > ?2 AND start >= coalesce((SELECT max(start) FROM span WHERE camera = ?1 AND "
			  "start <= ?2), ?2) ORDER BY start", "tii", camera, start.us, end.us);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		layer_add(out, db_i64(&q, 0), db_i64(&q, 1), db_i64(&q, 2), "");
	db_done(&q);
	return rc;
}

static int insert(struct catalog *c, const char *camera, int64_t start, int64_t end, bool recorded)
{
	if (start >= end)
		return 0;
	return db_run(c->db, "INSERT INTO span VALUES (?, ?, ?, ?)", "tiit", camera, start, end,
		      recorded ? "recorded" : "expired");
}

/* Nothing is left in [start, end); what stood out of it on either side stays. */
static int carve(struct catalog *c, const char *camera, struct wall start, struct wall end)
{
	struct layer rows = {0};
	int rc = overlapping(c, camera, start, end, &rows);

	for (unsigned i = 0; rc == 0 && i < rows.count; i++) {
		const struct layer_item *r = &rows.items[i];
		rc = db_run(c->db, "DELETE FROM span WHERE camera = ? AND start = ?", "ti", camera, r->start);
		if (rc == 0)
			rc = insert(c, camera, r->start, start.us, r->id);
		if (rc == 0)
			rc = insert(c, camera, end.us, r->end, r->id);
	}
	layer_finish(&rows);
	return rc;
}

static int put(struct catalog *c, const char *camera, struct wall start, struct wall end, bool recorded)
{
	const char *state = recorded ? "recorded" : "expired";
	int64_t left = start.us, right = end.us;
	int rc = carve(c, camera, start, end);

	if (rc < 0)
		return rc;
	rc = db_int(c->db, &left,
		    "SELECT start FROM (SELECT start, end, state FROM span WHERE camera = ? AND start < ? "
		    "ORDER BY start DESC LIMIT 1) WHERE end = ? AND state = ?", "tiit", camera, start.us,
		    start.us, state);
	if (rc == 0 || rc == -ENOENT)
		rc = db_int(c->db, &right, "SELECT end FROM span WHERE camera = ? AND start = ? AND state = ?",
			    "tit", camera, end.us, state);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	rc = db_run(c->db, "DELETE FROM span WHERE camera = ? AND start IN (?, ?) AND state = ?", "tiit", camera,
		    left, end.us, state);
	return rc < 0 ? rc : insert(c, camera, left, right, recorded);
}

/* Applies one of the above to each recorded piece inside the range. */
static int each_recorded(struct catalog *c, const char *camera, struct wall start, struct wall end, bool expire)
{
	struct layer rows = {0};
	int rc = overlapping(c, camera, start, end, &rows);

	for (unsigned i = 0; rc == 0 && i < rows.count; i++) {
		const struct layer_item *r = &rows.items[i];
		struct wall from = {r->start > start.us ? r->start : start.us};
		struct wall to = {r->end < end.us ? r->end : end.us};
		if (r->id)
			rc = expire ? put(c, camera, from, to, false) : carve(c, camera, from, to);
	}
	layer_finish(&rows);
	return rc;
}

int span_add(struct catalog *c, const char *camera, struct wall start, struct wall end)
{
	return start.us < end.us ? put(c, camera, start, end, true) : 0;
}

int span_expire(struct catalog *c, const char *camera, struct wall start, struct wall end)
{
	return each_recorded(c, camera, start, end, true);
}

int span_remove(struct catalog *c, const char *camera, struct wall start, struct wall end)
{
	return each_recorded(c, camera, start, end, false);
}

int span_withdraw(struct catalog *c, const char *camera, struct wall start, struct wall end)
{
	return start.us < end.us ? carve(c, camera, start, end) : 0;
}
