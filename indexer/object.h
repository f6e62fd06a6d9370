/* Which segments are in the object store, as the catalogue knows it. The offloader copies and tells; the keeper writes.
 *
 *	(published) ─▶ waiting ──copied, read back, told──▶ kept ──segment gone──▶ alone ──past keep──▶ doomed ──deleted──▶ told
 *	                  ▲└──segment gone──▶ (no row)      │ ▲──found again─────────┘                    ▲
 *	                  └──the store lost it──────────────┤                                             │
 *	                                   file here may go │ ▲ file here found again                     │
 *	                                                    ▼ │                                           │
 *	                                      the row is the store's (table `stored`) ────past keep───────┘
 *
 * A released segment's row has the root CATALOG_STORE_ROOT, in the same transaction in which its file here becomes surplus
 * (copy.h): so no file is ever without a row, and no row without a file or a copy.
 * Rows of another store or bucket than the configured one stay as they are: its copies are under lock there.
 * Threads, errors: as catalog_write.h; inside a transaction. */
#pragma once
#include "base/fs.h"
#include "indexer/catalog_write.h"
#include "indexer/copy.h"
#include "indexer/object_kept.h"

/* place: the store and bucket in force, NULL: none; a change is told to the ledger (offload.changed). From now on what is
 * published waits; what was published before follows by object_fill(). Per connection: at each start. */
int object_configure(struct catalog *c, struct wall now, const char *place);
/* Some of what was published before the store was configured waits from now on, or, without one, no more. In a transaction
 * of its own; *more: there are others. */
int object_fill(struct catalog *c, bool *more);
/* The copy was read back whole. A segment that was deleted meanwhile leaves it alone. -EBADMSG: the catalogue's
 * segment is another one. */
int object_keep(struct catalog *c, const struct object_kept *k);

/* It was found there, and there is no file here: its segment's row is there already. */
int object_recover(struct catalog *c, struct wall now, const struct object_kept *k);

/* The copy is kept where the configured store is, as k says (of this version): 1, 0 or negative. */
int object_is_kept(struct catalog *c, const struct object_kept *k);
/* The row of a segment whose copy is kept is the store's from now on; its file here is surplus. asked: when the store was
 * last asked; us 0: it has to be, before the file goes. */
int object_release(struct catalog *c, const struct segment_place *p, struct wall asked);
/* The store was asked, and has it as before. */
int object_seen(struct catalog *c, const char *camera, struct wall start, struct wall now);
/* Whether the segment can be played from its copy in the configured store: 1, 0 or negative. */
int object_plays(struct catalog *c, const struct segment_place *p);
/* What becomes of a file here whose segment's row is the store's: 1 it may go, 0 nobody knows yet, -ENOENT the configured
 * store has no copy, other: the catalogue's trouble. */
int object_covers(struct catalog *c, const struct segment_place *p);
/* copy_promote(), and if no disk has a file that serves, the row becomes the store's, if a copy is kept there. */
int object_promote(struct fs *fs, struct catalog *c, const char *site, struct wall now, const struct segment_place *p,
		   const char *why);
/* The store answers, and what it was given is not there as it was. A file here serves, and is copied again
 * (offload.copy_lost). Without one the footage is missing, once; if its bytes are there unlocked, it stays, and that is told at
 * each asking (offload.unlocked). k: as it was kept. */
int object_lost(struct fs *fs, struct catalog *c, const char *site, struct wall now, const struct object_kept *k,
		enum object_loss how);

/* The bucket is looked through anew (object_take.h): it may have what this catalogue has lost. */
int object_look_again(struct catalog *c);

/* Copies whose segment is gone here and which end at or before `end`, oldest first, behind *after (NULL: from the first on). */
struct object_alone { char camera[CATALOG_ID_MAX]; struct wall start, end; int64_t witnessed_us; };
int object_list_alone(struct catalog *c, struct wall end, const struct object_alone *after, struct object_alone *out, unsigned room,
		      unsigned *count);
int object_doom(struct catalog *c, const char *camera, struct wall start); /* after the policy's check */
/* It is deleted there. Whatever is not doomed stays. */
int object_drop(struct catalog *c, const char *camera, struct wall start, const char *version);
/* What was deleted waits for the daily word to the ledger (day_tell.h): of footage.expired where the footage was only there, else
 * of offload.deleted. */
int object_tell(struct catalog *c);
