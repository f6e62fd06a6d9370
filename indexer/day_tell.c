#include "indexer/day_tell.h"

#include "catalog_internal.h"
#include "file_batch.h"
#include "gap.h"

#include <errno.h>
#include <string.h>

struct day { char camera[CATALOG_ID_MAX], place[1024]; struct file_sums sums; json_t *cameras, *aside; int64_t files, bytes; };

/* rows: camera, place, start, end, bytes, seal_digest, in order of camera and place. */
struct day_kind {
	const char *kind, *waits, *rows, *drop;
	int (*more)(struct catalog *c, struct day *d); /* NULL: no more than the rows */
};

static void end_camera(struct day *d)
{
	if (d->sums.files == 0)
		return;
	d->files += d->sums.files;
	d->bytes += d->sums.bytes;
	json_t *one = file_sums_json(&d->sums);
	json_object_set_new(one, "camera", json_string(d->camera));
	if (*d->place)
		json_object_set_new(one, "place", json_string(d->place));
	json_array_append_new(d->cameras, one);
}

static int add(struct day *d, const struct db_query *q)
{
	uint8_t seal[SHA256_BYTES];
	int rc = db_blob_copy(q, 5, seal, sizeof seal);

	if (rc < 0)
		return rc;
	if (strcmp(d->camera, db_text(q, 0)) != 0 || strcmp(d->place, db_text(q, 1)) != 0)
		end_camera(d);
	snprintf(d->camera, sizeof d->camera, "%s", db_text(q, 0));
	snprintf(d->place, sizeof d->place, "%s", db_text(q, 1));
	file_sums_add(&d->sums, (struct wall){db_i64(q, 2)}, (struct wall){db_i64(q, 3)}, db_i64(q, 4), seal);
	return 0;
}

static int gather(struct catalog *c, struct day *d, const struct day_kind *k)
{
	struct db_query q;
	int rc = db_query(c->db, &q, k->rows, "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		if ((rc = add(d, &q)) < 0)
			break;
	db_done(&q);
	end_camera(d);
	file_sums_finish(&d->sums);
	if (rc == 0)
		rc = db_exec(c->db, k->drop);
	return rc == 0 && k->more ? k->more(c, d) : rc;
}

/* --- files that were put aside --------------------------------------------------------------------- */

#define ASIDE_FIRST "FROM aside_told ORDER BY camera, start, file, sha256 LIMIT ?"

static int add_aside(struct day *d, const struct db_query *q)
{
	uint8_t sha256[SHA256_BYTES];
	char hex[SHA256_HEX_MAX];
	int rc = db_blob_copy(q, 5, sha256, sizeof sha256);

	if (rc < 0)
		return rc;
	hex_encode(sha256, sizeof sha256, hex);
	d->files++;
	d->bytes += db_i64(q, 3);
	json_array_append_new(d->aside, json_pack("{ss so so sI ss ss}", "camera", db_text(q, 0), "start", wall_json(db_i64(q, 1)), "end",
						  wall_json(db_i64(q, 2)), "bytes", (json_int_t)db_i64(q, 3), "file", db_text(q, 4),
						  "sha256", hex));
	return 0;
}

static int gather_aside(struct catalog *c, struct day *d)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT camera, start, end, bytes, file, sha256 " ASIDE_FIRST, "i", (int64_t)DAY_ASIDE_MAX);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		if ((rc = add_aside(d, &q)) < 0)
			break;
	db_done(&q);
	return rc < 0 ? rc : db_run(c->db, "DELETE FROM aside_told WHERE (camera, start, file, sha256) IN (SELECT camera, start, file, sha256 "
				    ASIDE_FIRST ")", "i", (int64_t)DAY_ASIDE_MAX);
}

/* --- what version 0.1 counted of copies ------------------------------------------------------------- */

/* It has no digests of them. */
static int gather_counted(struct catalog *c, struct day *d)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT camera, place, files, bytes, start, end FROM copied ORDER BY camera, place", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		d->files += db_i64(&q, 2);
		d->bytes += db_i64(&q, 3);
		json_array_append_new(d->cameras, json_pack("{ss ss sI sI so so}", "camera", db_text(&q, 0), "place", db_text(&q, 1), "files",
							    (json_int_t)db_i64(&q, 2), "bytes", (json_int_t)db_i64(&q, 3), "start",
							    wall_json(db_i64(&q, 4)), "end", wall_json(db_i64(&q, 5))));
	}
	db_done(&q);
	return rc < 0 ? rc : db_run(c->db, "DELETE FROM copied", "");
}

