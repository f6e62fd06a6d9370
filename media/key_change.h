/* Changing a key without breaking what the key before has proved.
 *
 *	STATE/keys/NAME.key, NAME.pub        in force; NAME is "seal" (recorder) or "site" (api)
 *	STATE/keys/site-ID.key               the one before: it signs beside the new one for KEY_OVERLAP_DAYS (Standard
 *	                                     Webhooks: several signatures), then it is destroyed
 *	STATE/NAME-keys/ID.pub               every public key that was ever in force, for good
 *	STATE/NAME-keys/ID.json              the hand-over of key ID to the one after it, signed by it
 *
 * So who trusts the first public key can follow the hand-overs to the one in force. Everything else is written
 * before NAME.key is replaced, which is the change: whatever was written before a crash, one key is in force, its
 * public half and those of all before it are known. A hand-over to a key that never came into force is void, and
 * is replaced by the next one. Owner: who may write STATE/keys (`holdfast key rotate`, the supervisor).
 * Threads: one at a time (a lock on STATE/keys). Memory: key_change_finish() frees. */
#pragma once
#include "base/clock.h"
#include "base/crypto.h"
#include "base/fs.h"

#include <jansson.h>

#define KEY_OVERLAP_DAYS 30

/* What a key says about the one after it. Texts are borrowed from `json` below. */
struct key_handover {
	const char *name, *site, *at, *by;
	uint8_t old[PUBKEY_BYTES], fresh[PUBKEY_BYTES];
};
/* {name, site, at, by, public, fingerprint, previous, previous_fingerprint, signature}: the ledger's `key.rotated`.
 * False: it is none, or the signature of `previous` does not hold. */
bool key_handover_read(const json_t *json, struct key_handover *out);
/* All of STATE/NAME-keys/ID.json, unverified; new reference. */
json_t *key_handovers_load(const char *state, const char *name);
/* Those of them that lead from one public key to another, in order (empty: the same); NULL: none do. New reference. */
json_t *key_handovers_path(const json_t *handovers, const char *name, const uint8_t from[PUBKEY_BYTES],
			   const uint8_t to[PUBKEY_BYTES]);

struct key_change {
	struct fs *fs;
	const char *state, *name, *site, *by; /* by: who asked, "uid:0" */
	struct wall at;
	char old[SHA256_HEX_MAX], fresh[SHA256_HEX_MAX]; /* out: fingerprints */
};
/* 0: the new key is in force. Negative: the old one is, or (after the last step but one) the new one. */
int key_change(struct key_change *c, struct err *e);
/* Somebody holds the lock. */
bool key_change_is_under_way(const char *state);
/* Destroys the private keys whose overlap is over, and copies that no hand-over explains. *count: how many. */
int key_overlap_end(struct fs *fs, const char *state, struct wall now, unsigned *count);
/* The private keys that sign beside the one in force, newest first; at most `max`, to be destroyed by the caller. */
unsigned key_overlap_load(const char *state, struct wall now, struct key **out, unsigned max);
