/* One segment while it is written: ROOT/incoming/CAMERA-START.open until it is sealed.
 *
 * Every fragment is read by the same segment_scan() that the keeper will use before it is written: what
 * it would refuse is refused here (-EBADMSG), and the seal says what it will find.
 * Only what a sync has confirmed is believed. After a failure (`error` set) nothing more is
 * written to it but its end: segment_file_seal() cuts it after the last confirmed fragment.
 * Who syncs is the disk (disk.h), all its files in one round; a file becomes a name and ends with such rounds, too.
 *
 * The promise is what the journal says, or is about to say, that this file holds. The disk thread gives
 * it before the record is added; the loop may condemn the rest, at any moment, also while the thread is
 * stuck in the kernel: what was not promised by then is a gap and is cut off when the disk comes back.
 *
 * Threads: the root's disk thread, except segment_file_make() and _destroy() (before the first and
 *          after the last job that names it) and segment_file_condemn() (loop).
 * Memory:  make allocates, destroy frees; the file descriptor is closed by seal or leave.
 * Errors:  0 or negative errno; the first one stays in `error`. */
#pragma once
#include "media/segment.h"
#include "recorder/chain.h"

#include <pthread.h>

struct segment_promise {
	pthread_mutex_t lock;         /* held over no call that can wait */
	bool condemned;
	unsigned fragments;
	struct wall end;              /* of the last of them; the file's start for none */
};

struct segment_file {
	struct fs *fs;
	const char *root;             /* borrowed: its path */
	char camera[SEAL_NAME_MAX];
	struct wall start;
	uint8_t run[UUID_BYTES];
	uint8_t flags;
	int fd;                       /* -1: not open */
	int error;
	bool nameless;                /* there was no inode for it */
	struct segment_scan scan;     /* of the bytes as they go by: index and content digest */
	uint8_t (*digests)[SHA256_BYTES]; /* content up to and with each fragment */
	unsigned digest_room;
	int64_t bytes;                /* written */
	int64_t confirmed_bytes;      /* by a sync: durable */
	unsigned confirmed;           /* fragments within confirmed_bytes */
	struct segment_promise promise;
	bool named;                   /* its name is durable */
	bool sealing, sealed;         /* a seal of `keep` fragments is written at its end; and durable */
	unsigned keep, cuts;          /* cuts: how often it was written for less than was asked */
	unsigned round;               /* of the disk's syncs: the last that it was in */
	int sync_error;               /* of that round */
	void *owner;                  /* for the loop thread */
	struct segment_file *next;    /* in the disk's list of open files */
};

struct segment_file *segment_file_make(struct fs *fs, const char *root, const char *camera, struct wall start,
				       const uint8_t run[UUID_BYTES], uint8_t flags);
void segment_file_destroy(struct segment_file *f);
/* Base name of the file with that suffix. */
void segment_file_name(const struct segment_file *f, const char *suffix, char out[256]);

/* Creates it (O_EXCL), writes ftyp + moov. The name is durable with the next round. */
int segment_file_open(struct segment_file *f, const void *init, size_t len);
/* One fragment, one write. */
int segment_file_add(struct segment_file *f, const void *data, size_t len);
/* fdatasync, which says nothing of its name; segment_file_confirm() follows if all is well with that, too. */
int segment_file_sync(struct segment_file *f);
/* All that was written so far is durable, by whatever sync. */
void segment_file_confirm(struct segment_file *f);
/* The end of the first n fragments: bytes of the file, and on the wall clock (its start for 0). */
int64_t segment_file_end(const struct segment_file *f, unsigned n);
struct wall segment_file_end_time(const struct segment_file *f, unsigned n);
/* It has something that a sync would make durable. */
bool segment_file_is_dirty(struct segment_file *f);
/* Promises the first n fragments. False: the rest was condemned before, and the promise stays less. */
bool segment_file_promise(struct segment_file *f, unsigned n);
/* From now on nothing beyond what was promised will be; that is copied to *fragments and *end. */
void segment_file_condemn(struct segment_file *f, unsigned *fragments, struct wall *end);
bool segment_file_is_condemned(struct segment_file *f);
/* Closes it as it is: the next recovery deals with it. */
void segment_file_leave(struct segment_file *f);

struct segment_seal {
	const char *site;
	const struct key *key;
	struct chain_head head;       /* in: the seal before; out: the head now */
	struct seal seal;             /* the rest: what was written */
	uint8_t digest[SHA256_BYTES];
	int64_t bytes;                /* of the file with it */
	uint8_t box[SEAL_MAX_BYTES];
	size_t box_bytes;
};
enum segment_fate {
	SEGMENT_SEALED,  /* renamed to .mp4 */
	SEGMENT_DROPPED, /* not one fragment: removed */
	SEGMENT_STALE,   /* the chain went on meanwhile: seal again after `head` */
	SEGMENT_LEFT,    /* the disk or the journal fails: .open stays */
	SEGMENT_WAITS,   /* for the next step */
};
/* The end of a file, in steps; each gives the next while it answers SEGMENT_WAITS, else the file is closed unless it is
 * SEGMENT_STALE. f->error tells whether less was kept than was asked for.
 *
 *	seal     cuts what failed or was condemned, writes the seal; a round of syncs follows
 *	journal  after the round: the seal is made the head of its chain; chain_sync() follows, one for all of the round.
 *	         If the sync failed, or the rest was condemned meanwhile, the seal is written once more, for what both
 *	         keep their word for (SEGMENT_WAITS, and `sealed` is false): another round
 *	publish  renamed. If the journal could not be written, segment_head_keep() comes first. Should a power cut take the name back, recovery gives it again: the journal knows the seal */
enum segment_fate segment_file_seal(struct segment_file *f, struct chain *chain, struct segment_seal *s);
enum segment_fate segment_file_journal(struct segment_file *f, struct chain *chain, struct segment_seal *s);
enum segment_fate segment_file_publish(struct segment_file *f);

/* A seal (its box) as the head of its camera's chain, durable in incoming/.head-CAMERA: when the journal cannot hold it. */
int segment_head_keep(struct fs *fs, const char *root, const char *camera, const uint8_t *box, size_t len);
/* The boot in which files were begun of which no journal tells; durable (media/segment.h has both names). */
int segment_boot_keep(struct fs *fs, const char *root);

/* --- shared with recovery -------------------------------------------------------- */
/* incoming/ from one name to another. */
int segment_file_rename(struct fs *fs, const char *root, const char *from, const char *to);
/* Unlinks it, durably, then journals `dropped`. */
int segment_file_remove(struct fs *fs, struct chain *chain, const char *root, const char *camera,
			const char *name);
