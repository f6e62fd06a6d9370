#include "clockbits.h"

#include "base/buf.h"

#include <stdbool.h>
#include <string.h>

static uint16_t crc16(const uint8_t *data, size_t len)
{
	uint16_t crc = 0xffff;

	for (size_t i = 0; i < len; i++) {
		crc = (uint16_t)(crc ^ data[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
	}
	return crc;
}

void clockbits_pack(int64_t clock_us, uint16_t camera_number, uint8_t out[CLOCKBITS_BYTES])
{
	put_u64be(out, (uint64_t)clock_us);
	put_u16be(out + 8, camera_number);
	put_u16be(out + 10, crc16(out, 10));
}

static void draw_cell(uint8_t *luma, size_t stride, bool one)
{
	for (size_t y = 0; y < CLOCKBITS_CELL_PX; y++)
		memset(luma + y * stride, one ? LUMA_WHITE : LUMA_BLACK, CLOCKBITS_CELL_PX);
}

void clockbits_draw(uint8_t *luma, size_t stride, int64_t clock_us, uint16_t camera_number)
{
	uint8_t bytes[CLOCKBITS_BYTES];

	clockbits_pack(clock_us, camera_number, bytes);
	for (size_t i = 0; i < CLOCKBITS_COLUMNS * CLOCKBITS_ROWS; i++) {
		size_t x = i % CLOCKBITS_COLUMNS * CLOCKBITS_CELL_PX;
		size_t y = i / CLOCKBITS_COLUMNS * CLOCKBITS_CELL_PX;
		draw_cell(luma + y * stride + x, stride, bytes[i / 8] >> (7 - i % 8) & 1);
	}
}
