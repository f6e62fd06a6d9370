#include "retention/claim.h"

#include "base/buf.h"
#include "indexer/garbage.h"

#include <stdlib.h>

/* --- holds -------------------------------------------------------------------------------- */

struct hold_list { struct retention_hold *items; size_t count; };

static int on_hold(void *arg, const struct catalog_hold *h)
{
	struct hold_list *l = arg;

	l->items = xrealloc(l->items, (l->count + 1) * sizeof *l->items);
	l->items[l->count++].range = (struct wall_range){h->start, h->end};
	return 0;
}

int claim_holds(struct catalog *c, const char *camera, struct retention_hold **out, size_t *count)
{
	struct hold_list l = {0};
	int rc = catalog_holds(c, camera, false, on_hold, &l);

	*out = l.items;
	*count = l.count;
	return rc;
}

/* --- one camera's oldest ------------------------------------------------------------------ */

struct head {
	char camera[CATALOG_ID_MAX];
	struct retention_hold *holds;
	size_t hold_count;
	struct wall after_end, after_start; /* everything up to here was judged */
	int64_t id;                         /* 0: nothing more of this camera */
	struct retention_item item;         /* that one, or the one that is braked */
	enum retention_verdict verdict;
	int64_t gone_us;                    /* as the brake counts */
	bool braked;
};

struct heads { struct head *items; unsigned count; };

struct seek { const struct claim *k; struct head *head; bool need_room, jumped; };

/* 1: found, or the walk goes on behind a hold. */
static int on_candidate(void *arg, const struct garbage_candidate *g)
{
	struct seek *s = arg;
	struct head *h = s->head;
	struct retention_item item = {g->start, g->end, clock_zone_offset_us(g->end), g->witnessed_us};
	struct wall until;

	h->after_end = g->end;
	h->after_start = g->start;
	h->verdict = retention_judge(&item, h->holds, h->hold_count, &s->k->state, s->need_room);
	if (h->verdict == RETENTION_HELD) {
		until = retention_held_until(&item, h->holds, h->hold_count);
		s->jumped = until.us > g->end.us;
		if (s->jumped) { /* whatever ends within the hold is held too */
			h->after_end = until;
			h->after_start = (struct wall){INT64_MAX};
		}
		return s->jumped;
	}
	if (!retention_deletes(h->verdict))
		return 0;
	h->item = item;
	h->braked = retention_brakes(&item, h->gone_us, &s->k->state);
	h->id = h->braked ? 0 : g->id;
	return 1;
}

static int head_seek(const struct claim *k, struct head *h, bool need_room)
{
	struct retention_bound bound = retention_bound(&k->state, need_room);
	struct seek s = {.k = k, .head = h, .need_room = need_room};
	int rc;

	h->id = 0;
	h->braked = false;
	do {
		struct garbage_query q = {.root = k->root, .camera = h->camera, .after_end = h->after_end,
					  .after_start = h->after_start, .end = bound.end,
					  .witnessed_us = bound.witnessed_us};
		s.jumped = false;
		rc = garbage_candidates(k->catalog, &q, on_candidate, &s);
	} while (rc > 0 && s.jumped);
	return rc < 0 ? rc : 0;
}

/* --- over all cameras --------------------------------------------------------------------- */

static int on_camera(void *arg, const char *camera)
{
	struct heads *l = arg;

	l->items = xrealloc(l->items, (l->count + 1) * sizeof *l->items);
	l->items[l->count] = (struct head){.after_end = {INT64_MIN}, .after_start = {INT64_MIN}};
	snprintf(l->items[l->count++].camera, CATALOG_ID_MAX, "%s", camera);
	return 0;
}

static int heads_load(const struct claim *k, struct heads *l)
{
	int rc = garbage_cameras(k->catalog, k->root, on_camera, l);

	for (unsigned i = 0; rc == 0 && i < l->count; i++) {
		struct head *h = &l->items[i];
		rc = claim_holds(k->catalog, h->camera, &h->holds, &h->hold_count);
		if (rc == 0)
			rc = brake_gone(k->catalog, h->camera, BRAKE_HERE, k->state.witnessed_us, &h->gone_us);
		if (rc == 0)
			rc = head_seek(k, h, k->need_bytes > 0);
	}
	return rc;
}

static void heads_finish(struct heads *l)
{
	for (unsigned i = 0; i < l->count; i++)
		free(l->items[i].holds);
	free(l->items);
}

/* Once there is room, what only the need condemned stays. */
static struct head *oldest(struct heads *l, bool need_room)
{
	struct head *best = NULL;

	for (unsigned i = 0; i < l->count; i++) {
		struct head *h = &l->items[i];
		if (h->id == 0 || (h->verdict == RETENTION_PRESSED && !need_room))
			continue;
		if (!best || h->item.end.us < best->item.end.us)
			best = h;
	}
	return best;
}

static int claim_head(const struct claim *k, struct head *h, uint64_t *need)
{
	uint64_t bytes = 0;
	int rc = garbage_claim(k->catalog, h->id, &bytes);

	if (rc == 0)
		rc = brake_count(k->catalog, h->camera, BRAKE_HERE, k->state.witnessed_us, &h->item);
	h->gone_us += retention_weight_us(&h->item);
	*need -= *need < bytes ? *need : bytes;
	return rc < 0 ? rc : head_seek(k, h, *need > 0);
}

static void note_waiting(const struct claim *k, const struct heads *l, uint64_t need)
{
	for (unsigned i = 0; i < l->count; i++) {
		const struct head *h = &l->items[i];
		if (h->braked && (h->verdict == RETENTION_OLD || need > 0))
			brake_wait(k->waiting, h->camera, h->item.start, need > 0);
	}
}

static int claim_heads(const struct claim *k, struct heads *l, unsigned *count)
{
	uint64_t need = k->need_bytes;
	struct head *h = NULL;
	int rc = 0;

	while (rc == 0 && *count < k->limit && (h = oldest(l, need > 0)) != NULL) {
		rc = claim_head(k, h, &need);
		++*count;
	}
	if (rc == 0 && k->waiting)
		note_waiting(k, l, need);
	if (k->waiting)
		k->waiting->unsettled |= h != NULL;
	return rc;
}

int claim_run(const struct claim *k, unsigned *count)
{
	struct heads l = {0};
	int rc = catalog_begin(k->catalog);

	*count = 0;
	if (rc < 0)
		return rc;
	rc = heads_load(k, &l);
	if (rc == 0)
		rc = claim_heads(k, &l, count);
	heads_finish(&l);
	rc = catalog_end(k->catalog, rc);
	if (rc < 0)
		*count = 0;
	return rc;
}
