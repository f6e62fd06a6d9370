/* What is left to do when all files have their rows again, a little at a time and camera by camera: the age of footage,
 * which is told from what was recorded after it, and steps of the clock. All of it may be done twice: a keeper that dies
 * meanwhile begins again.
 *
 * Threads: the keeper's. Memory: a few words a file of one camera; rebuild_tail_finish() frees. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct indexer;
struct list;

struct rebuild_file { int64_t id, start, end, sequence, flags; };

struct rebuild_tail {
	bool running;
	unsigned long taken;            /* files that the walk found */
	struct list *cameras;           /* those that are not done */
	int phase;
	struct rebuild_file *files;     /* of the camera at hand, the last sealed first */
	size_t count, room, at;
	int64_t loaded;                 /* start of the last one that was read */
	int64_t later_us;               /* footage that was sealed after files[at] */
};

void rebuild_tail_begin(struct indexer *ix, unsigned long taken);
/* In a transaction, for about so long. 1: it is done, and the ledger says so. Negative: nothing of it stands; begin again. */
int rebuild_tail_step(struct indexer *ix, int64_t budget_us);
void rebuild_tail_finish(struct rebuild_tail *t);

/* rebuild_life.c: steps of the clock of which only these files tell; *until: 0, or what a camera's coverage is to be
 * counted again to. */
int rebuild_lives(struct indexer *ix, const char *camera, const struct rebuild_file *files, size_t count, int64_t *until);
