#include "retention/release.h"

#include "base/lang.h"
#include "base/log.h"
#include "indexer/catalog_internal.h"
#include "indexer/file_batch.h"
#include "indexer/object.h"
#include "retention/claim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 200, BAD = 400, FAILED = 500 };

struct release {
	struct reaper *r;
	struct retention_state state;
	char camera[CATALOG_ID_MAX];    /* of holds and batch */
	struct retention_hold *holds;
	size_t hold_count;
	struct file_batch batch;
	unsigned released;
};

/* --- the ledger's word ------------------------------------------------------------------------------ */

static int tell(struct release *x)
{
	if (file_batch_count(&x->batch) == 0)
		return 0;
	char *place = conf_offload_place(&x->r->conf->offload);
	json_t *body = file_batch_json(&x->batch);

	json_object_set_new(body, "place", json_string(place));
	free(place);
	return ledger_append(x->r->catalog, x->state.now, "footage.released", x->camera, body, NULL);
}

/* Its holds are read in this transaction. */
static int turn_to(struct release *x, const char *camera)
{
	if (strcmp(x->camera, camera) == 0 && file_batch_count(&x->batch) < FILE_BATCH_MAX)
		return 0;
	int rc = tell(x);

	free(x->holds);
	x->holds = NULL;
	snprintf(x->camera, sizeof x->camera, "%s", camera);
	return rc < 0 ? rc : claim_holds(x->r->catalog, camera, &x->holds, &x->hold_count);
}

/* --- one copy ------------------------------------------------------------------------------------------ */

static int item_of(struct catalog *c, const struct segment_place *p, const struct object_kept *k, struct retention_item *out)
{
	*out = (struct retention_item){.start = k->start, .end = k->end, .offset_us = clock_zone_offset_us(k->end)};
	return db_int(c->db, &out->witnessed_us, "SELECT witnessed_us FROM segment WHERE id = ?", "i", p->segment);
}

/* 1, 0 or negative. */
static int may_go(struct release *x, const struct segment_place *p, const struct object_kept *k)
{
	const struct conf *conf = x->r->conf;
	struct retention_item item;

	if (!conf->offload.releases)
		return 0;
	int rc = object_plays(x->r->catalog, p);
	if (rc <= 0)
		return rc;
	rc = item_of(x->r->catalog, p, k, &item);
	if (rc == 0)
		rc = turn_to(x, k->camera);
	if (rc < 0)
		return rc;
	return retention_floor_end(&item, conf->rule.floor_days, clock_zone_offset_us).us <= k->retain_until.us &&
	       retention_may_release(&item, x->holds, x->hold_count, &x->state, conf->offload.local_days);
}

static int judge(struct release *x, const struct segment_place *p, const struct object_kept *k)
{
	if (p->root == CATALOG_STORE_ROOT)
		return object_seen(x->r->catalog, k->camera, k->start, x->state.now);
	int rc = may_go(x, p, k);

	if (rc <= 0)
		return rc;
	rc = object_release(x->r->catalog, p, x->state.now);
	file_batch_add(&x->batch, k->start, k->end, p->bytes, k->seal_digest);
	x->released++;
	return rc;
}

static int take(struct release *x, const struct object_kept *k)
{
	struct segment_place p;
	int rc = object_is_kept(x->r->catalog, k);

	if (rc > 0)
		rc = copy_find_segment(x->r->catalog, k->camera, k->start, &p);
	if (rc <= 0)
		return rc;
	if (memcmp(p.seal_digest, k->seal_digest, sizeof p.seal_digest) == 0)
		rc = judge(x, &p, k);
	free(p.root_path);
	return rc < 0 ? rc : 0;
}

/* --- all ------------------------------------------------------------------------------------------------ */

static int take_all(struct release *x, const json_t *args)
{
	const json_t *objects = json_object_get(args, "objects"), *lost = json_object_get(args, "lost");
	struct object_kept k;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_array_size(objects); i++) {
		rc = object_kept_parse(json_array_get(objects, i), &k);
		rc = rc < 0 ? rc : take(x, &k);
	}
	if (rc == 0)
		rc = tell(x);
	for (size_t i = 0; rc == 0 && i < json_array_size(lost); i++) {
		const json_t *o = json_array_get(lost, i);
		enum object_loss how = OBJECT_GONE;
		rc = object_kept_parse(o, &k);
		if (rc == 0)
			rc = object_loss_parse(json_string_value(json_object_get(o, "how")), &how);
		if (rc == 0)
			rc = object_lost(x->r->fs, x->r->catalog, x->r->conf->site.id, x->state.now, &k, how);
	}
	return rc;
}

static int run(struct release *x, const json_t *args)
{
	int rc = reaper_state(x->r, &x->state);

	if (rc == 0)
		rc = catalog_begin(x->r->catalog);
	if (rc < 0)
		return rc;
	rc = catalog_end(x->r->catalog, take_all(x, args));
	file_batch_finish(&x->batch);
	free(x->holds);
	return rc;
}

int release_command(struct reaper *r, const json_t *args, json_t **reply)
{
	struct release x = {.r = r};
	int rc = run(&x, args);

	if (rc == 0) {
		if (x.released > 0)
			log_info("retention", "released=%u text=\"local files whose copies are kept\"", x.released);
		*reply = json_pack("{sI}", "released", (json_int_t)x.released);
		return OK;
	}
	*reply = json_pack("{ss}", "problem", rc == -EINVAL ? lang("对象描述不完整", "this does not describe an object")
						: lang("目录写入失败，稍后重试", "the catalogue could not be written; will try again"));
	return rc == -EINVAL ? BAD : FAILED;
}
