#include "picture.h"

#include "clockbits.h"
#include "glyph.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TIME_CHARS 24 /* "2026-11-23 23:40:48.123Z" */
#define MARGIN_PX 8
#define MOVER_PX 16
#define CROSSING_US INT64_C(4000000)
#define US_PER_SECOND INT64_C(1000000)

static void fill(const struct picture *p, size_t x, size_t y, size_t w, size_t h, int luma)
{
	for (size_t row = y; row < y + h && row < p->height; row++)
		memset(p->plane[0] + row * p->stride[0] + x, luma, w);
}

/* Dots per font dot: as large as the width allows, and so that two lines and the
 * mover fit below the clock bits. */
static unsigned text_scale(const struct picture *p)
{
	size_t wide = (p->width - 2 * MARGIN_PX) / (TIME_CHARS * GLYPH_WIDTH);
	size_t high = (p->height - CLOCKBITS_HEIGHT_PX - 2 * MARGIN_PX - MOVER_PX) / (2 * GLYPH_HEIGHT);
	size_t scale = wide < high ? wide : high;

	return scale < 1 ? 1 : scale > 4 ? 4 : (unsigned)scale;
}

static void draw_line(const struct picture *p, unsigned line, const char *text)
{
	unsigned scale = text_scale(p);
	size_t y = CLOCKBITS_HEIGHT_PX + MARGIN_PX + (size_t)line * GLYPH_HEIGHT * scale;
	size_t room = (p->width - 2 * MARGIN_PX) / ((size_t)GLYPH_WIDTH * scale);
	char shown[64];

	snprintf(shown, room + 1 < sizeof shown ? room + 1 : sizeof shown, "%s", text);
	fill(p, MARGIN_PX, y, strlen(shown) * GLYPH_WIDTH * scale, (size_t)GLYPH_HEIGHT * scale, 40);
	glyph_draw(p->plane[0] + y * p->stride[0] + MARGIN_PX, p->stride[0], scale, shown);
}

void picture_draw_room(const struct picture *p, const char *name, uint16_t camera_number)
{
	char text[64];

	for (size_t y = 0; y < p->height; y++)
		memset(p->plane[0] + y * p->stride[0], (int)(48 + y * 96 / p->height / 8 * 8), p->width);
	for (size_t y = 0; y < p->height / 2; y++) {
		memset(p->plane[1] + y * p->stride[1], 104 + camera_number * 11 % 48, p->width / 2);
		memset(p->plane[2] + y * p->stride[2], 152 - camera_number * 17 % 48, p->width / 2);
	}
	snprintf(text, sizeof text, "%.40s  /%" PRIu16, name, camera_number);
	draw_line(p, 1, text);
}

static void draw_mover(const struct picture *p, int64_t clock_us)
{
	size_t y = p->height - MOVER_PX;
	size_t path = p->width - MOVER_PX;
	size_t x = (size_t)(clock_us % CROSSING_US * (int64_t)path / CROSSING_US);

	fill(p, 0, y, p->width, MOVER_PX, 40);
	fill(p, x, y, MOVER_PX, MOVER_PX, LUMA_WHITE);
}

void picture_draw_moment(const struct picture *p, int64_t clock_us, uint16_t camera_number)
{
	time_t seconds = (time_t)(clock_us / US_PER_SECOND);
	char day[32], text[64];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text, sizeof text, "%s.%03dZ", day, (int)(clock_us % US_PER_SECOND / 1000));
	clockbits_draw(p->plane[0], p->stride[0], clock_us, camera_number);
	draw_line(p, 0, text);
	draw_mover(p, clock_us);
}
