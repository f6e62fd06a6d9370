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
/* The lock on STATE/keys: a descriptor, to be closed. wait false: -EWOULDBLOCK while somebody else holds it. */
int key_change_lock(const char *state, bool wait, struct err *e);
/* STATE/keys/NAMESUFFIX: the key in force; malloc'd. */
char *key_change_path(const char *state, const char *name, const char *suffix);
