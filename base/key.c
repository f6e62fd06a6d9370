#include "buf.h"
#include "crypto.h"
#include "fs.h"
#include "require.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX_BYTES 4096

struct key { EVP_PKEY *pkey; };

static struct key *wrap(EVP_PKEY *pkey)
{
	struct key *k = xcalloc(1, sizeof *k);

	k->pkey = pkey;
	return k;
}

static EVP_PKEY *read_pem(const char *data, size_t len, bool private)
{
	BIO *bio = BIO_new_mem_buf(data, (int)len);
	EVP_PKEY *p = private ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)
			      : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

	BIO_free(bio);
	if (p && EVP_PKEY_id(p) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(p);
		p = NULL;
	}
	return p;
}

static int load(struct fs *fs, const char *path, bool private, struct key **out, struct err *e)
{
	char *data;
	size_t len;
	int rc = fs_read_all(fs, path, KEY_FILE_MAX_BYTES, &data, &len);

	if (rc < 0)
		return err_set(e, rc, "read key %s: %s", path, strerror(-rc));
	EVP_PKEY *p = read_pem(data, len, private);
	explicit_bzero(data, len);
	free(data);
	if (!p)
		return err_set(e, -EBADMSG, "key %s is not an Ed25519 key in PEM", path);
	*out = wrap(p);
	return 0;
}

static int save(struct fs *fs, const char *path, EVP_PKEY *p, bool private, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	int ok = private ? PEM_write_bio_PrivateKey(bio, p, NULL, NULL, 0, NULL, NULL)
			 : PEM_write_bio_PUBKEY(bio, p);

	REQUIRE(ok == 1);
	long len = BIO_get_mem_data(bio, &pem);
	int rc = fs_replace(fs, path, pem, (size_t)len, private ? 0600 : 0644);
	explicit_bzero(pem, (size_t)len);
	BIO_free(bio);
	return rc < 0 ? err_set(e, rc, "write key %s: %s", path, strerror(-rc)) : 0;
}

int key_save(struct fs *fs, const char *path, const struct key *k, struct err *e)
{
	return save(fs, path, k->pkey, true, e);
}

int key_save_public(struct fs *fs, const char *path, const struct key *k, struct err *e)
{
	return save(fs, path, k->pkey, false, e);
}

static bool is_public_of(struct fs *fs, const char *path, const struct key *k)
{
	struct key *public;
	struct err e;

	if (load(fs, path, false, &public, &e) < 0)
		return false;
	bool same = EVP_PKEY_eq(public->pkey, k->pkey) == 1;
	key_destroy(public);
	return same;
}

/* The public half stands beside the private one. */
static int keep_public(struct fs *fs, const char *path, const struct key *k, struct err *e)
{
	size_t stem = strlen(path);

	if (stem > 4 && strcmp(path + stem - 4, ".key") == 0)
		stem -= 4;
	char *pub = xasprintf("%.*s.pub", (int)stem, path);
	int rc = is_public_of(fs, pub, k) ? 0 : key_save_public(fs, pub, k, e);
	free(pub);
	return rc;
}

int key_load(struct fs *fs, const char *path, struct key **out, struct err *e)
{
	struct stat st;
	int rc = fs->stat(fs, path, &st);

	if (rc < 0)
		return err_set(e, rc, "read key %s: %s", path, strerror(-rc));
	if (st.st_mode & 077)
		return err_set(e, -EACCES, "key %s can be read by others: chmod 600 it", path);
	return load(fs, path, true, out, e);
}

struct key *key_make(void)
{
	EVP_PKEY *p = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	REQUIRE(p != NULL);
	return wrap(p);
}

struct key *key_from_public(const uint8_t raw[PUBKEY_BYTES])
{
	EVP_PKEY *p = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, PUBKEY_BYTES);

	return p ? wrap(p) : NULL;
}

struct key *key_from_pem(const char *pem, size_t len)
{
	EVP_PKEY *p = read_pem(pem, len, true);

	return p ? wrap(p) : NULL;
}

int key_load_or_make(struct fs *fs, const char *path, struct key **out, bool *made, struct err *e)
{
	int rc = key_load(fs, path, out, e);

	*made = rc == -ENOENT;
	if (rc < 0 && !*made)
		return rc;
	if (*made) {
		*out = key_make();
		rc = key_save(fs, path, *out, e);
	}
	if (rc == 0)
		rc = keep_public(fs, path, *out, e);
	if (rc < 0) {
		key_destroy(*out);
		*out = NULL;
	}
	return rc;
}

int key_load_public(struct fs *fs, const char *path, struct key **out, struct err *e)
{
	return load(fs, path, false, out, e);
}

void key_sign(const struct key *k, const void *data, size_t len, uint8_t sig[SIG_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = SIG_BYTES;

	REQUIRE(ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) == 1);
	REQUIRE(EVP_DigestSign(ctx, sig, &n, data, len) == 1 && n == SIG_BYTES);
	EVP_MD_CTX_free(ctx);
}

bool key_verify(const struct key *k, const void *data, size_t len, const uint8_t sig[SIG_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	REQUIRE(ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->pkey) == 1);
	bool ok = EVP_DigestVerify(ctx, sig, SIG_BYTES, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

void key_public(const struct key *k, uint8_t out[PUBKEY_BYTES])
{
	size_t n = PUBKEY_BYTES;

	REQUIRE(EVP_PKEY_get_raw_public_key(k->pkey, out, &n) == 1 && n == PUBKEY_BYTES);
}

void key_fingerprint(const struct key *k, char out[SHA256_HEX_MAX])
{
	uint8_t raw[PUBKEY_BYTES], digest[SHA256_BYTES];

	key_public(k, raw);
	sha256(raw, sizeof raw, digest);
	hex_encode(digest, sizeof digest, out);
}

void key_destroy(struct key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}
