/* What a simulated camera sees: a still room, its clock twice (for machines and for
 * people), its name, and something that moves.
 *
 *	┌────────────┐            clock bits, 128 × 48 (clockbits.h)
 *	│▒▒▒▒▒▒▒▒▒▒▒▒│
 *	└────────────┘
 *	2026-11-23 23:40:48.123Z
 *	PLAYROOM-EAST  /1
 *	         ■ →              once across in four seconds
 *
 * Only what changes is drawn again, so that a frame costs next to nothing.
 *
 * Pure; the planes are the caller's: I420, kept unchanged between calls. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define PICTURE_WIDTH_MIN 160
#define PICTURE_HEIGHT_MIN 112
#define PICTURE_SIDE_MAX 4096

struct picture {
	uint8_t *plane[3];
	size_t stride[3];
	size_t width, height; /* even, within the limits above */
};

void picture_draw_room(const struct picture *p, const char *name, uint16_t camera_number);
void picture_draw_moment(const struct picture *p, int64_t clock_us, uint16_t camera_number);
