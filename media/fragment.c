#include "fragment.h"

#include <errno.h>
#include <stdlib.h>

#define VARINT_MAX_BYTES 10

void fragment_index_add(struct fragment_index *x, const struct fragment *f)
{
	if (x->count == x->room) {
		x->room = x->room ? x->room * 2 : 64;
		x->items = xrealloc(x->items, x->room * sizeof *x->items);
	}
	x->items[x->count++] = *f;
}

void fragment_index_finish(struct fragment_index *x)
{
	free(x->items);
	*x = (struct fragment_index){0};
}

/* --- packed ------------------------------------------------------------------- */

static void put_varint(struct buf *out, uint64_t v)
{
	uint8_t bytes[VARINT_MAX_BYTES];
	size_t n = 0;

	for (; v > 0x7f; v >>= 7)
		bytes[n++] = (uint8_t)(v | 0x80);
	bytes[n++] = (uint8_t)v;
	buf_add(out, bytes, n);
}

/* Seven bits a byte, the lowest first; -EBADMSG if it is cut, over 63 bits or longer than needed. */
static int take_varint(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 63 && *p < end; shift += 7) {
		uint8_t byte = *(*p)++;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		*out = v;
		return byte == 0 && shift > 0 ? -EBADMSG : 0;
	}
	return -EBADMSG;
}

void fragment_index_pack(const struct fragment_index *x, struct buf *out)
{
	for (unsigned i = 0; i < x->count; i++) {
		const struct fragment *f = &x->items[i];
		uint8_t crc[4];

		put_varint(out, (uint64_t)f->duration_us);
		put_varint(out, f->bytes);
		put_varint(out, (uint64_t)f->frames << 1 | f->key);
		put_u32be(crc, f->crc);
		buf_add(out, crc, sizeof crc);
	}
}

static int take_fragment(const uint8_t **p, const uint8_t *end, struct fragment *f)
{
	uint64_t duration, bytes, frames;

	if (take_varint(p, end, &duration) < 0 || take_varint(p, end, &bytes) < 0 ||
	    take_varint(p, end, &frames) < 0 || end - *p < 4)
		return -EBADMSG;
	if (bytes > UINT32_MAX || frames >> 1 > UINT32_MAX)
		return -EBADMSG;
	f->duration_us = (int64_t)duration;
	f->bytes = (uint32_t)bytes;
	f->frames = (uint32_t)(frames >> 1);
	f->key = frames & 1;
	f->crc = get_u32be(*p);
	*p += 4;
	return 0;
}

int fragment_index_unpack(const uint8_t *blob, size_t len, struct wall start, int64_t first_offset,
			  struct fragment_index *out)
{
	const uint8_t *end = blob + len;
	struct fragment f = {.start = start, .offset = first_offset};

	*out = (struct fragment_index){0};
	while (blob < end) {
		struct fragment next = {0};
		bool bad = take_fragment(&blob, end, &f) < 0 ||
			   __builtin_add_overflow(f.start.us, f.duration_us, &next.start.us) ||
			   __builtin_add_overflow(f.offset, (int64_t)f.bytes, &next.offset);
		if (bad) {
			fragment_index_finish(out);
			return -EBADMSG;
		}
		fragment_index_add(out, &f);
		f = next;
	}
	return 0;
}

int fragment_index_find(const struct fragment_index *x, struct wall t)
{
	unsigned low = 0, high = x->count; /* the first that starts after t */

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		if (x->items[mid].start.us <= t.us)
			low = mid + 1;
		else
			high = mid;
	}
	return (int)low - 1;
}
