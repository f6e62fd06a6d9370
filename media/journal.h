/* The recorder's journal: STATE/journal/NNNNNNNNNN.jnl, append-only, one fact a line:
 *
 *	CRC-32C of the JSON (8 hex digits) · space · canonical JSON object · newline
 *
 * The recorder writes, the keeper reads by (file, offset); a torn last line is no line. Every
 * record has "k" (kind), "at" (wall µs), "up" (CLOCK_BOOTTIME µs). Kinds and their further keys:
 *
 * A root is named by its uuid, a file by its name in the root's incoming/; version 0.1 named a root by its path.
 *
 *	start   format (JOURNAL_FORMAT; version 0.1 named none), boot (boot_id), pid, synced, key (seal public key, hex), cameras [ids],
 *	        chain {camera: [sequence, digest hex]}, open {root/file: [run, flags, durable bytes, doubted]}
 *	        first record of each file after a start or a rotation ("rotated":true)
 *	beat    synced, durable {root: {file name: bytes}}   with every sync, at least every 5 s;
 *	        only files of which more became durable
 *	open    camera, root, file, start, run, flags   a segment file exists and is durable as a
 *	        name; flags: as its seal will have them
 *	up      camera, start, run                         the first frame of a run
 *	down    camera, since, cause, detail               no footage from `since` on, for this cause; a
 *	                                                   further one while down tells a change of cause
 *	sealed  camera, root, file, start, end, sequence, digest, bytes, recovered
 *	dropped camera, root, file                         an .open file without one whole fragment, removed
 *	lost    camera, start, end, cause, detail          a closed segment could not be kept there
 *	ready                                              recovery at start is finished
 *	clock   step_us, synced                            the wall clock stepped, or its trust changed
 *	storage root, path, state (ok|stalled|full|failed|absent), error
 *	                                                   path: where it is, or should be, mounted; without one `root` is it
 *	stop                                               clean end; nothing follows in this run
 *
 * Causes are the gap causes of design §6. Threads: one writer; readers any.
 * Errors: 0 or negative errno. A journal that cannot be written stops nothing (recorder/chain.h). */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"

#include <jansson.h>
#include <stdbool.h>

#define JOURNAL_FORMAT 2
#define JOURNAL_FILE_MAX 32
#define JOURNAL_LINE_MAX (256u << 10)
#define JOURNAL_ROTATE_BYTES (16u << 20)

/* --- writing (recorder) -------------------------------------------------------- */
struct journal;
/* Opens the newest file in dir (made if absent), cuts what follows its last whole record, positions
 * at its end. When that file was begun in another boot, or holds no record, a next file is begun: a
 * power cut may have taken records that a reader had seen, and a reader's offset must never come to
 * stand inside other records. */
int journal_open(struct fs *fs, struct clock *clock, const char *dir, struct journal **out, struct err *e);
/* Adds k, at, up (these two unless it has them) to body (a new reference is NOT taken: body is consumed) and appends. -EINVAL: body
 * is no JSON object; -EMSGSIZE: the line would be too long; then nothing is written. Never waits for
 * a sync that runs in another thread. */
int journal_add(struct journal *j, const char *kind, json_t *body);
/* What was added before is durable. A failed sync is never believed afterwards: this and all later
 * calls fail. */
int journal_sync(struct journal *j);
bool journal_is_long(const struct journal *j); /* time to rotate */
int journal_rotate(struct journal *j);         /* next file; the caller writes `start` into it */
/* After a failure: the same, whatever became of the file before. 0: it can be written again. */
int journal_renew(struct journal *j);
/* Removes files before `file`, except the two newest. */
void journal_prune(struct journal *j, const char *file);
void journal_close(struct journal *j);

/* --- reading (keeper; recorder at start) ---------------------------------------- */
struct journal_pos { char file[JOURNAL_FILE_MAX]; int64_t offset; }; /* file "" = from the oldest */
/* Calls fn for each whole record after pos, in order, moving pos behind it, until the end, `max`
 * records, or fn returns non-zero (which is returned; pos then stays before that record). A broken
 * line that is not the last of the last file is skipped with a log line, as soon as a whole one
 * follows. A pos whose file was pruned goes on in the oldest file after it, and with the oldest of all if there
 * is none after it: the journal was lost, and this is another. No folder is -ENOENT; no
 * file is nothing to read. record is borrowed. */
typedef int journal_fn(void *arg, const json_t *record);
int journal_read(struct fs *fs, const char *dir, struct journal_pos *pos, unsigned max,
		 journal_fn *fn, void *arg);
/* The last whole record of the newest file, a new reference; *out NULL if it holds none. */
int journal_last(struct fs *fs, const char *dir, json_t **out);
