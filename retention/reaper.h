/* Carries out what policy.c allows: with reap_aside.c, the only code of the product that unlinks footage.
 *
 *	what a crash left → claim.c: begin → for each candidate, oldest first: policy (holds read in this
 *	transaction) → garbage row → commit → unlink → fsync the folders → begin → drop the rows into expired_told
 *	→ commit … once a day: one entry of the ledger for all cameras (indexer/day_tell.h)
 *
 * A root without its identity, or with another one (disk not mounted, wrong disk), is not touched. A
 * file that cannot be deleted keeps its garbage row and is tried again. A hold that was placed after a
 * crash, before its repair, still saves the bytes: they stay, as garbage, until it is released.
 * Footage that is in the object store only goes by the same policy (reap_objects.h); the offloader deletes it there.
 * Threads: the keeper's. Blocking, in batches of at most REAPER_BATCH. */
#pragma once
#include "base/fs.h"
#include "conf/conf.h"
#include "indexer/day_tell.h"
#include "retention/policy.h"

#define REAPER_BATCH 64

struct reaper {
	struct fs *fs;
	struct clock *clock;
	const struct conf *conf;        /* borrowed; may be exchanged between steps */
	struct catalog *catalog;
	unsigned keep_days;             /* in force; set by reaper_configure() and by each step */
	int told;                       /* the trouble that was logged last; 0: none */
	struct day_tell daily;
};

/* What policy.h goes by, now. */
int reaper_state(struct reaper *r, struct retention_state *out);

/* Takes up keep_days of r->conf (keep.h), at once; the steps try again what failed. */
int reaper_configure(struct reaper *r);

/* Finishes what a crash left, then at most one batch per root. Returns the number of files deleted, or
 * negative when none was and something failed. */
int reaper_step(struct reaper *r);

/* How long to wait after a step that returned `deleted` and took so long, so that the recorder never
 * notices the next. Pure. */
uint64_t reaper_pause_ms(int deleted, int64_t took_us);
