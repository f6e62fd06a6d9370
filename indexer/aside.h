/* Files that were not taken for footage and were put aside (ROOT/incoming/NAME.bad), as the catalogue lists them: a
 * child's picture may not be kept without purpose, and one that does not parse is one, too.
 *
 *	(put aside, or found) ─▶ known ──past keep, not held──▶ claimed ──unlinked──▶ (no row)
 *	                           └──not there any more──▶ (no row)
 *
 * Threads, errors: as catalog_write.h; inside a transaction. */
#pragma once
#include "indexer/catalog_write.h"

#define ASIDE_SUFFIX ".bad"

struct aside_file {
	char name[256];                 /* below ROOT/incoming */
	char camera[CATALOG_ID_MAX];
	struct wall start, end;         /* of what it may hold */
	int64_t witnessed_us;           /* the box's witnessed time when it was first noted */
	bool claimed;                   /* then these, of its bytes: */
	int64_t bytes;
	uint8_t sha256[SHA256_BYTES];
};

/* One that is known stays as it was first noted. */
int aside_note(struct catalog *c, int64_t root, const char *name, const char *camera, struct wall_range time);
/* The next behind *f (at first with an end of INT64_MIN) of those that end at or before `end`: 1, 0 there is none, or
 * negative. Any time. */
int aside_next(struct catalog *c, int64_t root, struct wall end, struct aside_file *f);
int aside_claim(struct catalog *c, int64_t root, const struct aside_file *f); /* after the policy's check */
int aside_expire(struct catalog *c, int64_t root, const char *name); /* claimed, and gone: the ledger will be told (day_tell.h) */
int aside_drop(struct catalog *c, int64_t root, const char *name);
