/* The index of a segment: one entry per fragment (`prft moof mdat`), packed for the catalogue.
 *
 * Start times are not stored: a segment is continuous by definition, so a fragment starts where
 * the one before ends; offsets likewise. Packed form, per fragment: varint duration_us ·
 * varint bytes · varint (frames << 1 | key) · u32 CRC-32C (big-endian).
 * Threads: any. Memory: fragment_index owns its array. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"

#include <stdbool.h>

struct fragment {
	struct wall start;
	int64_t duration_us;
	int64_t offset;    /* of its prft in the file */
	uint32_t bytes;    /* prft + moof + mdat */
	uint32_t frames;   /* 0: found to be damaged after it was published; its bytes are passed over */
	uint32_t crc;      /* CRC-32C of those bytes */
	bool key;          /* begins with a key frame */
};

static inline bool fragment_is_damaged(const struct fragment *f) { return f->frames == 0; }

struct fragment_index { struct fragment *items; unsigned count, room; };

void fragment_index_add(struct fragment_index *x, const struct fragment *f);
void fragment_index_finish(struct fragment_index *x);
void fragment_index_pack(const struct fragment_index *x, struct buf *out);
/* 0 or -EBADMSG. first_offset: where the first fragment begins (the bytes of ftyp + moov). */
int fragment_index_unpack(const uint8_t *blob, size_t len, struct wall start, int64_t first_offset,
			  struct fragment_index *out);
/* The last fragment that starts at or before t; -1 if t is before the first. */
int fragment_index_find(const struct fragment_index *x, struct wall t);
