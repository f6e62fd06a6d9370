/* What a key says about the one after it: "from now on that one signs for this site", signed by the one before.
 *
 * Who trusts the first public key can follow the hand-overs to the one in force (media/key_change.h: where they lie).
 * Threads: any. Memory: JSON is a new reference where said. */
#pragma once
#include "base/crypto.h"
#include "base/fs.h"

#include <jansson.h>

/* Texts are borrowed, of what was read from the `json` below. */
struct key_handover {
	const char *name, *site, *at, *by;
	uint8_t old[PUBKEY_BYTES], fresh[PUBKEY_BYTES];
};
/* {name, site, at, by, public, fingerprint, previous, previous_fingerprint, signature}: the ledger's `key.rotated`.
 * New reference. */
json_t *key_handover_sign(const struct key_handover *h, const struct key *signer);
/* False: it is none, or the signature of `previous` does not hold. */
bool key_handover_read(const json_t *json, struct key_handover *out);

/* All of STATE/NAME-keys/ID.json, unverified; new reference. Negative: something could not be read, so that one that is
 * not in the list may be there. */
int key_handovers_load(struct fs *fs, const char *state, const char *name, json_t **out);
/* The one by which the key `from` was followed: it and *out, borrowed; NULL: none was. A key hands over once: what it
 * says last is the one file that stands. */
json_t *key_handover_from(const json_t *handovers, const char *name, const uint8_t from[PUBKEY_BYTES], struct key_handover *out);
/* Those of them that lead from one public key to another, in order (empty: the same); NULL: none do. New reference. */
json_t *key_handovers_path(const json_t *handovers, const char *name, const uint8_t from[PUBKEY_BYTES],
			   const uint8_t to[PUBKEY_BYTES]);
