#include "catalog_internal.h"

#include "base/buf.h"

#include <errno.h>

static int entry_row(const struct db_query *q, struct ledger_entry *e)
{
	*e = (struct ledger_entry){.seq = db_i64(q, 0), .at.us = db_i64(q, 1), .kind = db_text(q, 2),
				    .camera = db_text(q, 3), .body = db_text(q, 4)};
	return db_blob_copy(q, 5, e->hash, sizeof e->hash);
}

int catalog_ledger(struct catalog *c, int64_t after_seq, unsigned limit, catalog_entry_fn *fn, void *arg)
{
	struct db_query q;
	struct ledger_entry row;
	int rc = db_query(c->db, &q,
			  "SELECT seq, at, kind, camera, body, hash FROM ledger WHERE seq > ? ORDER BY seq "
			  "LIMIT ?", "ii", after_seq, (int64_t)limit);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		rc = entry_row(&q, &row);
		if (rc == 0)
			rc = fn(arg, &row);
		if (rc != 0)
			break;
	}
	db_done(&q);
	return rc;
}

int catalog_ledger_hash(struct catalog *c, int64_t seq, uint8_t hash[SHA256_BYTES])
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT hash FROM ledger WHERE seq <= ? ORDER BY seq DESC LIMIT 1", "i", seq);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	rc = rc > 0 ? db_blob_copy(&q, 0, hash, SHA256_BYTES) : rc == 0 ? -ENOENT : rc;
	db_done(&q);
	return rc;
}

int catalog_ledger_head(struct catalog *c, int64_t *seq, uint8_t hash[SHA256_BYTES])
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1", "");

	*seq = 0;
	memset(hash, 0, SHA256_BYTES);
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		*seq = db_i64(&q, 0);
		rc = db_blob_copy(&q, 1, hash, SHA256_BYTES);
	}
	db_done(&q);
	return rc;
}
