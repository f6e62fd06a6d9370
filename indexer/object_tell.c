/* The half of object.h that tells the ledger, in entries of many files. */
#include "object.h"

#include "catalog_internal.h"
#include "file_batch.h"
#include "gap.h"

#include <string.h>

#define COPIED_EVERY_US (3600 * US_PER_S)
#define GONE_MAX 512 /* deletions told in one transaction */

/* --- what was copied ------------------------------------------------------------------------------------ */

struct told { char camera[CATALOG_ID_MAX], place[1024]; bool expired; };

static json_t *copied_json(const struct db_query *q)
{
	return json_pack("{ss sI sI so so}", "place", db_text(q, 1), "files", (json_int_t)db_i64(q, 2), "bytes",
			 (json_int_t)db_i64(q, 3), "start", wall_json(db_i64(q, 4)), "end", wall_json(db_i64(q, 5)));
}

/* 1: one camera was told of, 0: nobody is due, or negative. */
static int tell_copied(struct catalog *c, struct wall now)
{
	struct told t = {0};
	struct db_query q;
	json_t *body = NULL;
	int rc = db_query(c->db, &q,
			  "SELECT camera, place, files, bytes, start, end FROM copied WHERE since <= ?1 OR since > ?2 LIMIT 1", "ii",
			  now.us - COPIED_EVERY_US, now.us);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		snprintf(t.camera, sizeof t.camera, "%s", db_text(&q, 0));
		snprintf(t.place, sizeof t.place, "%s", db_text(&q, 1));
		body = copied_json(&q);
	}
	db_done(&q);
	if (rc <= 0)
		return rc;
	rc = db_run(c->db, "DELETE FROM copied WHERE camera = ? AND place = ?", "tt", t.camera, t.place);
	if (rc < 0) {
		json_decref(body);
		return rc;
	}
	rc = ledger_append(c, now, "offload.copied", t.camera, body, NULL);
	return rc < 0 ? rc : 1;
}

/* --- what was deleted ------------------------------------------------------------------------------------ */

/* Where the footage itself was only there, that is its expiry. */
static int tell_batch(struct catalog *c, struct wall now, const struct told *t, struct file_batch *b)
{
	if (file_batch_count(b) == 0)
		return 0;
	json_t *body = file_batch_json(b);
	json_object_set_new(body, "place", json_string(t->place));
	return ledger_append(c, now, t->expired ? "footage.expired" : "offload.deleted", t->camera, body, NULL);
}

static bool is_of(const struct told *t, const struct db_query *q)
{
	return strcmp(t->camera, db_text(q, 0)) == 0 && strcmp(t->place, db_text(q, 1)) == 0 && t->expired == (db_i64(q, 2) != 0);
}

static int add(struct catalog *c, struct wall now, struct told *t, struct file_batch *b, const struct db_query *q)
{
	uint8_t seal[SHA256_BYTES];
	int rc = db_blob_copy(q, 6, seal, sizeof seal);

	if (rc == 0 && (!is_of(t, q) || file_batch_count(b) == FILE_BATCH_MAX)) {
		rc = tell_batch(c, now, t, b);
		snprintf(t->camera, sizeof t->camera, "%s", db_text(q, 0));
		snprintf(t->place, sizeof t->place, "%s", db_text(q, 1));
		t->expired = db_i64(q, 2) != 0;
	}
	if (rc == 0)
		file_batch_add(b, (struct wall){db_i64(q, 3)}, (struct wall){db_i64(q, 4)}, db_i64(q, 5), seal);
	return rc;
}

#define GONE_ROWS "SELECT camera, place, expired, start, end, bytes, seal_digest FROM object_gone ORDER BY camera, start LIMIT ?"

static int tell_gone(struct catalog *c, struct wall now)
{
	struct file_batch b = {0};
	struct told t = {0};
	struct db_query q;
	int rc = db_query(c->db, &q, GONE_ROWS, "i", (int64_t)GONE_MAX);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		if ((rc = add(c, now, &t, &b, &q)) < 0)
			break;
	db_done(&q);
	if (rc == 0)
		rc = tell_batch(c, now, &t, &b);
	file_batch_finish(&b);
	return rc < 0 ? rc : db_run(c->db, "DELETE FROM object_gone WHERE (camera, start) IN (SELECT camera, start FROM object_gone "
				    "ORDER BY camera, start LIMIT ?)", "i", (int64_t)GONE_MAX);
}

int object_tell(struct catalog *c, struct wall now)
{
	int rc;

	while ((rc = tell_copied(c, now)) > 0)
		;
	return rc < 0 ? rc : tell_gone(c, now);
}
