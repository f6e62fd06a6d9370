/* What the indexer's files share. */
#pragma once
#include "accounting.h"
#include "archive_walk.h"
#include "belief.h"
#include "file_batch.h"
#include "indexer.h"
#include "media/segment.h"
#include "rebuild_tail.h"
#include "site_state.h"
#include "witness.h"

#define STEM_MAX 128 /* CAMERA-20261123T031500.120000Z */
#define INDEXER_PATH_MAX 4096
#define SEALED_SEAM_US US_PER_MS /* a seal's end and the sum of its fragments agree within this */

struct root {
	char *path;
	char uuid[UUID_TEXT_MAX];    /* of the disk that was last seen there; "": none so far */
	int64_t id;                  /* 0: none yet */
	bool present, foreign;       /* foreign: another disk stands there, and that was told */
	bool mark_compared;          /* what it knows of the ledger was held against ours (ledger_mark.h) */
	bool barred;                 /* its disk did not make names durable: nothing is published there before the next scan */
};

/* A file that is being written, and how far it was read. */
struct open_file {
	struct open_file *next;
	char stem[STEM_MAX];
	struct segment_scan scan;
};

/* A folder whose names have changed in the transaction that is open. */
struct changed_folder { struct changed_folder *next; struct root *root; char *path; };

struct indexer {
	struct fs *fs;
	struct clock *clock;
	const struct conf *conf;
	struct catalog *catalog;
	struct accounting acc;       /* of the transaction that is open */
	struct witness witness;
	struct file_sums returned;   /* in the transaction that is open, of … */
	char returned_camera[CATALOG_ID_MAX];
	char *journal_dir;
	struct journal_pos pos;
	struct root *roots;
	unsigned root_count;
	struct open_file *open_files;
	struct changed_folder *changed;
	struct seal_keys *seal_keys; /* all that are known here */
	bool seal_key_known;         /* a journal `start` named one: footage can be judged */
	struct archive_walk walk;
	struct rebuild_tail tail;
	unsigned readers;            /* threads that read ahead of the walk */
	bool scan_due, archive_seen, hurry; /* hurry: the keeper is about to go */
	bool filling;                /* the queue of the object store lacks some of what was published before (object.h) */
	struct mono store_heard;     /* the offloader's last word on what it finds in the store (object_take.h) */
	bool walk_again;             /* a disk came whose archive was never looked at */
	bool walk_due;               /* files were moved to archive/ by a transaction that was undone */
	struct mono scanned, heard;
	struct mono stepped;         /* since when the clock is set back without a word of the recorder; 0: it is not */
	struct wall seen;            /* where the life that the accounting is in was last */
	bool drained;                /* the journal was read to its end: what comes is written now */
	int64_t marked_seq;          /* the ledger's head that every root knows (ledger_mark.h); 0: none */
};

/* roots.c */
int roots_configure(struct indexer *ix);
void roots_finish(struct indexer *ix);
/* The configured root of this path. Its disk is not touched. */
struct root *root_find(struct indexer *ix, const char *path);
/* The configured root that the journal calls so: by its uuid, or by a path as version 0.1 did. */
struct root *root_named(struct indexer *ix, const char *name);
/* The same, looked at now; NULL: none, not mounted, not ours, or the recorder says that it does not answer:
 * who touched that would wait with it, and everybody with him. */
struct root *root_present(struct indexer *ix, const char *name);
bool root_look(struct indexer *ix, struct root *r);

/* seal_key.c */
int seal_key_learn(struct indexer *ix, const char *hex);
int seal_key_restore(struct indexer *ix);
/* `name`'s key (64 hex digits) is in force: told to the ledger once. -EINVAL: it is none. */
int key_learn(struct indexer *ix, const char *name, const char *hex, const json_t *handovers);

/* segment_row.c: rows of files */
struct file_facts { char camera[SEAL_NAME_MAX]; struct wall start, end; };
int open_row_begin(struct catalog *c, const char *stem, const char *camera, int64_t root, int64_t start,
		   const char *run);
/* A file of a life that is over (life.h). */
int past_file_add(struct catalog *c, const char *camera, int64_t start);
int open_row_update(struct catalog *c, const char *stem, const struct segment_scan *s);
int open_row_complete(struct catalog *c, const char *stem);
int open_row_drop(struct catalog *c, const char *stem);
/* -ENOENT: no such row. */
int open_row_get(struct catalog *c, const char *stem, struct file_facts *out, char *root, size_t room);
int segment_row_insert(struct catalog *c, int64_t root, int64_t bytes, const struct segment_scan *s);
/* 1 with the digest if there is a row (in segment, garbage or copy), 0, or negative. */
int segment_row_find(struct catalog *c, const char *camera, int64_t start, uint8_t digest[SHA256_BYTES]);
/* *yes: whether one of these rows means the file on that disk. */
int segment_row_is_here(struct catalog *c, const char *camera, int64_t start, int64_t root, int64_t *yes);

