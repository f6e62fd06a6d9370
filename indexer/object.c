#include "object.h"

#include "catalog_internal.h"
#include "copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static int take_all(struct catalog *c)
{
	return db_run(c->db,
		      "INSERT INTO object (camera, start, state) SELECT camera, start, 'waiting' FROM segment s "
		      "WHERE NOT EXISTS (SELECT 1 FROM object o WHERE o.camera = s.camera AND o.start = s.start)", "");
}

static int leave(struct catalog *c)
{
	int rc = db_exec(c->db, "DROP TRIGGER IF EXISTS temp.object_waits");

	return rc < 0 ? rc : db_run(c->db, "DELETE FROM object WHERE state = 'waiting'", "");
}

int object_configure(struct catalog *c, const char *place)
{
	char was[1024];
	int rc = catalog_state(c, "offload", was, sizeof was);

	if (rc == 0)
		rc = place ? watch(c) : leave(c);
	if (rc < 0 || strcmp(was, place ? place : "") == 0)
		return rc;
	if (place && !was[0])
		rc = take_all(c);
	return rc < 0 ? rc : catalog_set_state(c, "offload", place ? place : "");
}

/* --- what is kept ----------------------------------------------------------------------------------- */

int object_keep(struct catalog *c, const struct object_kept *k)
{
	struct segment_place row;
	char witnessed[32];
	int rc = copy_find_segment(c, k->camera, k->start, &row);

	free(row.root_path);
	if (rc < 0 || catalog_state(c, "witnessed_us", witnessed, sizeof witnessed) < 0)
		return rc < 0 ? rc : -EIO;
	if (rc > 0 && memcmp(row.seal_digest, k->seal_digest, sizeof row.seal_digest) != 0)
		return -EBADMSG;
	return db_run(c->db,
		      "INSERT INTO object (camera, start, state, place, key, version, bytes, sha256, seal_digest, retain_until, end, "
		      "witnessed_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (camera, start) "
		      "DO UPDATE SET state = ?3, place = ?4, key = ?5, version = ?6, bytes = ?7, sha256 = ?8, seal_digest = ?9, "
		      "retain_until = ?10, end = ?11, witnessed_us = ?12",
		      "tittttibbiii", k->camera, k->start.us, rc > 0 ? "kept" : "alone", k->place, k->key, k->version, k->bytes,
		      k->sha256, sizeof k->sha256, k->seal_digest, sizeof k->seal_digest, k->retain_until.us, k->end.us,
		      strtoll(witnessed, NULL, 10));
}

/* --- what goes -------------------------------------------------------------------------------------- */

int object_list_alone(struct catalog *c, struct wall end, struct object_alone *out, unsigned room, unsigned *count)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT camera, start, end, witnessed_us FROM object INDEXED BY object_alone WHERE state = 'alone' AND end <= ?1 "
			  "AND start < ?1 ORDER BY start, camera LIMIT ?2", "ii", end.us, (int64_t)room);

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
	return db_run(c->db, "DELETE FROM object WHERE camera = ? AND start = ? AND version = ? AND state = 'doomed'", "tit", camera,
		      start.us, version);
}
