/* Two persons lift the brake of retention (retention/brake.h) for a day of witnessed time, when they have seen why so much fell due
 * at once: consent.h. The floor and holds stay what they are.
 *
 * Threads: the keeper's; in a transaction. Errors: 0 or negative. */
#pragma once
#include "indexer/person.h"

#define BRAKE_STATE "brake"                /* JSON: retention/brake.c */
#define BRAKE_LIFTED "brake_lifted_until"  /* witnessed µs */
#define BRAKE_LIFT_US US_PER_DAY

/* An answer of consent.h (CONSENT_GIVE: lifted, CONSENT_ASK: noted), -ENOENT: nothing waits. */
int brake_lift(struct catalog *c, struct wall now, const char *reason, const struct person *by);
