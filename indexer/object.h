/* Which segments are in the object store, as the catalogue knows it. The offloader copies and tells; the keeper writes.
 *
 *	(published) ─▶ waiting ──copied, read back, told──▶ kept ──segment gone──▶ alone ──past keep──▶ doomed ──deleted──▶ (no row)
 *	                  └──segment gone──▶ (no row)         ▲──found again─────────┘
 *
 * Rows of another store or bucket than the configured one stay as they are: its copies are under lock there.
 * Threads, errors: as catalog_write.h; inside a transaction. */
#pragma once
#include "indexer/catalog_write.h"
#include "indexer/object_kept.h"

/* place: the store and bucket in force, NULL: none. From now on what is published waits; so does what was published
 * before this store was configured. Per connection: at each start. */
int object_configure(struct catalog *c, const char *place);
/* The copy was read back whole. A segment that was deleted meanwhile leaves it alone. -EBADMSG: the catalogue's
 * segment is another one. */
int object_keep(struct catalog *c, const struct object_kept *k);

/* Copies whose segment is gone here and which end at or before `end`, oldest first. */
struct object_alone { char camera[CATALOG_ID_MAX]; struct wall start, end; int64_t witnessed_us; };
int object_list_alone(struct catalog *c, struct wall end, struct object_alone *out, unsigned room, unsigned *count);
int object_doom(struct catalog *c, const char *camera, struct wall start); /* after the policy's check */
/* It is deleted there. Whatever is not doomed stays. */
int object_drop(struct catalog *c, const char *camera, struct wall start, const char *version);
