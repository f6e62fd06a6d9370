/* The seal: the last box of a segment, which binds it to its bytes, its camera, its
 * site, its time and the segment before it (design §5).
 *
 *	u32 size · 'uuid' · 16 bytes SEAL_UUID ·
 *	u8 version=1 · u8 flags · u8 site_len · site · u8 camera_len · camera ·
 *	run[16] · u64 sequence · i64 start_us · i64 end_us · u32 frames · u32 fragments ·
 *	previous[32] (digest of this camera's seal before, zeros for its first) ·
 *	content[32] (SHA-256 of all bytes of the file before this box) ·
 *	key_id[8] (first bytes of SHA-256 of the public key) ·
 *	signature[64] (Ed25519 over every byte of this box before it)
 *
 * All integers big-endian. The seal's digest, by which the next one names it, is the
 * SHA-256 of the whole box. Offline verification needs the file and a public key.
 * Threads: any. Errors: 0 or -EBADMSG, unless said otherwise. */
#pragma once
#include "base/clock.h"
#include "base/crypto.h"

#define SEAL_UUID "\x48\x6f\x6c\x64\x66\x61\x73\x74\x90\x5e\xa1\x00\x53\x45\x41\x4c" /* "Holdfast…SEAL" */
#define SEAL_NAME_MAX 65      /* ids are at most 64 characters */
#define SEAL_MAX_BYTES 512

enum seal_flag { SEAL_RECOVERED = 1, SEAL_CLOCK_UNTRUSTED = 2 };

struct seal {
	uint8_t flags;
	char site[SEAL_NAME_MAX], camera[SEAL_NAME_MAX];
	uint8_t run[UUID_BYTES];
	uint64_t sequence;            /* per camera, from 1, without holes */
	struct wall start, end;       /* [start, end) of the footage */
	uint32_t frames, fragments;
	uint8_t previous[SHA256_BYTES];
	uint8_t content[SHA256_BYTES];
	uint8_t key_id[8];
	uint8_t signature[SIG_BYTES]; /* set by seal_encode and seal_parse */
};

/* Whether name may be a site's or camera's in a seal: 1 to 64 of A-Z a-z 0-9 - _ . and no dot
 * in front, so that it is safe in a path. */
bool seal_name_ok(const char *name);

void seal_key_id(const struct key *k, uint8_t out[8]);
/* Signs and writes the box; sets key_id and signature. Returns its size; out has SEAL_MAX_BYTES. */
size_t seal_encode(struct seal *s, const struct key *k, uint8_t *out);
int seal_parse(const uint8_t *box, size_t len, struct seal *out);
/* Whether the signature over box is by k. */
bool seal_verify(const uint8_t *box, size_t len, const struct seal *s, const struct key *k);
/* The seal that ends at p + len, p being the last bytes of a file (SEAL_MAX_BYTES are enough): where its box
 * begins, or -ENOENT. Nothing is verified. */
int seal_find(const uint8_t *p, size_t len, struct seal *out, size_t *at);
void seal_digest(const uint8_t *box, size_t len, uint8_t out[SHA256_BYTES]);
