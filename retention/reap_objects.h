/* The same policy for copies in the object store: one whose segment is gone here (deleted for want of room, or lost with a
 * disk) is kept there to the end of keep, and by a hold; then it is doomed, and the offloader deletes it.
 *
 * Threads, errors: the keeper's, as catalog_write.h; a transaction of its own, at most REAP_OBJECTS copies. */
#pragma once
#include "retention/policy.h"

#define REAP_OBJECTS 64

int reap_objects(struct catalog *c, const struct retention_state *s);
