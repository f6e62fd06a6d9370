#include "catalog_write.h"

#include "catalog_internal.h"
#include "db_format.h"
#include "gap.h"
#include "schema.h"

#include "base/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int catalog_create(const char *path, struct catalog **out, struct err *e)
{
	static const struct db_format format = {.version = CATALOG_FORMAT, .min_reader = CATALOG_FORMAT, .schema = schema_sql,
						.upgrade = schema_upgrade_sql, .convert = consent_take_over};
	struct db *db;
	int rc = db_open_writer(path, &db, e);

	if (rc < 0)
		return rc;
	rc = db_format_make(db, path, &format, e);
	if (rc < 0) {
		db_close(db);
		return rc;
	}
	*out = xcalloc(1, sizeof **out);
	**out = (struct catalog){.db = db};
	rc = site_state_load(db, &(*out)->site);
	if (rc < 0) {
		catalog_close(*out);
		*out = NULL;
		return err_set(e, rc, "the state in the catalogue %.100s cannot be read", path);
	}
	return 0;
}

int catalog_quick_check(struct catalog *c)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "PRAGMA quick_check(1)", "");

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	bool sound = rc > 0 && strcmp(db_text(&q, 0), "ok") == 0;
	db_done(&q);
	return rc < 0 ? rc : sound ? 0 : -EUCLEAN;
}

bool catalog_is_sound(const struct catalog *c) { return !db_has_failed(c->db); }

int catalog_begin(struct catalog *c)
{
	int rc = db_begin(c->db);

	if (rc < 0)
		return rc;
	c->site_before = c->site;
	rc = site_state_load(c->db, &c->site);
	return rc < 0 ? catalog_end(c, rc) : 0;
}

int catalog_commit(struct catalog *c) { return catalog_end(c, 0); }

void catalog_rollback(struct catalog *c)
{
	if (db_in_transaction(c->db))
		catalog_end(c, -ECANCELED);
}

int catalog_end(struct catalog *c, int rc)
{
	rc = db_end(c->db, rc == 0 ? gap_tell(c) : rc);
	if (rc < 0)
		c->site = c->site_before;
	return rc;
}

const struct site_state *catalog_site(const struct catalog *c) { return &c->site; }

int catalog_set_state(struct catalog *c, const char *key, const char *value)
{
	int rc = db_run(
	    c->db, "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	    "tt", key, value);

	if (rc == 0)
		site_state_note(&c->site, key, value);
	return rc;
}

int catalog_set_state_int(struct catalog *c, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, value);
	return catalog_set_state(c, key, text);
}

int catalog_set_keep(struct catalog *c, const struct catalog_keep *k)
{
	char *text = xasprintf("{\"days\":%u,\"asked_days\":%u,\"asked_at\":%lld,\"asked_witnessed_us\":%lld}",
			       k->days, k->asked_days, (long long)k->asked_at.us, (long long)k->asked_witnessed_us);
	int rc = catalog_set_state(c, "keep", text);

	free(text);
	return rc;
}

int ledger_append_after(struct catalog *c, struct wall at, int64_t after, const char *kind, const char *camera,
			json_t *body, int64_t *seq)
{
	struct ledger_entry entry = {.at = at, .kind = kind, .camera = camera};
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	uint8_t prev[SHA256_BYTES];
	int rc = text ? catalog_ledger_head(c, &entry.seq, prev) : -EINVAL;

	json_decref(body);
	if (rc == 0) {
		entry.seq = (after > entry.seq ? after : entry.seq) + 1;
		entry.body = text;
		ledger_hash(prev, &entry, entry.hash);
		rc = db_run(c->db, "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)", "iitttb", entry.seq, at.us,
			    kind, camera, text, entry.hash, sizeof entry.hash);
	}
	if (rc == 0 && seq)
		*seq = entry.seq;
	free(text);
	return rc;
}

int ledger_append(struct catalog *c, struct wall at, const char *kind, const char *camera, json_t *body,
		  int64_t *seq)
{
	return ledger_append_after(c, at, 0, kind, camera, body, seq);
}
