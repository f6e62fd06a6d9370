/* The keys of a site's seals: all public ones that are known, and the one that signs now. The one place that knows
 * where they lie: STATE/seal-keys/ID.pub (every key there has been; ID is a seal's key_id in hex) and
 * STATE/keys/seal.pub. After a rotation (media/key_change.h) older seals still hold by the older keys.
 *
 * Threads: any. Memory: a key that was given or found stays valid until seal_keys_destroy(). */
#pragma once
#include "base/crypto.h"
#include "base/fs.h"
#include "media/seal.h"

struct seal_keys;

struct seal_keys *seal_keys_create(void);
void seal_keys_destroy(struct seal_keys *s);
/* Adds what STATE holds. A file that is no key is told in the log and left out: older footage must not depend on it.
 * Negative: something could not be read, so that an unknown key may be one that is there. */
int seal_keys_load(struct seal_keys *s, struct fs *fs, const char *state);
/* Takes k; one that is known already is destroyed. */
void seal_keys_add(struct seal_keys *s, struct key *k);
unsigned seal_keys_count(struct seal_keys *s);
/* NULL: unknown. */
const struct key *seal_keys_find(struct seal_keys *s, const uint8_t id[8]);
/* The private key that signs from now on. Takes k; seals that are being made end with the one before. */
void seal_keys_sign_with(struct seal_keys *s, struct key *k);
const struct key *seal_keys_signer(struct seal_keys *s);

/* Where the public key ID of `name` ("seal", "site") lies below STATE; malloc'd. suffix: ".pub", ".json". */
char *key_path_known(const char *state, const char *name, const uint8_t id[8], const char *suffix);
