#include "catalog_internal.h"

#include <errno.h>

#define GAP_COLUMNS                                                                                \
	"SELECT id, camera, cause, detail, history, start, end, explanation, explained_by, explained_at FROM gap "

static struct catalog_gap gap_row(const struct db_query *q)
{
	return (struct catalog_gap){
		.id = db_i64(q, 0), .camera = db_text(q, 1), .cause = db_text(q, 2),
		.detail = db_text(q, 3), .history = db_text(q, 4), .start.us = db_i64(q, 5),
		.open = db_is_null(q, 6), .end.us = db_i64(q, 6), .explanation = db_text(q, 7),
		.explained_by = db_text(q, 8), .explained_at.us = db_i64(q, 9)};
}

static int walk(struct db_query *q, catalog_gap_fn *fn, void *arg, bool *any)
{
	int rc;

	while ((rc = db_step(q)) > 0) {
		struct catalog_gap row = gap_row(q);
		*any = true;
		rc = fn(arg, &row);
		if (rc != 0)
			break;
	}
	db_done(q);
	return rc;
}

/* A gap that later word narrowed to nothing keeps its row, but is no time in which nothing was
 * recorded: it is found by id, not by time. */
#define GAP_WANTED                                                                                 \
	"id > ?1 AND (?3 IS NULL OR cause = ?3) AND (end IS NULL OR (NOT ?4 AND end > ?5 AND end > start)) AND start < ?6 " \
	"ORDER BY id LIMIT ?7"

/* Those of one camera are few among all: they are found by its name, then put into order. */
int catalog_gaps(struct catalog *c, const struct gap_query *want, catalog_gap_fn *fn, void *arg)
{
	struct db_query q;
	bool any = false;
	int rc = db_query(c->db, &q,
			  want->camera ? GAP_COLUMNS "INDEXED BY gap_by_time WHERE camera = ?2 AND " GAP_WANTED
				       : GAP_COLUMNS "WHERE ?2 IS NULL AND " GAP_WANTED,
			  "ittiiii", want->after_id, want->camera, want->cause, (int64_t)want->only_open,
			  want->from.us, want->to.us, (int64_t)want->limit);

	return rc < 0 ? rc : walk(&q, fn, arg, &any);
}

int catalog_gap_get(struct catalog *c, int64_t id, catalog_gap_fn *fn, void *arg)
{
	struct db_query q;
	bool any = false;
	int rc = db_query(c->db, &q, GAP_COLUMNS "WHERE id = ?", "i", id);

	if (rc == 0)
		rc = walk(&q, fn, arg, &any);
	return rc == 0 && !any ? -ENOENT : rc;
}
