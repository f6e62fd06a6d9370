/* Which segments are in the object store, as the catalogue knows it. The offloader copies and tells; the keeper writes.
 *
 *	(published) ─▶ waiting ──copied, read back, told──▶ kept ──segment deleted by retention──▶ doomed
 *	                  └──segment deleted──▶ (no row)      ▲───────the file was found again───────┘
 *
 * Rows of another store or bucket than the configured one stay as they are: its copies are under lock there.
 * Threads, errors: as catalog_write.h; inside a transaction. */
#pragma once
#include "indexer/catalog_write.h"
#include "indexer/object_kept.h"

/* place: the store and bucket in force, NULL: none. From now on what is published waits; so does what was published
 * before this store was configured. Per connection: at each start. */
int object_configure(struct catalog *c, const char *place);
/* The copy was read back whole. A segment that was deleted meanwhile leaves it doomed. -EBADMSG: the catalogue's
 * segment is another one. */
int object_keep(struct catalog *c, const struct object_kept *k);
