#include "object.h"

#include "catalog_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_MAX 1024
#define FILL_BATCH 2000

/* --- what waits ------------------------------------------------------------------------------------- */

/* A copy from before a file was lost and found again serves; else it waits. */
static int watch(struct catalog *c)
{
	return db_exec(c->db,
		       "CREATE TEMP TRIGGER IF NOT EXISTS object_waits AFTER INSERT ON main.segment BEGIN "
		       "INSERT INTO object (camera, start, state) VALUES (NEW.camera, NEW.start, 'waiting') "
		       "ON CONFLICT (camera, start) DO UPDATE SET "
		       "state = CASE WHEN seal_digest = NEW.seal_digest THEN 'kept' ELSE 'waiting' END; END");
}

static int tell_change(struct catalog *c, struct wall now, const char *was, const char *place)
{
	return ledger_append(c, now, "offload.changed", NULL,
			     json_pack("{s:s?, s:s?}", "old", was[0] ? was : NULL, "new", place), NULL);
}

int object_configure(struct catalog *c, struct wall now, const char *place)
{
	char was[PLACE_MAX];
	int rc = catalog_state(c, "offload", was, sizeof was);

	if (rc == 0)
		rc = place ? watch(c) : db_exec(c->db, "DROP TRIGGER IF EXISTS temp.object_waits");
	if (rc < 0 || strcmp(was, place ? place : "") == 0)
		return rc;
	if (!place || !was[0])
		rc = catalog_set_state(c, "offload_fill", "0");
	if (rc == 0)
		rc = catalog_set_state(c, "offload", place ? place : "");
	return rc < 0 ? rc : tell_change(c, now, was, place);
}

/* --- what was published before ------------------------------------------------------------------------ */

static int fill_some(struct catalog *c, int64_t after, bool *more)
{
	int64_t last = 0;
	char text[24] = "";
	int rc = db_int(c->db, &last, "SELECT coalesce(max(id), 0) FROM (SELECT id FROM segment WHERE id > ? ORDER BY id LIMIT ?)", "ii", after,
			(int64_t)FILL_BATCH);

	*more = rc == 0 && last > after;
	if (*more)
		rc = db_run(c->db,
			    "INSERT INTO object (camera, start, state) SELECT camera, start, 'waiting' FROM segment s WHERE id > ?1 AND "
			    "id <= ?2 AND NOT EXISTS (SELECT 1 FROM object o WHERE o.camera = s.camera AND o.start = s.start)", "ii",
			    after, last);
	if (*more)
		snprintf(text, sizeof text, "%" PRId64, last);
	return rc < 0 ? rc : catalog_set_state(c, "offload_fill", text);
}

static int leave_some(struct catalog *c, bool *more)
{
	int rc = db_run(c->db,
			"DELETE FROM object WHERE (camera, start) IN (SELECT camera, start FROM object INDEXED BY object_waiting "
			"WHERE state = 'waiting' LIMIT ?)", "i", (int64_t)FILL_BATCH);

	*more = rc == 0 && db_changes(c->db) > 0;
	return rc < 0 || *more ? rc : catalog_set_state(c, "offload_fill", "");
}

static int fill(struct catalog *c, bool *more)
{
	char place[PLACE_MAX], after[24];
	int rc = catalog_state(c, "offload", place, sizeof place);

	if (rc == 0)
		rc = catalog_state(c, "offload_fill", after, sizeof after);
	if (rc < 0 || !after[0])
		return rc;
	return place[0] ? fill_some(c, strtoll(after, NULL, 10), more) : leave_some(c, more);
}

int object_fill(struct catalog *c, bool *more)
{
	int rc = catalog_begin(c);

	*more = false;
	if (rc < 0)
		return rc;
	rc = fill(c, more);
	return catalog_end(c, rc);
}

/* --- what is kept ----------------------------------------------------------------------------------- */

/* For the ledger, which is told once a day. */
static int note_copied(struct catalog *c, const struct object_kept *k)
{
	return db_run(c->db, "INSERT OR IGNORE INTO object_told (kind, camera, place, start, seal_digest, end, bytes) VALUES "
		      "('copied', ?, ?, ?, ?, ?, ?)", "ttibii", k->camera, k->place, k->start.us, k->seal_digest,
		      sizeof k->seal_digest, k->end.us, k->bytes);
}

