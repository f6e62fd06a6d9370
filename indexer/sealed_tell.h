/* Once a day the ledger says which segment of each camera was sealed last (footage.sealed), so that footage whose tail was cut off,
 * or a camera whose files are gone, shows from a copy of ledger and files alone (verify/verify_tail.c).
 * Threads: the keeper's. Errors: 0 or negative. */
#pragma once
#include "indexer/catalog_write.h"

#define SEALED_EVERY_US (24 * 3600 * US_PER_S)

/* When it was told last is asked of the ledger once. */
struct sealed_tell { struct wall told; bool known; };

/* A transaction of its own, if it is due. */
int sealed_tell(struct sealed_tell *t, struct catalog *c, struct wall now);
