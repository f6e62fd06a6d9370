/* Deletes files that were put aside (indexer/aside.h) by the same policy as footage: never before the floor, when they
 * are past keep and nobody holds that camera's time.
 *
 *	policy, digest → claimed → commit → unlink → fsync the folder → row dropped with its ledger entry → commit
 *
 * They are few and rare: room is not made of them. Threads: the keeper's. */
#pragma once
#include "retention/brake.h"
#include "retention/reaper.h"

/* One root, which is ours and answers; at most REAP_ASIDE files. *deleted grows; cameras that the brake holds are added to
 * *waiting. */
#define REAP_ASIDE 8
int reap_aside(struct reaper *r, const struct retention_state *s, int64_t root, const char *path, struct brake_waiting *waiting,
	       unsigned *deleted);
