/* The seal chain's heads and the journal that holds them.
 *
 * The journal is the arbiter of the chain: a seal belongs to it from the moment its `sealed` record is
 * added, and chain_sealed() adds it only if it follows the head. So two closings of one camera may
 * race (one of them stuck on a hung disk): the loser gets -ESTALE and is sealed anew.
 *
 * A journal that cannot be written stops nothing. Facts that nothing else tells wait in memory, stamped with their time, and
 * are written when it can be written again, by chain_sync(), into a file of its own, with the heads and the open files as
 * they are by then; of files that were sealed meanwhile the keeper hears by finding them. Until then chain_sync() fails, and
 * whoever sealed must make the head durable elsewhere (segment_file.h, incoming/.head-CAMERA).
 *
 * Threads: any, except open and close. A call may wait for the state disk, so the loop thread calls
 *          only chain_open(), chain_close() and chain_error().
 * Memory:  chain_open() allocates, chain_close() frees. JSON bodies are consumed.
 * Errors:  0 or negative. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"
#include "conf/conf.h"
#include "media/journal.h"
#include "media/seal.h"

struct chain_head { uint64_t sequence; uint8_t digest[SHA256_BYTES]; };

struct chain;
/* Opens STATE/journal, reads the heads from its newest records, writes `start`, synced; or as soon as it can. */
struct chain *chain_open(struct fs *fs, struct clock *clock, const struct conf *conf, const struct key *key);
void chain_close(struct chain *c);
int chain_error(struct chain *c); /* 0, or why the journal cannot be written */

/* Appends a fact, or keeps it until that can be done; it is durable after chain_sync(). Starts the next file when this
 * one is long. */
int chain_fact(struct chain *c, const char *kind, json_t *body);
int chain_sync(struct chain *c);
/* A `beat`; durable (file name → bytes below root; consumed) may be NULL. */
int chain_beat(struct chain *c, const char *root, json_t *durable);
/* public: 64 hex digits. The journal's next file begins now, and names this key. */
int chain_set_key(struct chain *c, const char *public);
/* From now on the journal calls the root at `path` by that uuid (root_names.h). */
void chain_name_root(struct chain *c, const char *path, const char *uuid);
void chain_prune(struct chain *c, const char *file);

/* Before chain_open(): which cameras the journal knows, if version 0.1 wrote its newest file. A new reference, an object of
 * ids; NULL: it did not, or there is no journal. */
json_t *chain_cameras_of_0_1(struct fs *fs, const char *state);

/* Zeros for a camera that never sealed. */
void chain_head(struct chain *c, const char *camera, struct chain_head *out);

struct chain_entry {
	const char *root, *file;     /* file: the name it will have, CAMERA-START.mp4 */
	const struct seal *seal;
	uint8_t digest[SHA256_BYTES];
	int64_t bytes;
	bool forced;                 /* found sealed and valid with a higher sequence than the journal knows */
};
/* Adds `sealed`; it is durable after chain_sync(). -ESTALE: it does not follow the head, which *head then tells;
 * 0: *head is this seal. */
int chain_sealed(struct chain *c, const struct chain_entry *x, struct chain_head *head);

/* A seal that stands outside the journal is this camera's last, unless the journal knows a later one. */
void chain_learn(struct chain *c, const char *camera, const struct chain_head *head);

/* A copy of the heads as {camera: [sequence, digest hex]}; and one of those pairs read. */
json_t *chain_heads(struct chain *c);
int chain_head_unpack(const json_t *pair, struct chain_head *out);

/* --- what recovery asks ------------------------------------------------------- */
/* The run and the flags that the `open` record of a file named; false: unknown. */
bool chain_run_of(struct chain *c, const char *root, const char *file, uint8_t run[UUID_BYTES], uint8_t *flags);
/* How many bytes of an .open file may be believed: all that can be read back, unless its root has
 * failed or filled up since it was opened, or the machine went down. Then the page cache may show what never reached
 * the disk, or the file system zeros in its place, and only what a beat called durable counts.
 * -ENOENT: no record of its beginning is left. */
int64_t chain_limit_of(struct chain *c, const char *root, const char *file);
/* After a look at incoming/, by who writes there: names in the journal that are not `there` (names) and of which nothing
 * was ever durable are `dropped`. A power cut took them before the first sync. */
void chain_forget_unmade(struct chain *c, const char *root, bool (*there)(void *arg, const char *name), void *arg);
/* Whether a seal with this digest was journaled. Reads the journal: slow, for oddities only. */
bool chain_knows(struct chain *c, const uint8_t digest[SHA256_BYTES]);
