/* What expired, told to the ledger in one entry a day for all cameras (design §6, frugal):
 *
 *	footage.expired {files, bytes, cameras: [{camera, start, end, files, bytes, seals_sha256}]}
 *
 * seals_sha256 is over the digests of the seals in order of time. Rows come into the table `expired_told` in the transaction that
 * drops the garbage, and go in the one that tells, so no crash takes the word away.
 * Threads: the keeper's. Errors: 0 or negative. */
#pragma once
#include "indexer/catalog_write.h"

#define EXPIRED_EVERY_US US_PER_DAY

/* When the ledger was told last is asked of it once. */
struct expired_tell { struct wall told; bool known; };

/* A transaction of its own, if there is something to tell and it is due. */
int expired_tell(struct expired_tell *t, struct catalog *c, struct wall now);
