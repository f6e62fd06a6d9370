/* Gaps of a camera that flaps (design §6, frugal). The first GAP_AT_ONCE of a camera in GAP_FLAP_US are entries of the ledger at
 * once; those that follow wait in the table `gap_gathered`, from the transaction that opens them to the one that tells them all:
 *
 *	gap.gathered {count, gaps: [{id, start, end, cause, detail, history, duration_us}]}
 *
 * which comes when the camera has been quiet for GAP_FLAP_US, and at the latest an hour after the first of them. One that is open
 * then has `open` instead of an end, and its gap.closed follows; one that was none after all has `withdrawn`. The rows of `gap`, and
 * so what is shown of them, do not wait.
 * Threads, errors: as gap.h; inside a transaction. */
#pragma once
#include "gap.h"

#define GAP_AT_ONCE 3
#define GAP_FLAP_US (10 * 60 * US_PER_S)
#define GAP_GATHER_US (3600 * US_PER_S)
#define GAP_GATHER_MAX 128 /* of one entry */

/* Of one that was just opened. 1: it waits, 0: it is to be told, or negative. */
int gap_gather(struct catalog *c, struct wall now, const struct gap *g);
/* It changes: 1 it waits, so there is nothing to tell yet, 0: it was told, or negative. */
int gap_gather_note(struct catalog *c, struct wall now, const struct gap *g);
/* Tells what is due. */
int gap_gather_tell(struct catalog *c, struct wall now);
