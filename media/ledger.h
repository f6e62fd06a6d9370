/* One entry of the ledger, and how it is chained to the one before. Shared by who writes it (indexer/) and who
 * checks a copy of it (verify/).
 *
 * hash = SHA-256(prev hash ‖ seq as 8 bytes big-endian ‖ at as 8 bytes big-endian ‖ kind ‖ 0x00 ‖
 * camera or nothing ‖ 0x00 ‖ body); the first entry's prev hash is 32 zero bytes.
 * Threads: any. Memory: texts are borrowed. */
#pragma once
#include "base/clock.h"
#include "base/crypto.h"

#include <jansson.h>

struct ledger_entry {
	int64_t seq;
	struct wall at;
	const char *kind, *camera, *body; /* camera may be NULL; body: canonical JSON */
	uint8_t hash[SHA256_BYTES];
};
void ledger_hash(const uint8_t prev[SHA256_BYTES], const struct ledger_entry *e, uint8_t out[SHA256_BYTES]);

/* The bytes that the site's key signs when it vouches for the ledger's head: a text of five lines, malloc'd.
 * hash: hex; at: as it is told. */
char *ledger_head_text(const char *site, int64_t seq, const char *hash, const char *at);
/* The same for what is told with the head: the last sealed segment of each camera ([{camera, sequence, digest, end}]), so that a tail
 * that is cut off, or a camera whose files are gone, shows from outside. malloc'd; NULL: the list is none. */
char *ledger_sealed_text(const char *site, int64_t seq, const char *at, const json_t *cameras);
