#include "retention/reaper.h"

#include "base/buf.h"
#include "base/log.h"
#include "indexer/garbage.h"
#include "media/segment.h"
#include "retention/brake.h"
#include "retention/claim.h"
#include "retention/keep.h"
#include "retention/reap_aside.h"
#include "retention/reap_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the time while there is much to delete, at most a fifth is spent on it: a disk that is slow to
 * unlink is given its time for the recorder's writes. */
#define PAUSE_PER_WORK 4
#define PAUSE_MIN_MS 200
#define PAUSE_IDLE_MS 60000

struct place { int64_t id; char *path; };
struct place_list { struct place *items; unsigned count; };

struct doomed {
	int64_t id;
	char camera[CATALOG_ID_MAX];
	struct wall start;
	bool gone;                      /* unlinked, and its folder synced */
};

/* The garbage of one root, by camera and start. */
struct batch {
	struct reaper *r;
	const struct place *root;
	struct doomed files[REAPER_BATCH];
	unsigned count;
	int rc;                         /* the first trouble */
};

/* --- the disk is the one we think it is ------------------------------------------------------- */

static bool is_ours(struct reaper *r, const struct place *root)
{
	return garbage_root_is_ours(r->fs, r->catalog, r->conf->site.id, root->id, root->path);
}

/* --- unlinking ---------------------------------------------------------------------------------- */

struct held { char camera[CATALOG_ID_MAX]; struct retention_hold *holds; size_t count; };

static int is_held(struct catalog *c, struct held *cache, const struct garbage_row *g)
{
	struct retention_item item = {.start = g->start, .end = g->end};

	if (strcmp(cache->camera, g->camera) != 0) {
		free(cache->holds);
		int rc = claim_holds(c, g->camera, &cache->holds, &cache->count);
		snprintf(cache->camera, sizeof cache->camera, "%s", rc == 0 ? g->camera : "");
		if (rc < 0)
			return rc;
	}
	return retention_held_until(&item, cache->holds, cache->count).us >= item.start.us;
}

struct collect { struct batch *b; struct held held; };

static int on_garbage(void *arg, const struct garbage_row *g)
{
	struct collect *x = arg;
	struct batch *b = x->b;

	if (g->root != b->root->id)
		return 0;
	int rc = is_held(b->r->catalog, &x->held, g);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	struct doomed *d = &b->files[b->count++];
	*d = (struct doomed){.id = g->id, .start = g->start};
	snprintf(d->camera, sizeof d->camera, "%s", g->camera);
	return b->count == REAPER_BATCH;
}

static int collect(struct batch *b)
{
	struct collect x = {.b = b};
	int rc = garbage_list(b->r->catalog, UINT32_MAX, on_garbage, &x);

	free(x.held.holds);
	return rc < 0 ? rc : 0;
}

static char *folder_of(const struct batch *b, const struct doomed *d)
{
	char name[256];

	segment_archive_name(name, d->camera, d->start);
	*strrchr(name, '/') = '\0';
	return xasprintf("%s/archive/%s", b->root->path, name);
}

static int unlink_one(struct batch *b, const struct doomed *d)
{
	char name[256];

	segment_archive_name(name, d->camera, d->start);
	char *path = xasprintf("%s/archive/%s", b->root->path, name);
	int rc = b->r->fs->unlink(b->r->fs, path);
	free(path);
	return rc == -ENOENT ? 0 : rc; /* a crash came between unlink and drop */
}

static void trouble(struct batch *b, int rc)
{
	if (rc < 0 && b->rc == 0)
		b->rc = rc;
}

