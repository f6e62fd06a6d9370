#include "seal.h"

#include "base/buf.h"
#include "base/require.h"
#include "box.h"

#include <errno.h>
#include <string.h>

#define SEAL_VERSION 1

void seal_key_id(const struct key *k, uint8_t out[8])
{
	uint8_t pub[PUBKEY_BYTES], digest[SHA256_BYTES];

	key_public(k, pub);
	sha256(pub, sizeof pub, digest);
	memcpy(out, digest, 8);
}

/* --- writing ------------------------------------------------------------------ */

static uint8_t *put(uint8_t *p, const void *data, size_t len)
{
	memcpy(p, data, len);
	return p + len;
}

static uint8_t *put_name(uint8_t *p, const char *name)
{
	size_t len = strlen(name);

	REQUIRE(len > 0 && len < SEAL_NAME_MAX);
	*p++ = (uint8_t)len;
	return put(p, name, len);
}

static uint8_t *put_u32(uint8_t *p, uint32_t v)
{
	put_u32be(p, v);
	return p + 4;
}

static uint8_t *put_u64(uint8_t *p, uint64_t v)
{
	put_u64be(p, v);
	return p + 8;
}

size_t seal_encode(struct seal *s, const struct key *k, uint8_t *out)
{
	uint8_t *p = put_u32(out + 4, BOX_UUID);

	seal_key_id(k, s->key_id);
	p = put(p, SEAL_UUID, UUID_BYTES);
	*p++ = SEAL_VERSION;
	*p++ = s->flags;
	p = put_name(p, s->site);
	p = put_name(p, s->camera);
	p = put(p, s->run, sizeof s->run);
	p = put_u64(p, s->sequence);
	p = put_u64(p, (uint64_t)s->start.us);
	p = put_u64(p, (uint64_t)s->end.us);
	p = put_u32(p, s->frames);
	p = put_u32(p, s->fragments);
	p = put(p, s->previous, sizeof s->previous);
	p = put(p, s->content, sizeof s->content);
	p = put(p, s->key_id, sizeof s->key_id);
	size_t body = (size_t)(p - out);
	put_u32be(out, (uint32_t)(body + SIG_BYTES));
	key_sign(k, out, body, s->signature);
	put(p, s->signature, SIG_BYTES);
	return body + SIG_BYTES;
}

/* --- reading ------------------------------------------------------------------ */

/* Fields are taken in order; `bad` stays once one was missing. */
struct fields { const uint8_t *p; size_t len; bool bad; };

static void take(struct fields *f, void *out, size_t len)
{
	if (f->len < len) {
		f->bad = true;
		f->len = 0;
		memset(out, 0, len);
		return;
	}
	memcpy(out, f->p, len);
	f->p += len;
	f->len -= len;
}

static uint8_t take_u8(struct fields *f)
{
	uint8_t v;

	take(f, &v, 1);
	return v;
}

static uint32_t take_u32(struct fields *f)
{
	uint8_t v[4];

	take(f, v, sizeof v);
	return get_u32be(v);
}

static uint64_t take_u64(struct fields *f)
{
	uint8_t v[8];

	take(f, v, sizeof v);
	return get_u64be(v);
}

/* Names become parts of paths and log lines: only what an id is made of. */
static void take_name(struct fields *f, char out[SEAL_NAME_MAX])
{
	size_t len = take_u8(f);

	if (len == 0 || len >= SEAL_NAME_MAX) {
		f->bad = true;
		return;
	}
	take(f, out, len);
	out[len] = '\0';
	f->bad |= !seal_name_ok(out) || strlen(out) != len;
}

bool seal_name_ok(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = strlen(name);

	return len > 0 && len < SEAL_NAME_MAX && strspn(name, allowed) == len && name[0] != '.';
}

int seal_parse(const uint8_t *box, size_t len, struct seal *out)
{
	struct box b;
	uint8_t uuid[UUID_BYTES];

	*out = (struct seal){0};
	if (len > SEAL_MAX_BYTES || box_read(box, len, &b) < 0 || b.type != BOX_UUID || b.size != len ||
	    b.head != 8)
		return -EBADMSG;
	struct fields f = {box + 8, len - 8, false};
	take(&f, uuid, sizeof uuid);
	if (memcmp(uuid, SEAL_UUID, sizeof uuid) != 0 || take_u8(&f) != SEAL_VERSION)
		return -EBADMSG;
	out->flags = take_u8(&f);
	take_name(&f, out->site);
	take_name(&f, out->camera);
	take(&f, out->run, sizeof out->run);
	out->sequence = take_u64(&f);
	out->start.us = (int64_t)take_u64(&f);
	out->end.us = (int64_t)take_u64(&f);
	out->frames = take_u32(&f);
	out->fragments = take_u32(&f);
	take(&f, out->previous, sizeof out->previous);
	take(&f, out->content, sizeof out->content);
	take(&f, out->key_id, sizeof out->key_id);
	take(&f, out->signature, sizeof out->signature);
	return f.bad || f.len > 0 || out->start.us >= out->end.us ? -EBADMSG : 0;
}

int seal_find(const uint8_t *p, size_t len, struct seal *out, size_t *at)
{
	for (*at = 0; *at + 8 + UUID_BYTES <= len; ++*at)
		if (get_u32be(p + *at) == len - *at && get_u32be(p + *at + 4) == BOX_UUID &&
		    seal_parse(p + *at, len - *at, out) == 0)
			return 0;
	return -ENOENT;
}

bool seal_verify(const uint8_t *box, size_t len, const struct seal *s, const struct key *k)
{
	uint8_t id[8];

	if (len <= SIG_BYTES)
		return false;
	seal_key_id(k, id);
	return memcmp(id, s->key_id, sizeof id) == 0 && key_verify(k, box, len - SIG_BYTES, box + len - SIG_BYTES);
}

void seal_digest(const uint8_t *box, size_t len, uint8_t out[SHA256_BYTES])
{
	sha256(box, len, out);
}
