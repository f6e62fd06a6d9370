/* The deletion of footage, as the catalogue sees it: candidate → claimed (garbage row, the segment's row gone,
 * coverage expired) → the file is unlinked → dropped. A crash in between is finished at the next start.
 *
 * Threads, errors: as catalog_write.h. Callers: retention/reaper.c. */
#pragma once
#include "indexer/catalog_write.h"

struct garbage_candidate {
	int64_t id;
	const char *camera;
	struct wall start, end;
	uint64_t bytes;
	int64_t witnessed_us;
};
typedef int garbage_candidate_fn(void *arg, const struct garbage_candidate *row);
/* Published segments of a root that end before `before`, oldest first. */
int garbage_candidates(struct catalog *c, int64_t root, struct wall before, unsigned limit,
		       garbage_candidate_fn *fn, void *arg);
/* Inside a transaction, after the policy's check: the row becomes garbage. */
int garbage_claim(struct catalog *c, int64_t segment);

int garbage_drop(struct catalog *c, int64_t id); /* inside a transaction, after unlink and fsync */
