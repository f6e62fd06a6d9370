/* Reads every byte of the archive once in conf->scrub_us, so that what rots is known while there is still
 * time, and is never claimed afterwards (design §5).
 *
 *	scrub_next() ─▶ job: some fragments of one segment ─▶ scrub_read(), any thread ─▶ scrub_apply()
 *
 * Each fragment's CRC-32C is held against the index that was made when the segment was published; the init
 * against its digest, the seal against the one in its row. What does not hold: the fragments are marked in the
 * index (0 frames), their time is taken from coverage and becomes a gap footage_damaged, the ledger says
 * footage.damaged; footage.mp4 goes around them. A file that is gone: its row goes, footage.missing. A second
 * copy (copy.h) that does not hold is surplus from then on, the ledger says storage.copy_lost, and the mover makes another.
 * What is in the object store only (object.h) is not read: the store is asked for it by the offloader. A file that fails while
 * a copy is kept there gives its row to the store.
 * Nothing of this is done on the word of a disk that is not there or not ours.
 *
 * Pace: archive bytes ÷ 5/6 of the period, faster when time was lost. The position lies in the catalogue (state
 * "scrub") and is written once a minute, and with each finding.
 * Threads: the keeper's, except scrub_read(). Memory: a job's index and one window.
 * Errors:  0 or negative; what could not be read for a reason of the moment is read in the next round. */
#pragma once
#include "base/fs.h"
#include "conf/conf.h"
#include "indexer/catalog_write.h"

#define SCRUB_SLICE_BYTES (4u << 20)
#define SCRUB_SUSPECTS_MAX 8
#define SCRUB_IDLE_US (60 * US_PER_S) /* between looks when there is nothing to read */

struct scrub_suspect { char camera[CATALOG_ID_MAX]; struct wall at; };

struct scrub_job {
	struct fs *fs;
	int64_t segment, root, bytes, init_bytes;
	char camera[CATALOG_ID_MAX], *root_path, *path;
	struct wall start, end;
	uint8_t init_digest[SHA256_BYTES], seal_digest[SHA256_BYTES];
	struct fragment_index index;
	unsigned from, to;              /* the fragments to read */
	bool copy;                      /* the second one, of held footage: root and path are those of the copy */
	bool suspect;                   /* asked for by a reader: out of the order */
	/* what scrub_read() found */
	int rc;                         /* 0, -ENOENT it is gone, FS_NO_FILE no file stands there, other: it cannot be read now */
	bool *bad;                      /* of the fragments [from, to) */
	bool bad_init, bad_seal;
	int64_t read_bytes;
};

struct scrub {
	struct fs *fs;
	struct clock *clock;
	const struct conf *conf;        /* borrowed; may be exchanged between jobs */
	struct catalog *catalog;
	struct catalog_scrub now;       /* position and results */
	struct mono due, saved;
	struct scrub_suspect suspects[SCRUB_SUSPECTS_MAX];
	unsigned suspect_count;
};

int scrub_init(struct scrub *s, struct fs *fs, struct clock *clock, const struct conf *conf, struct catalog *c);
/* How long until the next job may be asked for. */
int64_t scrub_wait_us(const struct scrub *s);
/* 1 with a job, 0: nothing to read now, or negative. */
int scrub_next(struct scrub *s, struct scrub_job *j);
void scrub_read(struct scrub_job *j);
/* In a transaction of its own; finishes the job's memory too. */
int scrub_apply(struct scrub *s, struct scrub_job *j);
void scrub_job_finish(struct scrub_job *j);
/* Somebody who read footage of then met bytes that do not hold: looked at next. */
void scrub_suspect(struct scrub *s, const char *camera, struct wall at);
/* Writes the position. */
int scrub_save(struct scrub *s);

/* scrub_judge.c: what a job found becomes rows and entries, in a transaction. 1: something, 0: nothing. */
int scrub_judge(struct scrub *s, struct scrub_job *j);
