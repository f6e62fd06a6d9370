/* The keeper's core: consumes the recorder's journal and files, and keeps the catalogue true.
 *
 *	journal ──facts──▶ accounting ──▶ catalogue, ledger
 *	incoming/X.open  ──durable part──▶ open_segment, span
 *	incoming/X.mp4   ──checked──▶ rename into archive/ ──▶ sync both folders ──▶ segment row
 *
 * The position in the journal, the rows and the ledger entries of one batch commit together, so a
 * crash at any instant leaves either all of it or none, and the batch is read again. A file that was
 * renamed before its row was written is found under its archive name.
 *
 * Plain blocking calls in small batches; no loop, no sockets.
 * Threads: one. Memory: indexer_create() allocates, indexer_destroy() frees; fs, clock, conf and
 *          catalog are borrowed.
 * Errors:  0 or negative; after an error everything of the batch is undone and the next step tries
 *          again. A footage file that cannot be read now never stops the journal. */
#pragma once
#include "base/fs.h"
#include "conf/conf.h"
#include "indexer/catalog_write.h"
#include "media/journal.h"

#define INDEXER_SCAN_EVERY_US (10 * US_PER_S)
#define INDEXER_SILENCE_US (15 * US_PER_S) /* no record for so long: the recorder is down */

struct indexer;

/* Takes up the configuration: cameras, retirements, roots, config.changed. */
int indexer_create(struct fs *fs, struct clock *clock, const struct conf *conf, struct catalog *catalog,
		   struct indexer **out, struct err *e);
/* Another configuration, which is borrowed from now on. */
int indexer_configure(struct indexer *ix, const struct conf *conf);
void indexer_destroy(struct indexer *ix);
/* That many threads read and check files of the archive ahead of the walk through it (archive_walk.h). None at first: then
 * `fs` is called on this thread only. */
void indexer_read_ahead(struct indexer *ix, unsigned threads);

/* One batch. *more: call again soon; else at the next hint, and at least once a second. */
int indexer_step(struct indexer *ix, bool *more);
/* The keeper is about to go: what the recorder sealed is taken up, a walk through the archive is not. */
void indexer_finish(struct indexer *ix);
/* A hint: something was renamed in incoming/. The next step looks. */
void indexer_hint(struct indexer *ix);
/* The archive was walked through: what lies there without a row came later. */
bool indexer_knows_archive(const struct indexer *ix);
/* Files of which no row tells were met in that root's archive (CAMERA-START each): those whose seal holds are taken up. */
int indexer_take_archived(struct indexer *ix, const char *root, const char *const *stems, unsigned count);
/* Journal files before this one are not needed any more (journal_seen); "" at first. */
const char *indexer_journal_file(const struct indexer *ix);

/* Writes beside the footage where the ledger stands, if that is news there. Before others are told of it. */
void indexer_mark_ledger(struct indexer *ix);

/* A command of the api, in its own transaction. Returns an HTTP-like status; *reply is a new object:
 * the result, or {"problem", "field"?} with a sentence for people. Verbs:
 *	hold.place   camera, start, end (RFC 3339), reason, reference?, by     → {id}          201
 *	hold.release id, reason, by                                           → {}            200
 *	gap.explain  id, text (1 to 1000 characters), by                       → {}            200
 *	disk.retire  path, reason, by                                         → {}            200
 *	disk.replace path, reason, by                                         → {}            200
 *	key.created  name ("site"), public (64 hex digits)                     → {}            200 */
int indexer_command(struct indexer *ix, const char *verb, const json_t *args, json_t **reply);