/* From `first` on, all that stands in the same folder. Returns where the next folder begins. */
static unsigned unlink_folder(struct batch *b, unsigned first)
{
	char *folder = folder_of(b, &b->files[first]);
	unsigned i;

	for (i = first; i < b->count; i++) {
		char *next = folder_of(b, &b->files[i]);
		bool same = strcmp(next, folder) == 0;
		free(next);
		if (!same)
			break;
		int rc = unlink_one(b, &b->files[i]);
		b->files[i].gone = rc == 0;
		trouble(b, rc);
	}
	int rc = b->r->fs->sync_dir(b->r->fs, folder);
	if (rc < 0 && rc != -ENOENT) {
		trouble(b, rc);
		for (unsigned n = first; n < i; n++)
			b->files[n].gone = false;
	}
	free(folder);
	return i;
}

/* What is not there counts as deleted only while the disk itself is there. */
static void unlink_all(struct batch *b)
{
	for (unsigned i = 0; i < b->count;)
		i = unlink_folder(b, i);
	if (is_ours(b->r, b->root))
		return;
	trouble(b, -ENODEV);
	b->count = 0;
}

/* --- dropped: the ledger is told once a day --------------------------------------------------------- */

static int drop_in_transaction(struct batch *b, unsigned *dropped)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < b->count; i++) {
		if (!b->files[i].gone)
			continue;
		rc = garbage_drop(b->r->catalog, b->files[i].id);
		++*dropped;
	}
	return rc;
}

static int drop(struct batch *b, unsigned *dropped)
{
	int rc = b->count ? catalog_begin(b->r->catalog) : 0;

	*dropped = 0;
	if (rc < 0 || b->count == 0)
		return rc;
	rc = catalog_end(b->r->catalog, drop_in_transaction(b, dropped));
	if (rc < 0)
		*dropped = 0;
	return rc;
}

/* *left: garbage of this root that could not be deleted now. */
static int finish_garbage(struct reaper *r, const struct place *root, unsigned *deleted, unsigned *left)
{
	struct batch b = {.r = r, .root = root};
	int rc = collect(&b);
	unsigned met = b.count, dropped = 0;

	if (rc == 0 && b.count > 0)
		unlink_all(&b);
	if (rc == 0)
		rc = drop(&b, &dropped);
	if (dropped > 0)
		log_info("retention", "root=%s deleted=%u", root->path, dropped);
	*deleted += dropped;
	*left = met - dropped;
	return rc < 0 ? rc : b.rc;
}

/* --- a root --------------------------------------------------------------------------------------- */

static const struct conf_root *configured(const struct conf *conf, const char *path)
{
	for (unsigned i = 0; i < conf->root_count; i++)
		if (strcmp(conf->roots[i].path, path) == 0)
			return &conf->roots[i];
	return NULL;
}

int reaper_state(struct reaper *r, struct retention_state *out)
{
	int64_t witnessed_us;
	int rc = catalog_state_int(r->catalog, "witnessed_us", &witnessed_us);

	*out = (struct retention_state){.now = clock_wall(r->clock), .clock_synced = r->clock->synced(r->clock),
					.witnessed_us = witnessed_us,
					.floor_days = r->conf->rule.floor_days};
	out->offset_us = clock_zone_offset_us(out->now);
	if (rc == 0)
		rc = keep_settle(r->catalog, r->conf, out->now, out->witnessed_us, &r->keep_days);
	if (rc == 0)
		rc = brake_is_lifted(r->catalog, out->witnessed_us, &out->brake_lifted);
	out->keep_days = r->keep_days;
	return rc;
}

/* One step over all that is kept. */
struct sweep { struct reaper *r; struct retention_state state; struct brake_waiting waiting; unsigned deleted; };

static int claim_root(struct sweep *s, const struct place *root, const struct conf_root *where, unsigned limit, unsigned *count)
{
	struct reaper *r = s->r;
	struct claim k = {.catalog = r->catalog, .root = root->id, .state = s->state, .limit = limit, .waiting = &s->waiting};
	uint64_t free_bytes, total_bytes;
	int rc = r->fs->free_bytes(r->fs, root->path, &free_bytes, &total_bytes);

	*count = 0;
	if (rc < 0)
		return rc;
	k.need_bytes = retention_need_bytes(free_bytes, total_bytes, where->reserve_bytes);
	return claim_run(&k, count);
}

