/* Reads the bits of a NAL unit, without its emulation prevention bytes (H.264 §7.4.1, H.265 §7.4.2).
 *
 * Beyond the end it gives zeros and `over` is set: a parser looks at it once, at its end.
 * Threads: any. Memory: the caller's bytes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
	const uint8_t *data;
	size_t len, at;    /* at: of the next byte */
	unsigned zeros;    /* zero bytes before it, in a row */
	unsigned have;     /* bits left of `byte` */
	uint8_t byte;
	bool over;
};

static inline struct bits bits_of(const uint8_t *data, size_t len)
{
	return (struct bits){.data = data, .len = len};
}

static inline unsigned bits_one(struct bits *b)
{
	if (b->have == 0) {
		if (b->at + 1 < b->len && b->zeros >= 2 && b->data[b->at] == 3) {
			b->at++;
			b->zeros = 0;
		}
		if (b->at >= b->len) {
			b->over = true;
			return 0;
		}
		b->byte = b->data[b->at++];
		b->zeros = b->byte == 0 ? b->zeros + 1 : 0;
		b->have = 8;
	}
	return (unsigned)b->byte >> --b->have & 1u;
}

static inline uint32_t bits_u(struct bits *b, unsigned n) /* n <= 32 */
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 1 | bits_one(b);
	return v;
}

static inline void bits_skip(struct bits *b, unsigned n)
{
	while (n-- > 0 && !b->over)
		bits_one(b);
}

/* Exp-Golomb: ue(v) and se(v). */
static inline uint32_t bits_ue(struct bits *b)
{
	unsigned zeros = 0;

	while (!b->over && bits_one(b) == 0)
		zeros++;
	if (zeros > 31)
		b->over = true;
	return b->over ? 0 : (uint32_t)((UINT64_C(1) << zeros) - 1) + bits_u(b, zeros);
}

static inline int32_t bits_se(struct bits *b)
{
	uint32_t v = bits_ue(b);

	return v & 1 ? (int32_t)(v / 2 + 1) : -(int32_t)(v / 2);
}
