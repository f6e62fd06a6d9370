#include "indexer/expired_tell.h"

#include "catalog_internal.h"
#include "file_batch.h"

#include <errno.h>

struct day { char camera[CATALOG_ID_MAX]; struct file_sums sums; json_t *cameras; int64_t files, bytes; };

static void end_camera(struct day *d)
{
	if (d->sums.files == 0)
		return;
	d->files += d->sums.files;
	d->bytes += d->sums.bytes;
	json_t *one = file_sums_json(&d->sums);
	json_object_set_new(one, "camera", json_string(d->camera));
	json_array_append_new(d->cameras, one);
}

static int add(struct day *d, const struct db_query *q)
{
	uint8_t seal[SHA256_BYTES];
	int rc = db_blob_copy(q, 4, seal, sizeof seal);

	if (rc < 0)
		return rc;
	if (strcmp(d->camera, db_text(q, 0)) != 0)
		end_camera(d);
	snprintf(d->camera, sizeof d->camera, "%s", db_text(q, 0));
	file_sums_add(&d->sums, (struct wall){db_i64(q, 1)}, (struct wall){db_i64(q, 2)}, db_i64(q, 3), seal);
	return 0;
}

static int gather(struct catalog *c, struct day *d)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT camera, start, end, bytes, seal_digest FROM expired_told ORDER BY camera, start", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		if ((rc = add(d, &q)) < 0)
			break;
	db_done(&q);
	end_camera(d);
	return rc;
}

static int tell(struct catalog *c, struct wall now)
{
	struct day d = {.cameras = json_array()};
	int rc = gather(c, &d);

	file_sums_finish(&d.sums);
	if (rc < 0 || d.files == 0) {
		json_decref(d.cameras);
		return rc;
	}
	rc = ledger_append(c, now, "footage.expired", NULL,
			   json_pack("{sI sI so}", "files", (json_int_t)d.files, "bytes", (json_int_t)d.bytes, "cameras", d.cameras), NULL);
	return rc < 0 ? rc : db_run(c->db, "DELETE FROM expired_told", "");
}

/* -ENOENT: never. Entries of version 0.1 name a camera. */
static int find_told(struct catalog *c, struct wall *told)
{
	int rc = db_int(c->db, &told->us, "SELECT at FROM ledger WHERE kind = 'footage.expired' AND camera IS NULL ORDER BY seq DESC LIMIT 1", "");

	if (rc == -ENOENT)
		told->us = INT64_MIN / 2;
	return rc == -ENOENT ? 0 : rc;
}

int expired_tell(struct expired_tell *t, struct catalog *c, struct wall now)
{
	int64_t waits = 0;
	int rc = t->known ? 0 : find_told(c, &t->told);

	if (rc < 0)
		return rc;
	t->known = true;
	if (now.us - t->told.us < EXPIRED_EVERY_US && now.us >= t->told.us) /* a clock that was set back waits for no later time */
		return 0;
	rc = db_int(c->db, &waits, "SELECT EXISTS (SELECT 1 FROM expired_told)", "");
	if (rc < 0 || !waits)
		return rc;
	rc = catalog_begin(c);
	rc = rc < 0 ? rc : catalog_end(c, tell(c, now));
	t->told = rc == 0 ? now : t->told;
	return rc;
}