/* open_file.c */
/* Reads the file on up to `limit` bytes and marks that coverage. -ENOENT: no such file. */
int open_file_absorb(struct indexer *ix, const struct root *r, const char *stem, int64_t limit);
void open_file_forget(struct indexer *ix, const char *stem); /* NULL: all */

/* publish.c: 0 published (or it was before), -ENOENT neither in incoming/ as .mp4 nor in archive/,
 * -EBADMSG put aside, other: try again later. In a transaction, whose end makes the names durable before the rows. */
int publish(struct indexer *ix, struct root *r, const char *stem);
/* The same, of one among many in a transaction: what fails is undone alone, and *first_error tells; only the catalogue's
 * own trouble is returned. If it stands in archive/: what was read of it, is taken; and if `synced`, its name there is
 * durable already. */
int publish_among(struct indexer *ix, struct root *r, const char *stem, bool synced, struct archive_reading *ahead, int *first_error);
/* The names that the open transaction has changed become durable, all of a disk's at once. If a disk cannot, it is barred. */
int publish_sync(struct indexer *ix);
void publish_forget(struct indexer *ix);
/* Reads a file and judges it by its bytes. Any thread. */
int archive_read(struct fs *fs, struct seal_keys *keys, const char *path, int64_t *bytes, struct segment_scan *out);
/* archive/CAMERA/DAY with every new name durable. */
int archive_make_day(struct fs *fs, const char *day);
/* A file is gone for good: what was claimed of it is taken back. */
int file_lost(struct indexer *ix, const char *kind, const char *stem, const struct file_facts *f, const char *why);

/* scan.c: what no fact told of. Transactions of their own. */
int scan_incoming(struct indexer *ix);
/* Whether a file of any root grows: the recorder records, whatever its journal does not say. */
bool scan_finds_writing(struct indexer *ix);
int scan_lost(struct indexer *ix); /* in a transaction: rows of files that are nowhere */

/* Marks what counts of a file's time (life.h). sequence: of its seal; INT64_MAX: none yet. */
int file_covers(struct indexer *ix, const char *camera, int64_t sequence, struct wall start, struct wall end);

struct list { char **names; unsigned count, room; };
/* Names that end in suffix ("": all but hidden ones), sorted. No folder: nothing. Negative, told in the log: the list holds
 * what could be read, if anything. */
int list_dir(const char *path, const char *suffix, struct list *l);
void list_add(struct list *l, const char *name);
void list_finish(struct list *l);

/* rebuild.c: in a transaction. What the files tell of cameras and obligations, when the catalogue is new. */
int rebuild_begin(struct indexer *ix);
int rebuild_awaited(struct indexer *ix);
bool is_rebuilding(struct indexer *ix);
/* Footage of that seal came from the object store: its camera was obliged then, if that is within the days that are kept. */
int rebuild_found(struct indexer *ix, const struct seal *s);

/* own_clock.c: sets acc.own_until. records: they are what the transaction takes up. */
int own_clock_begin(struct indexer *ix, bool records);
/* Behind each record; and when the journal is read to its end, or silent. */
int own_clock_record(struct indexer *ix, const char *kind, const json_t *record);
int own_clock_end(struct indexer *ix);

/* ingest.c: one journal record, in a transaction. */
int ingest(void *ix, const json_t *record);
/* watch.c */
/* Whether the recorder's last word on a root lets one hope for an answer. */
bool root_answers(struct indexer *ix, const char *path);
int watch_record(struct indexer *ix, const char *kind, const json_t *record);
int watch_silence(struct indexer *ix);
/* Nobody told of it, but the clock is `at` now, at `up` since the boot, and was set back to `to`. */
int watch_clock_was_set(struct indexer *ix, int64_t at, int64_t up, int64_t to);
bool is_recovering(struct indexer *ix);
bool has_just_stepped(struct indexer *ix); /* the clock, forward, within ACCOUNT_AWAIT_US */
int64_t settled_at(struct indexer *ix);
/* Before a record is taken up: the time has gone by to it. */
int watch_time(struct indexer *ix, const char *kind, const json_t *record);
/* The run that the recorder last told of a camera. Whether it ended before the clock was set. */
int watch_run(struct indexer *ix, const char *camera, const char *run);
int watch_stream(struct indexer *ix, const char *camera, const char *stream, struct wall since);
bool is_of_past_run(struct indexer *ix, const char *camera, const char *run);


/* The archive holds files of which nobody knows yet: holes are not judged. */
bool has_to_walk(const struct indexer *ix);

/* A file that had been gone is back: one footage.returned per camera and transaction. */
int returned_add(struct indexer *ix, const char *camera, struct wall start, struct wall end, int64_t bytes,
		 const uint8_t seal[SHA256_BYTES]);

int transaction_begin(struct indexer *ix);
/* Commits if rc is 0, else undoes everything, in memory too. Returns the first error. */
int transaction_end(struct indexer *ix, int rc);
