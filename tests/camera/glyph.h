/* A 5 × 7 font, enough for a time and a camera's name: digits, capitals (small
 * letters are shown as capitals) and "-.:_/ ". Anything else is a box.
 *
 * Pure; memory is the caller's. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define GLYPH_WIDTH 6 /* with the space after it */
#define GLYPH_HEIGHT 8

/* Draws text with its top left at luma, each font dot as scale × scale pixels. The
 * caller has checked that strlen(text) × GLYPH_WIDTH × scale pixels fit. */
void glyph_draw(uint8_t *luma, size_t stride, unsigned scale, const char *text);
