#include "object_read.h"

#include "base/buf.h"

#include <errno.h>
#include <string.h>

static const char ask_magic[4] = "HFr1", answer_magic[4] = "HFa1";

void object_read_write(const struct object_read *q, uint8_t out[OBJECT_READ_ASK_BYTES])
{
	memset(out, 0, OBJECT_READ_ASK_BYTES);
	memcpy(out, ask_magic, 4);
	put_u32be(out + 4, q->bytes);
	put_u64be(out + 8, (uint64_t)q->at);
	put_u64be(out + 16, (uint64_t)q->start.us);
	memcpy(out + 24, q->seal_digest, SHA256_BYTES);
	memcpy(out + 24 + SHA256_BYTES, q->camera, strnlen(q->camera, OBJECT_READ_CAMERA_MAX));
}

/* Graphic characters, then NULs only. */
static bool is_id(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	for (size_t i = 0; i < room; i++)
		if (i < len ? text[i] <= 0x20 || text[i] >= 0x7f : text[i] != '\0')
			return false;
	return len > 0;
}

int object_read_parse(const uint8_t in[OBJECT_READ_ASK_BYTES], struct object_read *out)
{
	uint64_t at = get_u64be(in + 8), start_us = get_u64be(in + 16);

	if (memcmp(in, ask_magic, 4) != 0)
		return -EPROTO;
	*out = (struct object_read){.bytes = get_u32be(in + 4)};
	if (out->bytes == 0 || out->bytes > OBJECT_READ_MAX_BYTES || at > (uint64_t)INT64_MAX - out->bytes ||
	    start_us > INT64_MAX)
		return -EPROTO;
	out->at = (int64_t)at;
	out->start.us = (int64_t)start_us;
	memcpy(out->seal_digest, in + 24, SHA256_BYTES);
	memcpy(out->camera, in + 24 + SHA256_BYTES, OBJECT_READ_CAMERA_MAX);
	return is_id(out->camera, OBJECT_READ_CAMERA_MAX) ? 0 : -EPROTO;
}

void object_answer_write(const struct object_answer *a, uint8_t out[OBJECT_READ_HEAD_BYTES])
{
	memset(out, 0, OBJECT_READ_HEAD_BYTES);
	memcpy(out, answer_magic, 4);
	out[4] = (uint8_t)a->verdict;
	put_u32be(out + 8, a->bytes);
}

int object_answer_parse(const uint8_t in[OBJECT_READ_HEAD_BYTES], uint32_t asked, struct object_answer *out)
{
	static const uint8_t zeros[3];

	if (memcmp(in, answer_magic, 4) != 0 || memcmp(in + 5, zeros, 3) != 0 || in[4] > OBJECT_READ_TROUBLE)
		return -EPROTO;
	*out = (struct object_answer){(enum object_verdict)in[4], get_u32be(in + 8)};
	bool fits = out->verdict == OBJECT_READ_FINE ? out->bytes == asked : out->bytes < OBJECT_READ_TROUBLE_MAX;
	return fits ? 0 : -EPROTO;
}

void object_answer_trouble(const uint8_t *in, size_t len, char out[OBJECT_READ_TROUBLE_MAX])
{
	size_t n = 0;

	for (; n < len && n + 1 < OBJECT_READ_TROUBLE_MAX; n++)
		out[n] = in[n] == '_' || (in[n] >= 'a' && in[n] <= 'z') ? (char)in[n] : '_';
	out[n] = '\0';
}
