/* The public keys that sealed footage here: STATE/seal-keys/ID.pub, in PEM, made from the journal's
 * `start` records. They stay, for older footage and for who verifies without us. */
#include "indexer_inner.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

/* SubjectPublicKeyInfo of Ed25519 up to the key itself (RFC 8410 §4). */
static const uint8_t spki_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

static char *path_of(struct indexer *ix, const uint8_t id[8])
{
	char hex[17];

	hex_encode(id, 8, hex);
	return xasprintf("%s/seal-keys/%s.pub", ix->conf->state, hex);
}

static int save(struct indexer *ix, const char *path, const uint8_t raw[PUBKEY_BYTES])
{
	uint8_t der[sizeof spki_head + PUBKEY_BYTES];
	char *dir = xasprintf("%s/seal-keys", ix->conf->state);

	memcpy(der, spki_head, sizeof spki_head);
	memcpy(der + sizeof spki_head, raw, PUBKEY_BYTES);
	char *body = base64_encode(der, sizeof der);
	char *pem = xasprintf("-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", body);
	int rc = ix->fs->mkdir(ix->fs, dir, 0755);
	if (rc == 0)
		rc = fs_replace(ix->fs, path, pem, strlen(pem), 0644);
	free(pem);
	free(body);
	free(dir);
	return rc;
}

struct key *seal_key_by_id(struct indexer *ix, const uint8_t id[8])
{
	struct key *k = NULL;
	struct err e;
	char *path = path_of(ix, id);

	if (key_load_public(path, &k, &e) < 0)
		k = NULL;
	free(path);
	return k;
}

static int use(struct indexer *ix, const char *hex)
{
	uint8_t raw[PUBKEY_BYTES], digest[SHA256_BYTES];
	struct stat st;

	if (hex_decode(hex, raw, sizeof raw) < 0)
		return -EINVAL;
	sha256(raw, sizeof raw, digest);
	char *path = path_of(ix, digest);
	int rc = ix->fs->stat(ix->fs, path, &st) == 0 ? 0 : save(ix, path, raw);
	free(path);
	if (rc < 0)
		return rc;
	struct key *k = seal_key_by_id(ix, digest);
	if (!k)
		return -EIO;
	key_destroy(ix->seal_key);
	ix->seal_key = k;
	return 0;
}

int seal_key_restore(struct indexer *ix)
{
	char hex[2 * PUBKEY_BYTES + 1];
	int rc = catalog_state(ix->catalog, "seal_key", hex, sizeof hex);

	return rc < 0 || !*hex ? rc : use(ix, hex);
}

int seal_key_learn(struct indexer *ix, const char *hex)
{
	char known[2 * PUBKEY_BYTES + 1];
	int rc = catalog_state(ix->catalog, "seal_key", known, sizeof known);

	if (rc < 0 || (strcmp(known, hex) == 0 && ix->seal_key))
		return rc;
	rc = use(ix, hex);
	if (rc == -EINVAL) {
		log_error("journal", "note=\"the seal key is not 64 hex digits\"");
		return 0;
	}
	if (rc < 0 || strcmp(known, hex) == 0)
		return rc;
	rc = catalog_set_state(ix->catalog, "seal_key", hex);
	return rc < 0 ? rc : ledger_append(ix->catalog, ix->acc.now, "key.created", NULL,
					   json_pack("{ss ss}", "name", "seal", "public", hex), NULL);
}
