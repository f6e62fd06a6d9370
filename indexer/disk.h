/* A person's orders about a disk: retire one that is empty, declare one lost.
 *
 * A disk that was declared lost is never used again (STATE/replaced/UUID, media/root_identity.h). Its rows stay under
 * a path that no disk has, and become footage.missing and gaps, or go over to a second copy, batch by batch.
 * Threads: the keeper's. Errors: 0 or negative; -ENOENT: no such disk. */
#pragma once
#include "indexer_inner.h"
#include "person.h"

/* In a transaction. -EBUSY: it is configured; -ENOTEMPTY: the catalogue has something there. */
int disk_retire(struct indexer *ix, const char *path, const char *reason, const struct person *by);
/* In a transaction. -EBUSY: the disk is there. */
int disk_replace(struct indexer *ix, const char *path, const char *reason, const struct person *by);
/* One batch, in a transaction of its own. *more is set when there may be another. */
int disk_clear_lost(struct indexer *ix, bool *more);
