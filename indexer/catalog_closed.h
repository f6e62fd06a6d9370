/* Whether the catalogue's files are those that the keeper closed: then nobody need walk through all of them when it
 * starts (catalog_quick_check()), which takes minutes for a large site.
 *
 * CATALOG.db-closed says what database and WAL were (inode, size, times of their last change) once both were closed and
 * durable. It is empty, durably, before anything is written to them: so it is after a crash and a power cut. A
 * copy that was put there, whole or in part, is another file or was changed later, so it does not fit either.
 *
 * Threads: one. Memory: catalog_closed_finish(). Errors: of files, negative errno; who cannot read it has it checked. */
#pragma once
#include "base/fs.h"

#include <stdbool.h>

struct catalog_closed { struct fs *fs; int fd; char *db, *wal; }; /* fd -1: none */

/* Before catalog_create(), and before confinement: the file stays open. *clean: they are as the keeper left them. */
int catalog_closed_take(struct fs *fs, const char *db, struct catalog_closed *out, bool *clean);
/* After catalog_close(), if nothing failed on the way (catalog_is_sound()). */
int catalog_closed_mark(struct catalog_closed *k);
void catalog_closed_finish(struct catalog_closed *k);
