/* The clock that a machine can read in the picture.
 *
 * 96 cells of 8 × 8 pixels at the top left, 16 per row, 6 rows, most significant
 * bit first, white = 1:
 *	rows 0–3  wall clock of the capture, µs since 1970, unsigned 64 bits
 *	row 4     camera number
 *	row 5     CRC-16/CCITT-FALSE of the ten bytes above
 * clockbits.py reads it back. A cell is a quarter of a macroblock: it survives
 * any bit rate at which the rest of the picture is recognisable.
 *
 * Pure; memory is the caller's. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define CLOCKBITS_CELL_PX 8
#define CLOCKBITS_COLUMNS 16
#define CLOCKBITS_ROWS 6
#define CLOCKBITS_WIDTH_PX (CLOCKBITS_COLUMNS * CLOCKBITS_CELL_PX)
#define CLOCKBITS_HEIGHT_PX (CLOCKBITS_ROWS * CLOCKBITS_CELL_PX)
#define CLOCKBITS_BYTES (CLOCKBITS_COLUMNS * CLOCKBITS_ROWS / 8)

#define LUMA_BLACK 16
#define LUMA_WHITE 235

void clockbits_pack(int64_t clock_us, uint16_t camera_number, uint8_t out[CLOCKBITS_BYTES]);
/* luma: at least CLOCKBITS_HEIGHT_PX lines of stride bytes each. */
void clockbits_draw(uint8_t *luma, size_t stride, int64_t clock_us, uint16_t camera_number);
