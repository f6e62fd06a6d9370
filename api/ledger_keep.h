/* What the api lets out of the ledger's head is kept first (STATE/heads/, media/ledger_kept.h), outside of the catalogue, which
 * belongs to the keeper: the last head that was signed, and per receiver the last entry that was sent and that was acknowledged.
 * A head that does not extend them is not signed.
 *
 * Threads: loop thread only; a write is one small file, synced, when the head has moved on.
 * Memory: caller's; texts are borrowed. Errors: 0 or negative errno. */
#pragma once
#include "base/crypto.h"
#include "base/fs.h"
#include "indexer/catalog.h"
#include "media/ledger_kept.h"

#include <stdbool.h>

struct ledger_keep {
	struct fs *fs;
	const char *state;              /* folder */
	int64_t signed_seq;             /* of the head that was kept last */
	bool contradicted;              /* told in the log */
};

/* Before a head is signed: 0: it extends all that is kept, and is kept now; 1: it does not extend *against, and must not be signed. */
int ledger_keep_sign(struct ledger_keep *k, struct catalog *c, int64_t seq, const uint8_t hash[SHA256_BYTES], struct ledger_kept *against);
/* what: "sent" or "acknowledged" by receiver, up to that entry. */
int ledger_keep_note(const struct ledger_keep *k, const char *what, const char *receiver, int64_t seq, const uint8_t hash[SHA256_BYTES]);
