/* The archive's files of which no row tells: renamed before a crash could write the row, or all of them when the
 * catalogue is made anew. A few at a time, the newest days first, so that what is being recorded meanwhile is
 * indexed as ever. Threads read files ahead (read, hash, parse, seal), so that the disk waits for no row to be written;
 * what they found is entered in the order of the walk.
 *
 * Threads: the keeper's. Memory: one name a day of footage, the names of a day, and what was read of WALK_AHEAD files;
 * archive_walk_finish() frees, and waits for files that are being read. */
#pragma once
#include "media/segment.h"

#include <stdbool.h>

struct indexer;
struct crew;

struct archive_day { unsigned root; char camera[SEAL_NAME_MAX], day[16]; };

/* A file of the archive, read whole. */
struct archive_reading {
	struct fs *fs;                  /* borrowed, as keys */
	struct seal_keys *keys;
	char *path;
	unsigned day;                   /* in archive_walk.days */
	char name[32];                  /* without its suffix */
	int rc;                         /* of archive_read() */
	int64_t bytes;
	struct segment_scan scan;
};

struct archive_walk {
	bool running;
	struct archive_day *days;
	unsigned count, at;             /* the day whose names are at hand */
	char **files;                   /* its names, sorted */
	unsigned file_count, file;
	struct crew *readers;
	unsigned sync_tried;            /* the last day + 1 whose names were to be made durable */
	bool synced;                    /* and they are */
	unsigned tries;                 /* walks that met files which could not be taken up */
	int failed;                     /* the first error of this walk */
	unsigned long taken;
};

/* With every day, or those near the newest row of each camera. */
void archive_walk_begin(struct indexer *ix, bool all);
/* For at most so long, in a transaction; true: there is no more (see failed). */
bool archive_walk_step(struct indexer *ix, int64_t budget_us);
void archive_walk_finish(struct archive_walk *w);