/* --- told -------------------------------------------------------------------------------------------- */

#define OBJECT_ROWS "SELECT camera, place, start, end, bytes, seal_digest FROM object_told WHERE kind = "

static const struct day_kind kinds[DAY_TELL_KINDS] = {
	{"footage.expired",
	 "SELECT EXISTS (SELECT 1 FROM expired_told) OR EXISTS (SELECT 1 FROM aside_told) OR "
	 "EXISTS (SELECT 1 FROM object_told WHERE kind = 'expired')",
	 "SELECT camera, '', start, end, bytes, seal_digest FROM expired_told UNION ALL " OBJECT_ROWS "'expired' ORDER BY 1, 2, 3",
	 "DELETE FROM expired_told; DELETE FROM object_told WHERE kind = 'expired'", gather_aside},
	{"offload.copied", "SELECT EXISTS (SELECT 1 FROM object_told WHERE kind = 'copied') OR EXISTS (SELECT 1 FROM copied)",
	 OBJECT_ROWS "'copied' ORDER BY 1, 2, 3", "DELETE FROM object_told WHERE kind = 'copied'", gather_counted},
	{"offload.deleted", "SELECT EXISTS (SELECT 1 FROM object_told WHERE kind = 'deleted')",
	 OBJECT_ROWS "'deleted' ORDER BY 1, 2, 3", "DELETE FROM object_told WHERE kind = 'deleted'", NULL},
};

/* 1: told, 0: nothing was left to tell, or negative. */
static int tell(struct catalog *c, struct wall now, const struct day_kind *k)
{
	struct day d = {.cameras = json_array(), .aside = json_array()};
	int rc = gather(c, &d, k);

	json_t *body = json_pack("{sI sI so}", "files", (json_int_t)d.files, "bytes", (json_int_t)d.bytes, "cameras", d.cameras);
	if (json_array_size(d.aside) > 0)
		json_object_set(body, "aside", d.aside);
	json_decref(d.aside);
	if (rc < 0 || d.files == 0) {
		json_decref(body);
		return rc;
	}
	rc = ledger_append(c, now, k->kind, NULL, body, NULL);
	return rc < 0 ? rc : 1;
}

static int tell_all(struct catalog *c, struct wall now, const struct day_kind *k)
{
	int rc;

	while ((rc = tell(c, now, k)) > 0)
		;
	return rc;
}

/* -ENOENT: never. Entries of version 0.1 name a camera. */
static int find_told(struct catalog *c, const struct day_kind *k, struct wall *told)
{
	int rc = db_int(c->db, &told->us, "SELECT at FROM ledger WHERE kind = ? AND camera IS NULL ORDER BY seq DESC LIMIT 1", "t", k->kind);

	if (rc == -ENOENT)
		told->us = INT64_MIN / 2;
	return rc == -ENOENT ? 0 : rc;
}

static int tell_kind(struct catalog *c, struct wall now, const struct day_kind *k, struct wall *told, bool *known)
{
	int64_t waits = 0;
	int rc = *known ? 0 : find_told(c, k, told);

	if (rc < 0)
		return rc;
	*known = true;
	if (now.us - told->us < DAY_TELL_US && now.us >= told->us) /* a clock that was set back waits for no later time */
		return 0;
	rc = db_int(c->db, &waits, k->waits, "");
	if (rc < 0 || !waits)
		return rc;
	rc = catalog_begin(c);
	rc = rc < 0 ? rc : catalog_end(c, tell_all(c, now, k));
	*told = rc == 0 ? now : *told;
	return rc;
}

int day_tell(struct day_tell *t, struct catalog *c, struct wall now)
{
	int rc = 0;

	for (unsigned i = 0; i < DAY_TELL_KINDS; i++) {
		int failed = tell_kind(c, now, &kinds[i], &t->kinds[i].told, &t->kinds[i].known);
		rc = rc < 0 ? rc : failed;
	}
	return rc;
}
