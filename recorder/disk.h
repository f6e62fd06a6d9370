/* One root's thread: the only one that writes new segments below that root.
 *
 * Durability comes in rounds, every STORAGE_SYNC_EVERY_MS or when a closing may wait no longer: new names, what was
 * written, and seals become durable together, then the journal is told, then what was sealed is renamed. On a file system
 * that has such a call (fs.h, sync_all) a round is one, however many files there are. When that fails, each file of the
 * round is asked by fdatasync; who errs is cut, and if none errs, nothing of that round is confirmed; when that comes
 * twice running, all of it is cut. Elsewhere a round is one fdatasync a file, in pieces.
 *
 * Each job is one question and its answer in one struct: the loop fills the upper part and posts it,
 * the disk thread fills the lower part, `done` reads it on the loop and frees it.
 *
 * Threads: disk_create(), disk_post() and the closing on the loop thread.
 * Memory:  disk_create() copies its texts; disk_destroy() after its worker has closed, never if that was
 *          abandoned. Jobs are malloc'd by the caller. */
#pragma once
#include "recorder/recover.h"
#include "recorder/root.h"
#include "recorder/segment_file.h"
#include "recorder/worker.h"

struct disk {
	struct fs *fs;
	struct clock *clock;
	struct chain *chain;
	char *path, *site;
	uint8_t box[UUID_BYTES];
	uint64_t reserve_bytes;
	const struct recover_env *env;
	struct worker *worker;
	/* the rest: disk thread */
	struct segment_file *files;   /* open ones */
	bool heads_read;              /* those that stand in incoming/ */
	bool boot_kept;               /* since the journal cannot be written */
	bool usable;                  /* the identity was right when last looked at */
	struct mono synced, looked;   /* synced: when the last round of syncs began */
	unsigned round;               /* of syncs: over every open file, perhaps in pieces */
	bool in_round;                /* it is not over */
	unsigned blameless;           /* rounds that failed, one after another, while no file erred */
	int root_fd;                  /* while files are open, from before the first: it hears of every error; -1: none */
	struct disk_seal *closings;   /* seals that wait for a round, in order */
};

int disk_create(uv_loop_t *loop, const struct disk *conf, size_t queue_max_bytes, struct disk **out);
void disk_destroy(struct disk *d);

struct disk_job {
	struct worker_job job; /* first; done set by the poster */
	struct disk *disk;
	void *owner;
};

enum root_state { ROOT_NEW, ROOT_OK, ROOT_STALLED, ROOT_FULL, ROOT_FAILED, ROOT_ABSENT };

/* Is this root ours, does it work, is there room, and what was left in incoming/? */
struct disk_try {
	struct disk_job base;
	char known[UUID_TEXT_MAX];    /* "": never recorded to */
	enum root_state state;
	bool unknown;                 /* the process could not look, for want of its own: state says nothing */
	char root[UUID_TEXT_MAX];
	uint64_t free_bytes;
	json_t *left;                 /* names that are not ours now; NULL: not looked */
	struct err err;
};
void disk_try(struct disk *d, struct disk_try *t);

/* One write: the head of a new file, or a fragment. */
struct disk_write {
	struct disk_job base;
	struct segment_file *file;
	struct buf bytes;             /* freed by the disk thread */
	int error;
};
void disk_open(struct disk *d, struct disk_write *w);
void disk_add(struct disk *d, struct disk_write *w);

/* Every 200 ms or so: free space each second, and a round when it is due. */
struct disk_progress {
	struct segment_file *file;
	unsigned confirmed;
	int error;
};
struct disk_tick {
	struct disk_job base;
	int64_t patience_us;          /* closings wait so long for a round */
	bool looked, full, journaled;
	bool nameless;                /* room, but not for another file */
	uint64_t free_bytes;
	int error;                    /* of looking */
	int sync_error;               /* of the round, and no file is to blame */
	struct disk_progress *progress;
	unsigned progress_count;
	struct disk_seal *closed;     /* what waited, and has its fate */
};
void disk_tick(struct disk *d, struct disk_tick *t);

/* For people. */
const char *disk_nameless_text(void);
bool disk_is_blameless(int error);

struct disk_seal {
	struct disk_job base;
	struct segment_file *file;
	struct segment_seal seal;
	bool waits;                   /* it is answered, and its fate comes with a tick */
	enum segment_fate fate;
	struct disk_seal *next;
};
void disk_seal(struct disk *d, struct disk_seal *s);
