/* Chooses, in one transaction with the check for holds, what of a root becomes garbage: oldest first
 * over all cameras. What is held or too young is passed over, and never stands in the way of what is
 * behind it; with nothing to delete a few index rows per camera are read. A camera of which as much went as may
 * go in a day (brake.h) has to wait; the others do not wait with it.
 *
 * Threads: the keeper's. Memory: none is kept. Errors: 0 or negative, then nothing is claimed. */
#pragma once
#include "indexer/catalog_write.h"
#include "retention/brake.h"

struct claim {
	struct catalog *catalog;
	int64_t root;
	struct retention_state state;
	uint64_t need_bytes;
	unsigned limit; /* files */
	struct brake_waiting *waiting; /* those whose next file the brake holds are added */
};
int claim_run(const struct claim *k, unsigned *count);

/* The holds in force on a camera; free(*out). */
int claim_holds(struct catalog *c, const char *camera, struct retention_hold **out, size_t *count);
