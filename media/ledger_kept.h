/* A head of the ledger that is kept outside of the catalogue: what was signed, sent or acknowledged, and what each disk knows.
 * The catalogue's own head must extend every one of them (design §11), so that a ledger that was rewritten or put back
 * cannot go on as if nothing had been lost.
 *
 * File: "SEQ HASH WHO\n", below 512 bytes. Written by the api below STATE/heads/, by the keeper as ROOT/ledger/head.
 * Threads: any, as the file seam. Memory: caller's. Errors: 0 or negative errno. */
#pragma once
#include "base/crypto.h"
#include "base/fs.h"

#define LEDGER_KEPT_WHO_MAX 200
#define LEDGER_KEPT_FOLDER "heads" /* of STATE */

struct ledger_kept {
	int64_t seq;
	uint8_t hash[SHA256_BYTES];
	char who[LEDGER_KEPT_WHO_MAX]; /* "signed", "disk", "sent URL", "acknowledged URL"; "" in files of 0.1 */
};

/* -ENOENT: there is none; -EBADMSG: the file holds something else. */
int ledger_kept_load(struct fs *fs, const char *path, struct ledger_kept *out);
int ledger_kept_save(struct fs *fs, const char *path, const struct ledger_kept *k); /* durable when it returns 0 */
/* Every one in a folder. fn's first answer but 0 ends it and is returned; a folder that is not there is empty; files that hold something else are passed over
 * and told in the log. */
typedef int ledger_kept_fn(void *arg, const struct ledger_kept *k);
int ledger_kept_each(struct fs *fs, const char *folder, ledger_kept_fn *fn, void *arg);
