#include "retention/reaper.h"

#include "base/buf.h"
#include "base/log.h"
#include "indexer/garbage.h"
#include "media/root_identity.h"
#include "media/segment.h"
#include "retention/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- what the policy is told ---------------------------------------------------------- */

static int64_t witnessed_us(struct catalog *c)
{
	char text[32];

	return catalog_state(c, "witnessed_us", text, sizeof text) == 0 ? atoll(text) : 0;
}

static struct retention_state state_now(struct reaper *r)
{
	return (struct retention_state){.now = clock_wall(r->clock), .clock_synced = r->clock->synced(r->clock),
					.witnessed_us = witnessed_us(r->catalog),
					.floor_days = r->conf->rule.floor_days, .keep_days = r->conf->keep_days};
}

struct hold_list { struct retention_hold *items; size_t count; };

static int on_hold(void *arg, const struct catalog_hold *h)
{
	struct hold_list *l = arg;

	l->items = xrealloc(l->items, (l->count + 1) * sizeof *l->items);
	l->items[l->count++].range = (struct wall_range){h->start, h->end};
	return 0;
}

/* --- claiming --------------------------------------------------------------------------- */

struct claim {
	struct reaper *r;
	struct retention_state state;
	uint64_t need_bytes;
	int64_t ids[REAPER_BATCH];
	unsigned count;
};

static int judge(struct claim *k, const struct garbage_candidate *g, enum retention_verdict *out)
{
	struct hold_list holds = {0};
	struct retention_item item = {g->start, g->end, g->bytes, g->witnessed_us};
	int rc = catalog_holds(k->r->catalog, g->camera, false, on_hold, &holds);

	*out = retention_judge(&item, holds.items, holds.count, &k->state, k->need_bytes > 0);
	free(holds.items);
	return rc;
}

static int on_candidate(void *arg, const struct garbage_candidate *g)
{
	struct claim *k = arg;
	enum retention_verdict verdict;
	int rc = judge(k, g, &verdict);

	if (rc < 0)
		return rc;
	if (!retention_deletes(verdict))
		return 0;
	k->ids[k->count++] = g->id;
	k->need_bytes -= k->need_bytes < g->bytes ? k->need_bytes : g->bytes;
	return k->count == REAPER_BATCH;
}

/* The check and the claim are one transaction, so that a hold placed meanwhile is seen or waits. */
static int claim_in_transaction(struct claim *k, int64_t root)
{
	/* What is within the floor by the wall clock is within it by any other. */
	struct wall before = {k->state.now.us - (int64_t)k->state.floor_days * US_PER_DAY};
	int rc = garbage_candidates(k->r->catalog, root, before, UINT32_MAX, on_candidate, k);

	for (unsigned i = 0; rc >= 0 && i < k->count; i++)
		rc = garbage_claim(k->r->catalog, k->ids[i]);
	return rc < 0 ? rc : 0;
}

static const struct conf_root *configured(const struct conf *conf, const char *path)
{
	for (unsigned i = 0; i < conf->root_count; i++)
		if (strcmp(conf->roots[i].path, path) == 0)
			return &conf->roots[i];
	return NULL;
}

static int claim_root(struct reaper *r, int64_t root, const struct conf_root *where)
{
	struct claim k = {.r = r, .state = state_now(r)};
	uint64_t free_bytes, total_bytes;
	int rc = r->fs->free_bytes(r->fs, where->path, &free_bytes, &total_bytes);

	if (rc < 0)
		return rc;
	k.need_bytes = retention_need_bytes(free_bytes, where->reserve_bytes);
	rc = catalog_begin(r->catalog);
	if (rc < 0)
		return rc;
	rc = claim_in_transaction(&k, root);
	if (rc == 0)
		rc = catalog_commit(r->catalog);
	if (rc < 0)
		catalog_rollback(r->catalog);
	return rc;
}

static int on_root(void *arg, int64_t id, const char *path)
{
	struct reaper *r = arg;
	const struct conf_root *where = configured(r->conf, path);
	struct root_identity identity;

	if (!where || root_identity_check(r->fs, path, r->conf->site.id, &identity) < 0)
		return 0;
	int rc = claim_root(r, id, where);
	if (rc < 0)
		log_warn("retention", "root=%s text=\"not pruned: %s\"", path, strerror(-rc));
	return 0;
}

