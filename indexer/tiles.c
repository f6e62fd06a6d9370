#include "tiles.h"

#include "base/buf.h"

#include <stdlib.h>

void layer_add(struct layer *l, int64_t start, int64_t end, int64_t id, const char *cause)
{
	if (start >= end)
		return;
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 16;
		l->items = xrealloc(l->items, l->room * sizeof *l->items);
	}
	struct layer_item *i = &l->items[l->count++];
	*i = (struct layer_item){.start = start, .end = end, .id = id};
	snprintf(i->cause, sizeof i->cause, "%s", cause);
}

void layer_finish(struct layer *l)
{
	free(l->items);
	*l = (struct layer){0};
}

/* Items are in order of start and do not overlap: the one that holds t, moving *at forward. *edge
 * comes nearer if the answer changes before it. */
static const struct layer_item *item_at(const struct layer *l, unsigned *at, int64_t t, int64_t *edge)
{
	while (*at < l->count && l->items[*at].end <= t)
		(*at)++;
	if (*at == l->count)
		return NULL;
	const struct layer_item *i = &l->items[*at];
	int64_t change = i->start <= t ? i->end : i->start;
	if (change < *edge)
		*edge = change;
	return i->start <= t ? i : NULL;
}

struct cursor { unsigned recorded, expired, gap, obligation; };

/* The longest stretch of one answer that begins at t. */
static struct tile tile_at(const struct tile_layers *l, struct cursor *at, int64_t t, int64_t to)
{
	int64_t edge = to;
	bool recorded = item_at(&l->recorded, &at->recorded, t, &edge);
	bool expired = item_at(&l->expired, &at->expired, t, &edge);
	const struct layer_item *gap = item_at(&l->gaps, &at->gap, t, &edge);
	bool obliged = item_at(&l->obligation, &at->obligation, t, &edge);

	if (l->awaits_from > t && l->awaits_from < edge)
		edge = l->awaits_from;
	struct tile tile = {.start.us = t, .end.us = edge};
	if (recorded) {
		tile.state = TILE_RECORDED;
	} else if (expired) {
		tile.state = TILE_EXPIRED;
	} else if (!obliged) {
		tile.state = t >= l->awaits_from ? TILE_PENDING : TILE_NOT_OBLIGED;
	} else if (gap) {
		tile.state = TILE_GAP;
		tile.cause = gap->cause;
		tile.gap = gap->id;
	} else {
		tile.state = TILE_PENDING;
	}
	return tile;
}

/* --- the walk ---------------------------------------------------------------------------- */

/* The tile that is not given yet, until its neighbour is known. */
struct walk { struct tile held; struct wall from, to; tile_fn *fn; void *arg; };

static int give(struct walk *w, const struct tile *t)
{
	struct tile clipped = *t;

	clipped.start = t->start.us > w->from.us ? t->start : w->from;
	clipped.end = t->end.us < w->to.us ? t->end : w->to;
	return clipped.start.us < clipped.end.us ? w->fn(w->arg, &clipped) : 0;
}

static int take(struct walk *w, const struct tile *next)
{
	bool any = w->held.end.us > w->held.start.us;

	if (any && w->held.state == next->state && w->held.gap == next->gap) {
		w->held.end = next->end;
		return 0;
	}
	int rc = any ? give(w, &w->held) : 0;
	w->held = *next;
	return rc;
}

static bool is_footage(const struct tile *t)
{
	return t->start.us < t->end.us && (t->state == TILE_RECORDED || t->state == TILE_EXPIRED);
}

/* seam: a short hole that waits for its neighbour; empty if there is none. */
static int take_behind(struct walk *w, struct tile *seam, const struct tile *next)
{
	int rc = 0;

	if (seam->start.us < seam->end.us) {
		if (is_footage(next))
			seam->state = next->state;
		rc = take(w, seam);
	}
	*seam = (struct tile){0};
	return rc == 0 ? take(w, next) : rc;
}

int tiles_walk(const struct tile_layers *l, struct wall from, struct wall to, tile_fn *fn, void *arg)
{
	struct walk w = {.from = from, .to = to, .fn = fn, .arg = arg};
	struct tile seam = {0};
	struct cursor at = {0};
	int64_t end = to.us < INT64_MAX - TILE_LEAST_US ? to.us + TILE_LEAST_US : to.us;
	int rc = 0;

	for (int64_t t = from.us - TILE_LEAST_US; t < end && rc == 0;) {
		struct tile next = tile_at(l, &at, t, end);
		bool is_short = next.state == TILE_PENDING && next.start.us < l->awaits_from && next.end.us - next.start.us < TILE_LEAST_US;
		t = next.end.us;
		if (is_short && is_footage(&w.held))
			next.state = w.held.state;
		if (is_short && next.state == TILE_PENDING)
			seam = next;
		else
			rc = take_behind(&w, &seam, &next);
	}
	if (rc == 0 && seam.start.us < seam.end.us)
		rc = take(&w, &seam);
	return rc == 0 && w.held.end.us > w.held.start.us ? give(&w, &w.held) : rc;
}
