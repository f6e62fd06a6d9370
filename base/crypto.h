/* Digests, signatures, random ids and their texts; OpenSSL and nothing of our own.
 *
 * Threads: any; a struct hash belongs to one thread at a time.
 * Memory:  hash_create()/key_*() allocate, *_destroy() frees (NULL is fine).
 * Errors:  0 or a negative code. A digest that cannot be made is a broken box: abort. */
#pragma once
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_HEX_MAX 65
#define SIG_BYTES 64      /* Ed25519, RFC 8032 */
#define PUBKEY_BYTES 32
#define UUID_BYTES 16
#define UUID_TEXT_MAX 37

struct hash; /* a running SHA-256 */
struct hash *hash_create(void);
void hash_reset(struct hash *h);
void hash_add(struct hash *h, const void *data, size_t len);
/* The digest of what was added so far; more may be added afterwards. */
void hash_peek(const struct hash *h, uint8_t out[SHA256_BYTES]);
void hash_destroy(struct hash *h);
void sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES]);

/* CRC-32C (Castagnoli, RFC 3720 B.4), continuing from crc (0 to begin). */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

void hex_encode(const void *data, size_t len, char *out); /* out: 2 × len + 1 */
int hex_decode(const char *text, void *out, size_t len);  /* exactly 2 × len digits, else -EINVAL */
char *base64_encode(const void *data, size_t len);        /* malloc'd, one line */
int base64_decode(const char *text, void *out, size_t len); /* text of exactly len bytes, else -EINVAL */

void random_bytes(void *out, size_t len);
void uuid_make(uint8_t out[UUID_BYTES]); /* version 4 */
void uuid_format(const uint8_t u[UUID_BYTES], char out[UUID_TEXT_MAX]);

struct key; /* an Ed25519 key pair, or a public key alone */
struct fs;
/* Loads PEM from path; makes it (mode 0600, durable, with path's ".pub" beside it: foo.key →
 * foo.pub) when there is none. *made tells. A key readable by others is refused; a .pub that is lost or of
 * another key is made again. */
int key_load_or_make(struct fs *fs, const char *path, struct key **out, bool *made, struct err *e);
int key_load(struct fs *fs, const char *path, struct key **out, struct err *e); /* the private one, PEM; never made */
int key_load_public(struct fs *fs, const char *path, struct key **out, struct err *e);
struct key *key_make(void);
struct key *key_from_public(const uint8_t raw[PUBKEY_BYTES]); /* NULL: it is none */
struct key *key_from_pem(const char *pem, size_t len);        /* a private one; NULL: it is none */
/* Replaces the file by the private (mode 0600) or the public half in PEM, durable. */
int key_save(struct fs *fs, const char *path, const struct key *k, struct err *e);
int key_save_public(struct fs *fs, const char *path, const struct key *k, struct err *e);
void key_sign(const struct key *k, const void *data, size_t len, uint8_t sig[SIG_BYTES]);
bool key_verify(const struct key *k, const void *data, size_t len, const uint8_t sig[SIG_BYTES]);
void key_public(const struct key *k, uint8_t out[PUBKEY_BYTES]);
/* By which people compare keys: SHA-256 of the public key, in hex. A seal names the first 16 digits of it. */
void key_fingerprint(const struct key *k, char out[SHA256_HEX_MAX]);
void key_destroy(struct key *k);
