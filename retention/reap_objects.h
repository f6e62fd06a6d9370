/* The same policy for the object store. Footage whose only file is there: past keep its coverage is expired, and its copy
 * is alone. A copy whose segment is gone here (deleted for want of room, or lost with a disk) is
 * kept there to the end of keep, and by a hold; then it is doomed. The offloader deletes what is doomed; the ledger is told of
 * it here, in batches.
 *
 * Threads, errors: the keeper's, as catalog_write.h; transactions of its own, at most REAP_OBJECTS copies of each kind. */
#pragma once
#include "retention/brake.h"

#define REAP_OBJECTS 64

/* *deleted grows by the segments that expired; cameras that the brake holds are added to *waiting. */
int reap_objects(struct catalog *c, const struct retention_state *s, struct brake_waiting *waiting, unsigned *deleted);
