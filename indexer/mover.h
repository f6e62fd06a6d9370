/* Copies footage between disks, at idle priority: what is held gets a second file where there is a second disk,
 * and a disk with `state: drain` gives what it has to the others.
 *
 *	mover_next(): `making` row committed ─▶ mover_copy(), any thread: .part → datasync → read again and compared →
 *	renamed, folders synced ─▶ mover_apply(): one transaction switches the row, or marks the copy as kept
 *
 * The original is unlinked only after that, and only while the file that the row names is there in its whole size
 * (mover_sweep.c). A crash anywhere leaves one row, and no file without one.
 * A disk is chosen by the recorder's last word on it, its identity, and its room beyond the reserve.
 *
 * Threads: the keeper's, except mover_copy(). Memory: mover_apply() finishes the job's.
 * Errors:  0 or negative; a file that cannot be copied now is tried again in the next round. */
#pragma once
#include "conf/conf.h"
#include "indexer/copy.h"

#define MOVER_IDLE_US (5 * US_PER_S)
#define MOVER_ROOM_BYTES (UINT64_C(512) << 20) /* beyond the reserve: retention is not pressed by a move */

struct mover_job {
	struct fs *fs;
	struct segment_place from;
	int64_t root;                   /* where it goes */
	char *root_path;
	bool move;                      /* else: a second file, for a hold */
	int rc;                         /* of mover_copy() */
	int64_t took_us;
	struct clock *clock;
};

struct mover {
	struct fs *fs;
	struct clock *clock;
	const struct conf *conf;        /* borrowed */
	struct catalog *catalog;
	int64_t after;                  /* the round's position: id of the last segment that was looked at */
	bool failed;                    /* something, in this round */
	struct mono due;
	int told;                       /* the trouble that was logged last; 0: none */
};

/* In a transaction of its own: tells the ledger of disks that are drained from now on. */
int mover_init(struct mover *m, struct fs *fs, struct clock *clock, const struct conf *conf, struct catalog *c);
int64_t mover_wait_us(const struct mover *m);
/* 1 with a job, 0: nothing to do now, or negative. */
int mover_next(struct mover *m, struct mover_job *j);
void mover_copy(struct mover_job *j);
int mover_apply(struct mover *m, struct mover_job *j);
void mover_job_finish(struct mover_job *j);

/* mover_sweep.c, while no job is out: copies that nobody needs become surplus; what is surplus is unlinked. */
int mover_sweep(struct mover *m);
const struct conf_root *mover_conf_root(const struct mover *m, const char *path);
