/* From layers of intervals to tiles: the one place that says what an instant of a camera is. Pure.
 *
 * An instant is, in this order: recorded, expired; inside the obligation a gap, else pending (the
 * keeper has no word yet); outside the obligation not_obliged, except after a camera was configured
 * and before its first outcome, when its obligation may still turn out to have begun: pending.
 * A hole in the obligation of less than TILE_LEAST_US is what is next to it, if that is or was footage: the frame before
 * it lasts until the next (design §6). */
#pragma once
#include "indexer/catalog.h"

#define TILE_LEAST_US US_PER_MS

struct layer_item { int64_t start, end; int64_t id; char cause[24]; };
struct layer { struct layer_item *items; unsigned count, room; };
void layer_add(struct layer *l, int64_t start, int64_t end, int64_t id, const char *cause);
void layer_finish(struct layer *l);

struct tile_layers {
	struct layer recorded, expired, gaps, obligation;
	int64_t awaits_from; /* configured, no outcome yet: pending from here; INT64_MAX: no */
};
/* fn's non-zero value ends the walk and is returned. Items are clipped to [from, to); the layers hold what there is within
 * TILE_LEAST_US of it, too. */
int tiles_walk(const struct tile_layers *l, struct wall from, struct wall to, tile_fn *fn, void *arg);
