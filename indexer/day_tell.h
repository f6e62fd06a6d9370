/* What happens by the clock, told to the ledger in one entry a day for all cameras (design §6, frugal):
 *
 *	footage.expired {files, bytes, cameras: [{camera, place?, start, end, files, bytes, seals_sha256}],
 *			 aside?: [{camera, file, start, end, bytes, sha256}]}
 *	offload.copied, offload.deleted {files, bytes, cameras: [{camera, place, start, end, files, bytes, seals_sha256}]}
 *
 * seals_sha256 is over the digests of the seals in order of time. place: of what was in an object store. aside: files that were
 * put aside (aside.h); of more than DAY_ASIDE_MAX there are several entries. Rows come into the tables `expired_told`, `aside_told`
 * and `object_told` in the transaction that does it, and go in the one that tells, so no crash takes the word away.
 * Threads: the keeper's. Errors: 0 or negative. */
#pragma once
#include "indexer/catalog_write.h"

#define DAY_TELL_US US_PER_DAY
#define DAY_TELL_KINDS 3
#define DAY_ASIDE_MAX 256

/* When the ledger was told last of each is asked of it once. */
struct day_tell { struct { struct wall told; bool known; } kinds[DAY_TELL_KINDS]; };

/* Transactions of its own, of what waits and is due. */
int day_tell(struct day_tell *t, struct catalog *c, struct wall now);