static int reap_ours(struct sweep *s, const struct place *root, const struct conf_root *where)
{
	unsigned before = s->deleted, left, claimed;
	int rc = finish_garbage(s->r, root, &s->deleted, &left);
	unsigned done = s->deleted - before + left;

	if (done >= REAPER_BATCH) {
		s->waiting.unsettled = true;
		return rc;
	}
	int failed = claim_root(s, root, where, REAPER_BATCH - done, &claimed);
	if (failed == 0 && claimed > 0)
		failed = finish_garbage(s->r, root, &s->deleted, &left);
	int aside = reap_aside(s->r, &s->state, root->id, root->path, &s->waiting, &s->deleted);
	return rc < 0 ? rc : failed < 0 ? failed : aside;
}

static int reap_root(struct sweep *s, const struct place *root)
{
	const struct conf_root *where = configured(s->r->conf, root->path);
	uint64_t free_bytes, total_bytes;

	if (!where)
		return 0;
	if (s->r->fs->free_bytes(s->r->fs, root->path, &free_bytes, &total_bytes) == -ETIMEDOUT)
		return -ETIMEDOUT; /* who touched it would hang with it */
	if (is_ours(s->r, root))
		return reap_ours(s, root, where);
	s->waiting.partial = true;
	return 0;
}

static int on_root(void *arg, int64_t id, const char *path)
{
	struct place_list *l = arg;

	l->items = xrealloc(l->items, (l->count + 1) * sizeof *l->items);
	l->items[l->count++] = (struct place){id, xstrdup(path)};
	return 0;
}

/* One line per change, not one per try. */
static void tell_trouble(struct reaper *r, int rc, const char *path)
{
	if (rc < 0 && rc != r->told)
		log_warn("retention", "root=%s text=\"not all could be deleted: %s\"", path, strerror(-rc));
	else if (rc == 0 && r->told < 0)
		log_info("retention", "text=\"deleting again\"");
	r->told = rc;
}

int reaper_configure(struct reaper *r)
{
	struct retention_state state;

	return reaper_state(r, &state);
}

uint64_t reaper_pause_ms(int deleted, int64_t took_us)
{
	int64_t pause = took_us / US_PER_MS * PAUSE_PER_WORK;

	if (deleted < REAPER_BATCH)
		return PAUSE_IDLE_MS;
	return (uint64_t)(pause < PAUSE_MIN_MS ? PAUSE_MIN_MS : pause > PAUSE_IDLE_MS ? PAUSE_IDLE_MS : pause);
}

static int reap_all(struct sweep *s, const struct place_list *l, const char **where)
{
	int rc = 0;

	for (unsigned i = 0; i < l->count; i++) {
		int failed = reap_root(s, &l->items[i]);
		*where = failed < 0 && rc == 0 ? l->items[i].path : *where;
		rc = rc < 0 ? rc : failed;
	}
	int failed = reap_objects(s->r->catalog, &s->state, &s->waiting, &s->deleted);
	rc = rc < 0 ? rc : failed;
	s->waiting.partial |= rc < 0;
	failed = brake_settle(s->r->catalog, &s->state, &s->waiting);
	int told = day_tell(&s->r->daily, s->r->catalog, s->state.now);
	return rc < 0 ? rc : failed < 0 ? failed : told;
}

int reaper_step(struct reaper *r)
{
	struct sweep s = {.r = r};
	struct place_list l = {0};
	const char *where = "";
	int rc = reaper_state(r, &s.state);

	if (rc == 0)
		rc = catalog_roots(r->catalog, on_root, &l);
	if (rc == 0)
		rc = reap_all(&s, &l, &where);
	tell_trouble(r, rc, where);
	brake_waiting_finish(&s.waiting);
	for (unsigned i = 0; i < l.count; i++)
		free(l.items[i].path);
	free(l.items);
	return rc < 0 && s.deleted == 0 ? rc : (int)s.deleted;
}
