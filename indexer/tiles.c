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

int tiles_walk(const struct tile_layers *l, struct wall from, struct wall to, tile_fn *fn, void *arg)
{
	struct cursor at = {0};
	struct tile held = {0}; /* until its neighbour is known */
	int rc = 0;

	for (int64_t t = from.us; t < to.us && rc == 0;) {
		struct tile next = tile_at(l, &at, t, to.us);
		t = next.end.us;
		if (held.end.us > held.start.us && held.state == next.state && held.gap == next.gap) {
			held.end = next.end;
			continue;
		}
		if (held.end.us > held.start.us)
			rc = fn(arg, &held);
		held = next;
	}
	if (rc == 0 && held.end.us > held.start.us)
		rc = fn(arg, &held);
	return rc;
}
