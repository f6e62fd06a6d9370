/* A copy of what cannot be made again from footage: both databases, consistent, while everything runs; the public
 * keys; the configuration. The private keys only when asked for: who holds seal.key can forge footage.
 *
 *	DIR/catalog.db access.db       VACUUM INTO from a read-only connection
 *	DIR/keys (.pub; .key when asked), DIR/seal-keys and DIR/site-keys (.pub, hand-overs), DIR/holdfast.yaml
 *	DIR/backup.json                site, time, ledger head, and size and SHA-256 of each file; written last, so a
 *	                               folder without it is no backup
 *
 * The copy is checked (SQLite's quick_check, the ledger's chain) before backup.json is written.
 * Threads: any. Memory: the caller's struct. Errors: negative, and e says which file and why. */
#pragma once
#include "base/crypto.h"
#include "base/fs.h"
#include "conf/conf.h"

struct backup {
	struct fs *fs;
	struct clock *clock;
	const struct conf *conf;
	const char *dir;                /* made; must not exist, or be empty */
	bool with_keys;
	int64_t ledger_seq;             /* results */
	uint8_t ledger_hash[SHA256_BYTES];
	uint64_t bytes;
};
int backup_run(struct backup *b, struct err *e);
