/* The lives of a camera's clock in memory, and the rule what counts of a file (life.h): asked of all files of a
 * camera it costs one load. Pure, except for lives_load().
 *
 * Threads: the catalogue's. Memory: lives_finish() frees; zeroed is empty. Errors: as catalog.h. */
#pragma once
#include "catalog_internal.h"
#include "tiles.h"

#define LIFE_NONE INT64_MAX /* `before` of what belongs to the present life */

struct lives_row { int64_t id, start, end, sequence, gap; }; /* end INT64_MAX: it is the present one */
struct lives_past { int64_t start, before; };
struct lives {
	struct lives_row *rows;          /* by id; none: the clock was never set back */
	struct lives_past *past;
	unsigned count, past_count;
	struct layer gaps;               /* those that an earlier life left, by start */
	struct layer refused;            /* claimed ahead of its time (schema.sql); id: the file's start */
};

/* For files that lie in `range`, whole. */
int lives_load(struct catalog *c, const char *camera, struct wall_range range, struct lives *out);
void lives_finish(struct lives *l);

/* The first life after the one that made the file (start, sequence of its seal; INT64_MAX: not sealed yet). */
int64_t lives_before(const struct lives *l, int64_t start, int64_t sequence);
/* What counts of footage [start, end), out of the file that begins at `file` and is of before life `before`: added to *out, in order. now: how far the
 * present life has come; INT64_MAX leaves out what it has yet to come to as well. */
void lives_pieces(const struct lives *l, int64_t file, int64_t before, int64_t start, int64_t end, int64_t now, struct layer *out);
/* Whether some of [start, end) was or will be lived again after the file was made. */
bool lives_supersede(const struct lives *l, int64_t before, int64_t start, int64_t end);
