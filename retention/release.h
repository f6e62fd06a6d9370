/* Local files that are in the object store go when they are older than offload.local_days, so that a site can outgrow its
 * disks.
 *
 *	the offloader asks the store for copies of local files, and for those that are nowhere else ─▶ object.asked
 *	     ─▶ one transaction: for each, policy and holds; the row is the store's, the file here is surplus (indexer/object.h);
 *	        one footage.released per camera in the ledger; what the store lost is dealt with
 *	     ─▶ mover_sweep.c unlinks what is surplus, while the copy is kept
 *
 * Never released: what is held, what is younger by the age of policy.h, what is not locked until the floor's end, what the
 * store was not asked for just now.
 * Threads, errors: the keeper's, as catalog_write.h. */
#pragma once
#include "retention/reaper.h"

#include <jansson.h>

/* args: {"objects": [object_kept.h, …], "lost": [the same and "gone": bool, …]}. Returns an HTTP-like status; *reply is a new
 * object: {"released": N} or {"problem": …}. */
int release_command(struct reaper *r, const json_t *args, json_t **reply);
