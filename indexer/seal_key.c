/* The keys that the ledger names: the recorder tells its seal key in the journal's `start` records, the api the
 * site key. A key that the one before handed over to is `key.rotated`, with the hand-over; any other is `key.created`.
 * Seal keys are also kept as files (media/seal_keys.h), for older footage and for who verifies without us. */
#include "indexer_inner.h"

#include "base/buf.h"
#include "base/log.h"
#include "media/key_handover.h"

#include <errno.h>
#include <stdlib.h>

static int save(struct indexer *ix, const char *path, const struct key *k)
{
	char *dir = xasprintf("%s/seal-keys", ix->conf->state);
	struct err e;
	int rc = ix->fs->mkdir(ix->fs, dir, 0755);

	if (rc == 0)
		rc = key_save_public(ix->fs, path, k, &e);
	free(dir);
	return rc;
}

static int use(struct indexer *ix, const char *hex)
{
	uint8_t raw[PUBKEY_BYTES], id[8];
	struct stat st;
	struct key *k = hex_decode(hex, raw, sizeof raw) == 0 ? key_from_public(raw) : NULL;

	if (!k)
		return -EINVAL;
	seal_key_id(k, id);
	char *path = key_path_known(ix->conf->state, "seal", id, ".pub");
	int rc = ix->fs->stat(ix->fs, path, &st) == 0 ? 0 : save(ix, path, k);
	free(path);
	seal_keys_add(ix->seal_keys, k);
	ix->seal_key_known |= rc == 0;
	return rc;
}

int seal_key_restore(struct indexer *ix)
{
	char hex[2 * PUBKEY_BYTES + 1];
	int rc = catalog_state(ix->catalog, "seal_key", hex, sizeof hex);

	ix->seal_keys = seal_keys_create();
	seal_keys_load(ix->seal_keys, ix->fs, ix->conf->state);
	return rc < 0 || !*hex ? rc : use(ix, hex);
}

/* --- the ledger -------------------------------------------------------------------------------- */

static int tell_created(struct indexer *ix, const char *name, const char *hex, const uint8_t raw[PUBKEY_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	char print[SHA256_HEX_MAX];

	sha256(raw, PUBKEY_BYTES, digest);
	hex_encode(digest, sizeof digest, print);
	return ledger_append(ix->catalog, ix->acc.now, "key.created", NULL,
			     json_pack("{ss ss ss}", "name", name, "public", hex, "fingerprint", print), NULL);
}

static int tell_rotated(struct indexer *ix, const json_t *path)
{
	json_t *handover;
	size_t i;
	int rc = 0;

	json_array_foreach(path, i, handover)
		if (rc == 0)
			rc = ledger_append(ix->catalog, ix->acc.now, "key.rotated", NULL, json_deep_copy(handover), NULL);
	return rc;
}

int key_learn(struct indexer *ix, const char *name, const char *hex, const json_t *handovers)
{
	char state[100], was[2 * PUBKEY_BYTES + 1];
	uint8_t raw[PUBKEY_BYTES], before[PUBKEY_BYTES];

	snprintf(state, sizeof state, "%s_key", name);
	int rc = catalog_state(ix->catalog, state, was, sizeof was);
	if (rc < 0 || strcmp(was, hex) == 0)
		return rc; /* told before */
	if (hex_decode(hex, raw, sizeof raw) < 0)
		return -EINVAL;
	json_t *path = hex_decode(was, before, sizeof before) == 0 ? key_handovers_path(handovers, name, before, raw) : NULL;
	rc = catalog_set_state(ix->catalog, state, hex);
	if (rc == 0)
		rc = path ? tell_rotated(ix, path) : tell_created(ix, name, hex, raw);
	json_decref(path);
	return rc;
}

int seal_key_learn(struct indexer *ix, const char *hex)
{
	char known[2 * PUBKEY_BYTES + 1];
	int rc = catalog_state(ix->catalog, "seal_key", known, sizeof known);

	if (rc < 0 || (strcmp(known, hex) == 0 && ix->seal_key_known))
		return rc;
	rc = use(ix, hex);
	if (rc == -EINVAL) {
		log_error("journal", "note=\"the seal key is not 64 hex digits\"");
		return 0;
	}
	if (rc < 0 || strcmp(known, hex) == 0)
		return rc;
	json_t *handovers;
	rc = key_handovers_load(ix->fs, ix->conf->state, "seal", &handovers);
	if (rc < 0)
		return rc;
	rc = key_learn(ix, "seal", hex, handovers);
	json_decref(handovers);
	return rc;
}