/* --- unlinking --------------------------------------------------------------------------- */

struct batch {
	struct reaper *r;
	int64_t ids[REAPER_BATCH];
	unsigned count;
	json_t *by_camera;              /* camera → the body of its ledger entry */
};

static int unlink_file(struct reaper *r, const struct garbage_row *g)
{
	char name[256];

	segment_archive_name(name, g->camera, g->start);
	char *path = xasprintf("%s/archive/%s", g->root_path, name);
	int rc = r->fs->unlink(r->fs, path);
	if (rc == -ENOENT)
		rc = 0; /* a crash came between unlink and drop */
	char *slash = strrchr(path, '/');
	*slash = '\0';
	if (rc == 0)
		rc = r->fs->sync_dir(r->fs, path);
	free(path);
	return rc == -ENOENT ? 0 : rc;
}

static void note(struct batch *b, const struct garbage_row *g)
{
	char start[WALL_TEXT_MAX], end[WALL_TEXT_MAX], digest[SHA256_HEX_MAX];
	json_t *entry = json_object_get(b->by_camera, g->camera);

	hex_encode(g->seal_digest, SHA256_BYTES, digest);
	if (!entry) {
		entry = json_pack("{s:s, s:i, s:i, s:[]}", "start", wall_format(g->start, start), "files", 0, "bytes", 0,
				  "seals");
		json_object_set_new(b->by_camera, g->camera, entry);
	}
	json_object_set_new(entry, "end", json_string(wall_format(g->end, end)));
	json_object_set_new(entry, "files", json_integer(json_integer_value(json_object_get(entry, "files")) + 1));
	json_object_set_new(entry, "bytes",
			    json_integer(json_integer_value(json_object_get(entry, "bytes")) + (json_int_t)g->bytes));
	json_array_append_new(json_object_get(entry, "seals"), json_string(digest));
}

static int on_garbage(void *arg, const struct garbage_row *g)
{
	struct batch *b = arg;
	struct root_identity identity;

	if (root_identity_check(b->r->fs, g->root_path, b->r->conf->site.id, &identity) < 0)
		return 0; /* its disk is away: the file may still be there when it comes back */
	int rc = unlink_file(b->r, g);
	if (rc < 0) {
		log_warn("retention", "camera=%s text=\"cannot delete: %s\"", g->camera, strerror(-rc));
		return 0;
	}
	b->ids[b->count++] = g->id;
	note(b, g);
	return b->count == REAPER_BATCH;
}

static int drop_in_transaction(struct batch *b)
{
	const char *camera;
	json_t *body;
	int64_t seq;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < b->count; i++)
		rc = garbage_drop(b->r->catalog, b->ids[i]);
	json_object_foreach(b->by_camera, camera, body)
		if (rc == 0)
			rc = ledger_append(b->r->catalog, clock_wall(b->r->clock), "footage.expired", camera,
					   json_incref(body), &seq);
	return rc;
}

static int drop(struct batch *b)
{
	if (b->count == 0)
		return 0;
	int rc = catalog_begin(b->r->catalog);
	if (rc < 0)
		return rc;
	rc = drop_in_transaction(b);
	if (rc == 0)
		rc = catalog_commit(b->r->catalog);
	if (rc < 0)
		catalog_rollback(b->r->catalog);
	return rc;
}

static int finish_garbage(struct reaper *r)
{
	struct batch b = {.r = r, .by_camera = json_object()};
	int rc = garbage_list(r->catalog, UINT32_MAX, on_garbage, &b);

	if (rc >= 0)
		rc = drop(&b);
	if (rc == 0 && b.count)
		log_info("retention", "deleted=%u", b.count);
	json_decref(b.by_camera);
	return rc < 0 ? rc : (int)b.count;
}

int reaper_step(struct reaper *r)
{
	int rc = catalog_roots(r->catalog, on_root, r);

	return rc < 0 ? rc : finish_garbage(r);
}
