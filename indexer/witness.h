/* The box's witnessed time: how much of CLOCK_BOOTTIME the keeper itself saw go by, boot after boot. No setting of the wall
 * clock and no record of another process makes it grow, so an age that is counted in it cannot be inflated (design §7).
 *
 *	seen: (boot, boottime) of the commit before ──same boot──▶ witnessed_us += the difference
 *	                                            └─another one─▶ nothing is added
 *
 * Time in which the box was off counts for nothing; time in which only the keeper was away counts, as the kernel counted it.
 * Threads: the keeper's. Errors: 0 or negative; inside a transaction, which then must not commit. Units: µs. */
#pragma once
#include "indexer/catalog_write.h"

struct witness {
	struct clock *clock;         /* borrowed */
	char boot[BOOT_ID_MAX];      /* "": the kernel does not tell, and nothing is ever witnessed */
	struct mono noted;           /* by the last witness_note() that counts; us 0: none yet */
};
/* Before the process is confined: reads the boot's identity. */
void witness_init(struct witness *w, struct clock *clock);
/* Time has gone by to now. Before anything that is given an age in this transaction. */
int witness_note(struct witness *w, struct catalog *c);
/* So long ago that it should be noted although nothing else happens. */
#define WITNESS_EVERY_US (10 * US_PER_S)
bool witness_is_due(const struct witness *w);
