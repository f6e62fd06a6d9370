#include "recorder/aac_config.h"

#include <errno.h>
#include <stdbool.h>

#define TYPE_MAIN 1
#define TYPE_LC 2
#define TYPE_SBR 5
#define TYPE_PS 29
#define TYPE_ESCAPE 31
#define RATE_ESCAPE 15

struct bits { const uint8_t *data; size_t len, at; bool over; };

static uint32_t take(struct bits *b, unsigned count)
{
	uint32_t v = 0;

	for (; count > 0; count--, b->at++) {
		b->over |= b->at / 8 >= b->len;
		v = v << 1 | (b->over ? 0u : (uint32_t)b->data[b->at / 8] >> (7 - b->at % 8) & 1u);
	}
	return v;
}

static unsigned take_type(struct bits *b)
{
	unsigned type = take(b, 5);

	return type == TYPE_ESCAPE ? 32 + take(b, 6) : type;
}

static uint32_t take_rate(struct bits *b)
{
	static const uint32_t rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000,
					 11025, 8000, 7350};
	unsigned index = take(b, 4);

	if (index == RATE_ESCAPE)
		return take(b, 24);
	return index < sizeof rates / sizeof rates[0] ? rates[index] : 0;
}

int aac_config_parse(const uint8_t *data, size_t len, struct aac_config *out)
{
	struct bits b = {.data = data, .len = len};

	*out = (struct aac_config){.object_type = take_type(&b)};
	out->core_rate = take_rate(&b);
	out->channels = take(&b, 4);
	if (out->object_type == TYPE_SBR || out->object_type == TYPE_PS) {
		take_rate(&b); /* of what is heard */
		out->object_type = take_type(&b);
	}
	out->frame_samples = take(&b, 1) ? 960 : 1024;
	if (b.over || out->core_rate == 0)
		return -EBADMSG;
	bool known = out->object_type == TYPE_MAIN || out->object_type == TYPE_LC;
	return known && out->channels >= 1 && out->channels <= 2 ? 0 : -ENOTSUP;
}
