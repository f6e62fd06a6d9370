#include "belief.h"

#include "account_row.h"
#include "base/log.h"
#include "life.h"

#include <errno.h>
#include <stdlib.h>

#define BELIEF_AHEAD_US US_PER_S

int belief_life_ended(const struct accounting *a, const char *camera, int64_t id, int64_t at)
{
	int64_t seen = a->own_life && a->own_until.us < at ? a->own_until.us : at;

	return db_run(a->catalog->db, "INSERT OR REPLACE INTO life_end VALUES (?, ?, ?)", "tii", camera, id, seen);
}

int belief_limit(const struct accounting *a, const char *camera, int64_t before, int64_t *limit)
{
	int rc = 0;

	*limit = a->own_until.us;
	if (before != LIFE_NONE && a->own_until.us) {
		*limit = 0;
		rc = db_int(a->catalog->db, limit, "SELECT at FROM life_end WHERE camera = ? AND id = ?", "ti", camera, before);
	}
	*limit = *limit ? *limit + BELIEF_AHEAD_US : INT64_MAX;
	return rc == -ENOENT ? 0 : rc;
}

/* --- telling ------------------------------------------------------------------------------------ */

static int run_of(struct catalog *c, const char *camera, int64_t file, char *out, size_t room)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT run FROM open_segment WHERE camera = ?1 AND start = ?2 UNION ALL SELECT run FROM segment "
			  "WHERE camera = ?1 AND start = ?2", "ti", camera, file);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	snprintf(out, room, "%s", rc > 0 ? db_text(&q, 0) : "");
	db_done(&q);
	return rc < 0 ? rc : 0;
}

static int tell(const struct accounting *a, const char *camera, int64_t file, int64_t start, int64_t end)
{
	char key[CATALOG_ID_MAX + 16], told[UUID_TEXT_MAX], run[UUID_TEXT_MAX];
	int rc = run_of(a->catalog, camera, file, run, sizeof run);

	snprintf(key, sizeof key, "refused:%s", camera);
	if (rc == 0)
		rc = catalog_state(a->catalog, key, told, sizeof told);
	if (rc < 0 || (*told && strcmp(told, run) == 0))
		return rc;
	log_error("coverage", "camera=%s refused_ms=%lld text=\"footage claims time that has not come yet\"", camera,
		  (long long)((end - start) / US_PER_MS));
	rc = catalog_set_state(a->catalog, key, run);
	return rc < 0 ? rc : ledger_append(a->catalog, a->now, "coverage.refused", camera,
					   json_pack("{so so ss}", "start", wall_json(start), "end", wall_json(end), "run", run), NULL);
}

/* --- refusing -------------------------------------------------------------------------------------- */

/* What is beyond it already of the same file was refused before. 1: some was not. */
static int refuse(const struct accounting *a, const char *camera, int64_t file, int64_t start, int64_t end)
{
	int64_t known = start;
	int rc = db_int(a->catalog->db, &known, "SELECT coalesce(max(end), ?3) FROM refused WHERE camera = ?1 AND file = ?2", "tii",
			camera, file, start);

	start = known > start ? known : start;
	if (rc < 0 || start >= end)
		return rc;
	rc = db_run(a->catalog->db, "INSERT INTO refused VALUES (?, ?, ?, ?)", "tiii", camera, file, start, end);
	if (rc == 0)
		rc = tell(a, camera, file, start, end);
	return rc < 0 ? rc : 1;
}

int belief_claim(const struct accounting *a, const char *camera, int64_t file, int64_t before, int64_t end)
{
	int64_t limit;
	int rc = belief_limit(a, camera, before, &limit);

	if (rc < 0 || end <= limit)
		return rc;
	limit = file > limit ? file : limit;
	rc = refuse(a, camera, file, limit, end);
	return rc <= 0 ? rc : account_take_back(a, camera, (struct wall){limit}, (struct wall){end});
}

/* --- reviewing -------------------------------------------------------------------------------------- */

struct claim { int64_t file, end, sequence; };
struct claims { struct claim *items; unsigned count; };

static int load_claims(struct catalog *c, const char *camera, int64_t until, struct claims *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT start, end, sequence FROM segment WHERE camera = ?1 AND start > ?2 AND end > ?3 UNION ALL "
			  "SELECT start, end, ?4 FROM open_segment WHERE camera = ?1 AND end > ?3", "tiii", camera,
			  until - SEGMENT_LONGEST_US, until, INT64_MAX);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		out->items = xrealloc(out->items, (out->count + 1) * sizeof *out->items);
		out->items[out->count++] = (struct claim){db_i64(&q, 0), db_i64(&q, 1), db_i64(&q, 2)};
	}
	db_done(&q);
	return rc;
}

static int review_claim(const struct accounting *a, const char *camera, const struct claim *x)
{
	int64_t before, limit;
	int rc = life_before(a->catalog, camera, x->file, x->sequence, &before);

	if (rc == 0)
		rc = belief_limit(a, camera, before, &limit);
	if (rc < 0 || x->end <= limit)
		return rc;
	rc = refuse(a, camera, x->file, x->file > limit ? x->file : limit, x->end);
	return rc <= 0 ? rc : account_take_back(a, camera, (struct wall){x->file > limit ? x->file : limit}, (struct wall){x->end});
}

static int review_camera(const struct accounting *a, struct account *acc, int64_t until)
{
	struct claims claims = {0};
	int rc = load_claims(a->catalog, acc->camera, until, &claims);

	for (unsigned i = 0; rc == 0 && i < claims.count; i++)
		rc = review_claim(a, acc->camera, &claims.items[i]);
	free(claims.items);
	return rc;
}

int belief_review(const struct accounting *a)
{
	return a->own_until.us ? account_each(a, review_camera, a->own_until.us + BELIEF_AHEAD_US) : 0;
}
