/* The archive's files of which no row tells: renamed before a crash could write the row, or all of them when the
 * catalogue is made anew. A few at a time, the newest days first, so that what is being recorded meanwhile is
 * indexed as ever.
 *
 * Threads: the keeper's. Memory: one name a day of footage; archive_walk_finish() frees. */
#pragma once
#include "media/seal.h"

#include <stdbool.h>

struct indexer;

struct archive_day { unsigned root; char camera[SEAL_NAME_MAX], day[16]; };

struct archive_walk {
	bool running;
	struct archive_day *days;
	unsigned count, at;             /* the day at hand */
	char **files;                   /* of the day at hand, sorted */
	unsigned file_count, file;
	bool sync_tried, synced;        /* synced: their names are durable */
	unsigned tries;                 /* walks that met files which could not be taken up */
	int failed;                     /* the first error of this walk */
	unsigned long taken;
};

/* With every day, or those near the newest row of each camera. */
void archive_walk_begin(struct indexer *ix, bool all);
/* For at most so long, in a transaction; true: there is no more (see failed). */
bool archive_walk_step(struct indexer *ix, int64_t budget_us);
void archive_walk_finish(struct archive_walk *w);
