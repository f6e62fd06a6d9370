#include "catalog_internal.h"

int catalog_volumes(struct catalog *c, catalog_volume_fn *fn, void *arg)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT v.camera, v.day, v.bytes, v.covered_us, coalesce(s.bytes, 0) FROM volume v LEFT JOIN stored_volume s "
			  "ON s.camera = v.camera AND s.day = v.day ORDER BY v.camera, v.day", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct catalog_volume row = {db_text(&q, 0), db_i64(&q, 1), db_i64(&q, 2), db_i64(&q, 3), db_i64(&q, 4)};
		if ((rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}

#define BY_DAYS_US (2 * US_PER_DAY) /* then whole days are exact enough: segments need not be looked at */

int catalog_volume_since(struct catalog *c, const char *camera, struct wall since, struct wall now,
			 struct catalog_volume *row)
{
	bool by_days = now.us - since.us > BY_DAYS_US;
	struct db_query q;
	int rc = by_days ? db_query(c->db, &q, "SELECT sum(bytes), sum(covered_us) FROM volume WHERE camera = ? AND day > ?",
				    "ti", camera, since.us / US_PER_DAY)
			 : db_query(c->db, &q, "SELECT sum(bytes), sum(end - start) FROM segment WHERE camera = ? AND start >= ?",
				    "ti", camera, since.us);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	row->bytes = rc > 0 ? db_i64(&q, 0) : 0;
	row->covered_us = rc > 0 ? db_i64(&q, 1) : 0;
	db_done(&q);
	return rc < 0 ? rc : 0;
}

/* --- rates ------------------------------------------------------------------------------------- */

static int ask_i64(struct catalog *c, const char *sql, const char *types, int64_t arg, int64_t *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q, sql, types, arg);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	*out = rc > 0 ? db_i64(&q, 0) : 0;
	db_done(&q);
	return rc < 0 ? rc : 0;
}

int catalog_written(struct catalog *c, int64_t after, int64_t *last, catalog_written_fn *fn, void *arg)
{
	struct db_query q;
	int rc = ask_i64(c, "SELECT coalesce(max(id), 0) FROM segment WHERE id >= ?", "i", 0, last);

	if (rc == 0)
		rc = db_query(c->db, &q, "SELECT camera, sum(open_bytes), sum(open_us), sum(bytes), sum(us) FROM ("
			      "SELECT camera, bytes AS open_bytes, end - start AS open_us, 0 AS bytes, 0 AS us FROM open_segment "
			      "UNION ALL SELECT camera, 0, 0, bytes, end - start FROM segment WHERE id > ?) GROUP BY camera", "i", after);
	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct catalog_written row = {db_text(&q, 0), db_i64(&q, 1), db_i64(&q, 2), db_i64(&q, 3), db_i64(&q, 4)};
		if ((rc = fn(arg, &row)) != 0)
			break;
	}
	db_done(&q);
	return rc;
}

#define HABIT_DAYS 7
#define HABIT_DAY_LEAST_US (3600 * US_PER_S)

/* The newest days and not those of the calendar: a clock that was set back has no other habits. */
int catalog_habit(struct catalog *c, const char *camera, int64_t today, double *bytes_per_s)
{
	double rates[HABIT_DAYS];
	size_t count = 0;
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT bytes, covered_us FROM (SELECT bytes, covered_us FROM volume WHERE camera = ? AND day <> ? "
			  "AND covered_us >= ? ORDER BY day DESC LIMIT 7) ORDER BY bytes * 1.0 / covered_us", "tii", camera, today,
			  HABIT_DAY_LEAST_US);

	if (rc < 0)
		return rc;
	while (count < HABIT_DAYS && (rc = db_step(&q)) > 0)
		rates[count++] = (double)db_i64(&q, 0) / (double)db_i64(&q, 1) * (double)US_PER_S;
	db_done(&q);
	*bytes_per_s = count > 0 ? rates[count / 2] : 0;
	return rc < 0 ? rc : 0;
}

int catalog_bytes_before(struct catalog *c, int64_t day, int64_t *bytes)
{
	return ask_i64(c, "SELECT coalesce(sum(v.bytes - coalesce(s.bytes, 0)), 0) FROM volume v LEFT JOIN stored_volume s "
		       "ON s.camera = v.camera AND s.day = v.day WHERE v.day < ? AND NOT EXISTS (SELECT 1 FROM hold h WHERE "
		       "h.camera = v.camera AND h.released_at IS NULL AND h.start < (v.day + 1) * 86400000000 "
		       "AND h.end > v.day * 86400000000)", "i", day, bytes);
}
