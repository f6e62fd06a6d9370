/* CRC-32C: the processor's instruction where there is one, a table elsewhere. */
#include "crypto.h"

#include <pthread.h>
#include <string.h>

#define POLY_REFLECTED UINT32_C(0x82f63b78)

static uint32_t table[256];

static void table_make(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;
		for (int bit = 0; bit < 8; bit++)
			v = v & 1 ? v >> 1 ^ POLY_REFLECTED : v >> 1;
		table[i] = v;
	}
}

static uint32_t crc_by_table(uint32_t crc, const uint8_t *p, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, table_make);
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

/* One instruction waits for the one before; three lanes of a block do not wait for each other. */
#define LANE_BYTES 4096

static uint32_t lane_zeros[4][256]; /* what LANE_BYTES of zeros make of each byte of a register */

__attribute__((target("sse4.2")))
static uint32_t crc_by_cpu(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t wide = crc, word;

	for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
		memcpy(&word, p, sizeof word);
		wide = _mm_crc32_u64(wide, word);
	}
	crc = (uint32_t)wide;
	while (len--)
		crc = _mm_crc32_u8(crc, *p++);
	return crc;
}

/* Over zeros a register's bits do not meddle with each other. */
static void lane_zeros_make(void)
{
	static const uint8_t zeros[LANE_BYTES];

	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t after = crc_by_cpu(UINT32_C(1) << bit, zeros, sizeof zeros);
		for (unsigned v = 0; v < 256; v++)
			lane_zeros[bit / 8][v] ^= v >> bit % 8 & 1 ? after : 0;
	}
}

static uint32_t behind_lane(uint32_t crc)
{
	return lane_zeros[0][crc & 0xff] ^ lane_zeros[1][crc >> 8 & 0xff] ^ lane_zeros[2][crc >> 16 & 0xff] ^ lane_zeros[3][crc >> 24];
}

__attribute__((target("sse4.2")))
static uint32_t crc_by_lanes(uint32_t crc, const uint8_t *p)
{
	uint64_t lanes[3] = {crc, 0, 0}, word;

	for (size_t at = 0; at < LANE_BYTES; at += sizeof word)
		for (int i = 0; i < 3; i++) {
			memcpy(&word, p + (size_t)i * LANE_BYTES + at, sizeof word);
			lanes[i] = _mm_crc32_u64(lanes[i], word);
		}
	crc = behind_lane((uint32_t)lanes[0]) ^ (uint32_t)lanes[1];
	return behind_lane(crc) ^ (uint32_t)lanes[2];
}

static uint32_t crc_by_blocks(uint32_t crc, const uint8_t *p, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, lane_zeros_make);
	for (; len >= 3 * LANE_BYTES; p += 3 * LANE_BYTES, len -= 3 * LANE_BYTES)
		crc = crc_by_lanes(crc, p);
	return crc_by_cpu(crc, p, len);
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	crc = ~crc;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc_by_blocks(crc, data, len);
#endif
	return ~crc_by_table(crc, data, len);
}