static int put(struct catalog *c, const struct object_kept *k, const char *state)
{
	int64_t witnessed_us;
	int rc = catalog_state_int(c, "witnessed_us", &witnessed_us);

	return rc < 0 ? rc : db_run(c->db,
		      "INSERT INTO object (camera, start, state, place, key, version, bytes, sha256, seal_digest, retain_until, end, "
		      "witnessed_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (camera, start) "
		      "DO UPDATE SET state = ?3, place = ?4, key = ?5, version = ?6, bytes = ?7, sha256 = ?8, seal_digest = ?9, "
		      "retain_until = ?10, end = ?11, witnessed_us = ?12",
		      "tittttibbiii", k->camera, k->start.us, state, k->place, k->key, k->version, k->bytes, k->sha256,
		      sizeof k->sha256, k->seal_digest, sizeof k->seal_digest, k->retain_until.us, k->end.us,
		      witnessed_us);
}

int object_keep(struct catalog *c, const struct object_kept *k)
{
	struct segment_place row;
	int rc = copy_find_segment(c, k->camera, k->start, &row);
	bool there = rc > 0;

	free(row.root_path);
	if (rc < 0)
		return rc;
	if (there && memcmp(row.seal_digest, k->seal_digest, sizeof row.seal_digest) != 0)
		return -EBADMSG;
	int known = object_is_kept(c, k);
	if (known != 0)
		return known < 0 ? known : 0;
	rc = put(c, k, there ? "kept" : "alone");
	return rc < 0 ? rc : note_copied(c, k);
}

int object_recover(struct catalog *c, struct wall now, const struct object_kept *k)
{
	int rc = put(c, k, "kept");

	return rc < 0 ? rc : db_run(c->db, "INSERT OR REPLACE INTO stored VALUES (?, ?, ?)", "tii", k->camera, k->start.us, now.us);
}

int object_is_kept(struct catalog *c, const struct object_kept *k)
{
	int64_t n = 0;
	int rc = db_int(c->db, &n,
			"SELECT count(*) FROM object WHERE camera = ? AND start = ? AND state = 'kept' AND version = ? AND seal_digest = ? "
			"AND place = ? AND place = (SELECT value FROM state WHERE key = 'offload')", "titbt", k->camera, k->start.us,
			k->version, k->seal_digest, sizeof k->seal_digest, k->place);

	return rc < 0 ? rc : n > 0;
}

int object_look_again(struct catalog *c)
{
	return catalog_set_state(c, "offload_listed", "");
}

/* --- what goes -------------------------------------------------------------------------------------- */

int object_list_alone(struct catalog *c, struct wall end, const struct object_alone *after, struct object_alone *out, unsigned room,
		      unsigned *count)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT camera, start, end, witnessed_us FROM object INDEXED BY object_alone WHERE state = 'alone' AND end <= ?1 "
			  "AND start < ?1 AND (start, camera) > (?2, ?3) ORDER BY start, camera LIMIT ?4", "iiti", end.us,
			  after ? after->start.us : INT64_MIN, after ? after->camera : "", (int64_t)room);

	*count = 0;
	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		struct object_alone *o = &out[(*count)++];
		*o = (struct object_alone){.start = {db_i64(&q, 1)}, .end = {db_i64(&q, 2)}, .witnessed_us = db_i64(&q, 3)};
		snprintf(o->camera, sizeof o->camera, "%s", db_text(&q, 0));
	}
	db_done(&q);
	return rc;
}

int object_doom(struct catalog *c, const char *camera, struct wall start)
{
	return db_run(c->db, "UPDATE object SET state = 'doomed' WHERE camera = ? AND start = ? AND state = 'alone'", "ti", camera,
		      start.us);
}

int object_drop(struct catalog *c, const char *camera, struct wall start, const char *version)
{
	int rc = db_run(c->db,
			"INSERT OR REPLACE INTO object_gone SELECT camera, start, end, place, bytes, seal_digest, EXISTS (SELECT 1 FROM "
			"stored t WHERE t.camera = o.camera AND t.start = o.start) FROM object o WHERE camera = ? AND start = ? AND "
			"version = ? AND state = 'doomed'", "tit", camera, start.us, version);

	if (rc < 0 || db_changes(c->db) == 0)
		return rc;
	rc = db_run(c->db, "DELETE FROM stored WHERE camera = ? AND start = ?", "ti", camera, start.us);
	return rc < 0 ? rc : db_run(c->db, "DELETE FROM object WHERE camera = ? AND start = ?", "ti", camera, start.us);
}
