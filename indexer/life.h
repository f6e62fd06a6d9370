/* Which life of the clock lived an instant, and whose footage counts for it.
 *
 * When the clock is set back from W1 to W2, everything at or after W2 will be lived again. An instant that is
 * lived twice counts as recorded only if each life that lived it recorded it: so what was labelled by an earlier
 * life ceases to count as far as the present life has come (state "settled_at"), and a gap of an earlier life stays
 * a gap whatever a later one recorded. Time that a life skipped (the clock was set forward) it has not lived.
 * Rows: see `life` and `past_file` in schema.sql. A box whose clock was never set back has none.
 *
 * Threads, errors: as catalog.h. */
#pragma once
#include "lives.h"

/* Of one file, by its start. Who asks about many loads them once (lives.h). */
int life_before(struct catalog *c, const char *camera, int64_t start, int64_t sequence, int64_t *before);
int life_pieces(struct catalog *c, const char *camera, int64_t file, int64_t before, int64_t start, int64_t end, struct layer *out);
/* The same without what the present life has yet to come to: that is nothing to be shown as footage of its time. */
int life_pieces_shown(struct catalog *c, const char *camera, int64_t file, int64_t before, int64_t start, int64_t end, struct layer *out);
/* From here on what stands in spans is of an earlier life and not lived again yet: pending. INT64_MAX: no such time. */
int life_horizon(struct catalog *c, int64_t *at);
/* catalog_tiles(), with what stands beyond the horizon as it was recorded or expired in its life. */
int life_tiles(struct catalog *c, const char *camera, struct wall from, struct wall to, tile_fn *fn, void *arg);
