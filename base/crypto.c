#include "crypto.h"

#include "buf.h"
#include "require.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

/* --- SHA-256 ---------------------------------------------------------------- */

struct hash { EVP_MD_CTX *ctx, *peek; };

struct hash *hash_create(void)
{
	struct hash *h = xcalloc(1, sizeof *h);

	h->ctx = EVP_MD_CTX_new();
	h->peek = EVP_MD_CTX_new();
	REQUIRE(h->ctx && h->peek);
	hash_reset(h);
	return h;
}

void hash_reset(struct hash *h)
{
	REQUIRE(EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) == 1);
}

void hash_add(struct hash *h, const void *data, size_t len)
{
	REQUIRE(EVP_DigestUpdate(h->ctx, data, len) == 1);
}

void hash_peek(const struct hash *h, uint8_t out[SHA256_BYTES])
{
	REQUIRE(EVP_MD_CTX_copy_ex(h->peek, h->ctx) == 1);
	REQUIRE(EVP_DigestFinal_ex(h->peek, out, NULL) == 1);
}

void hash_destroy(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_CTX_free(h->peek);
	free(h);
}

void sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES])
{
	REQUIRE(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1);
}

/* --- texts ------------------------------------------------------------------ */

void hex_encode(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int hex_decode(const char *text, void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++) {
		int hi = hex_digit(text[2 * i]), lo = hi < 0 ? -1 : hex_digit(text[2 * i + 1]);
		if (lo < 0)
			return -EINVAL;
		p[i] = (uint8_t)(hi << 4 | lo);
	}
	return text[2 * len] == '\0' ? 0 : -EINVAL;
}

char *base64_encode(const void *data, size_t len)
{
	char *out = xcalloc((len + 2) / 3 * 4 + 1, 1);

	EVP_EncodeBlock((unsigned char *)out, data, (int)len);
	return out;
}

int base64_decode(const char *text, void *out, size_t len)
{
	size_t whole = (len + 2) / 3 * 3, digits = whole / 3 * 4;
	uint8_t *raw = xcalloc(whole, 1);
	int rc = -EINVAL;

	/* OpenSSL counts the padding as bytes: the length of the text says how many there are. */
	if (strlen(text) == digits && EVP_DecodeBlock(raw, (const unsigned char *)text, (int)digits) == (int)whole) {
		memcpy(out, raw, len);
		rc = 0;
	}
	free(raw);
	return rc;
}

/* --- random ------------------------------------------------------------------ */

void random_bytes(void *out, size_t len)
{
	REQUIRE(RAND_bytes(out, (int)len) == 1);
}

void uuid_make(uint8_t out[UUID_BYTES])
{
	random_bytes(out, UUID_BYTES);
	out[6] = (uint8_t)((out[6] & 0x0f) | 0x40);
	out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

void uuid_format(const uint8_t u[UUID_BYTES], char out[UUID_TEXT_MAX])
{
	char hex[2 * UUID_BYTES + 1];

	hex_encode(u, UUID_BYTES, hex);
	snprintf(out, UUID_TEXT_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
		 hex + 20);
}
