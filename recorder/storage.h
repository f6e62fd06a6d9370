/* The recorder's side of the disks: one thread per root, the open segments, the seal chain, the
 * journal's durable facts, and recovery of what a crash left.
 *
 * Disk thread: open (O_CREAT|O_EXCL) → one write per fragment, hashed as it goes by → every 5 s a round of
 * durability for all of its files (disk.h), then `beat` with the durable sizes → at close: seal, which waits for such a
 * round, journal `sealed` (synced, with all that were sealed in that round), rename to .mp4, hint.
 *
 * Trouble: the queues of all roots together are bounded (recording.buffer, the same share for each): when
 * a root's is full its segments end as lost (storage_failed). A failed write or sync is never retried and
 * believed: the file is truncated to its last good offset, sealed there if the disk still lets us, and
 * `lost` is told; the root is tried again after 5 s. A root whose oldest job waits STORAGE_STALL_MS is
 * stalled, and its cameras leave it at their next key frame if another root takes them: nothing is lost by
 * that, as the queue is written when the disk goes on. After STORAGE_GIVE_UP_MS the queue is given up:
 * what was not promised (segment_file.h) is a gap, and stays one.
 *
 * Chain: the seal of a camera's segment needs the digest of the one before, so a camera's closings are
 * serial, over all roots; at start the head comes from the journal and from what lies in incoming/.
 * Recovery: at start every .open file is cut after its last whole fragment, sealed with
 * SEAL_RECOVERED and renamed (without one whole fragment: removed, `dropped`); in its own thread, while
 * new segments are already being written (their sealing waits for their camera's turn).
 *
 * Threads: loop thread for every function here.
 * Memory:  storage_create() allocates; free in storage_close()'s callback. */
#pragma once
#include "base/crypto.h"
#include "base/fs.h"
#include "conf/conf.h"
#include "media/journal.h"
#include "recorder/outlet.h"

#include <uv.h>

#define STORAGE_SYNC_EVERY_MS 5000
#define STORAGE_STALL_MS 1000
#define STORAGE_GIVE_UP_MS 30000

struct storage;
struct seal_keys;

struct storage_events {
	void (*sealed)(void *owner, const char *camera); /* a file was renamed to .mp4: hint the keeper */
	void (*journaled)(void *owner);                  /* facts were synced to the journal */
	void (*root_state)(void *owner, const char *root, const char *state, const char *error);
	void (*recovered)(void *owner);                  /* all .open files of before are dealt with */
	void (*fatal)(void *owner, const char *text);    /* the journal's disk does not answer */
	void (*closed)(void *owner);
};

/* Writes the journal's `start` record, or does so later (chain.h). The signer of `keys` signs seals; journal dir is STATE/journal. conf, keys
 * borrowed. */
int storage_create(uv_loop_t *loop, struct fs *fs, struct clock *clock, const struct conf *conf,
		   struct seal_keys *keys, const struct storage_events *events, void *owner,
		   struct storage **out, struct err *e);
/* The way to the disks for one camera; outlives the camera's runs. Destroy only when no segment is open. */
struct outlet *storage_outlet_create(struct storage *s, const char *camera);
void storage_outlet_destroy(struct outlet *o);
/* A fact of the loop for the journal, appended and synced by the journal's thread in order. body is consumed. */
void storage_journal(struct storage *s, const char *kind, json_t *body);
/* `keys` has another signer: the journal's next file says so, and seals from now on are its. */
void storage_key_changed(struct storage *s);
void storage_journal_prune(struct storage *s, const char *file);
/* Waits (asynchronously) until every segment is closed, sealed and renamed, writes `stop`, ends the
 * threads. A disk that does not answer is waited for 10 s; then its files stay .open, there is no
 * `stop`, and fs, clock and keys must stay valid until the process ends: a stuck thread may use them. */
void storage_close(struct storage *s);
void storage_destroy(struct storage *s);
