#include "recorder/rtp_payload.h"

#include "base/buf.h"

#include <string.h>

#define FRAGMENT_LAST 0x40
#define NAL_HEADER_BYTES_H265 2
#define NUMBER_BYTES 2 /* DONL; each further unit of an aggregation has one byte, DOND */

/* The same in both codecs, but for the places. */
struct form {
	unsigned header_bytes, aggregation, fragment;
};
static const struct form forms[] = {
	[TRACK_H264] = {1, 24, 28},
	[TRACK_H265] = {2, 48, 49},
};

static unsigned type_of(enum track_codec codec, uint8_t first)
{
	return codec == TRACK_H264 ? first & 0x1f : first >> 1 & 0x3f;
}

/* H.264 table 7-1: 17, 18, 22 and 23; RFC 6184 table 1: 0, 30 and 31.
 * H.265 table 7-1: 10–15, 22–31 and 41–47; RFC 7798: above 50. */
static bool is_reserved_unit(enum track_codec codec, unsigned type)
{
	if (codec == TRACK_H264)
		return type == 17 || type == 18 || type == 22 || type == 23;
	return (type >= 10 && type <= 15) || (type >= 22 && type <= 31) || (type >= 41 && type <= 47);
}

static bool is_reserved_packet(enum track_codec codec, unsigned type)
{
	return codec == TRACK_H264 ? type == 0 || type >= 30 : type > 50;
}

/* The length of a start code that some cameras put in front. */
static uint8_t code_bytes(const struct rtp_packet *p)
{
	for (uint8_t zeros = 2; zeros <= 3; zeros++)
		if (p->payload_len > zeros + 1u && memcmp(p->payload, zeros == 2 ? "\0\0\1" : "\0\0\0\1", zeros + 1u) == 0)
			return zeros + 1;
	return 0;
}

/* Whether any unit is not empty; a damaged one is media, too: it was lost. */
static bool aggregates(const struct form *f, bool numbered, const struct rtp_packet *p)
{
	size_t at = f->header_bytes + (numbered ? NUMBER_BYTES : 0);

	while (at + 2 < p->payload_len) {
		size_t len = get_u16be(p->payload + at);
		if (len > 0)
			return true;
		at += 2 + numbered;
	}
	return false;
}

static void look_at_fragment(const struct form *f, bool numbered, const struct rtp_packet *p, struct rtp_payload *out)
{
	size_t head = f->header_bytes + 1;

	if (p->payload_len < head)
		return;
	uint8_t flags = p->payload[f->header_bytes];
	*out = (struct rtp_payload){.fragment = true, .first = flags & RTP_FRAGMENT_FIRST, .last = flags & FRAGMENT_LAST,
				    .type = flags & (f->header_bytes == 1 ? 0x1f : 0x3f),
				    .flags_at = (uint8_t)f->header_bytes};
	out->media = p->payload_len > head + (numbered && out->first ? NUMBER_BYTES : 0);
}

struct rtp_payload rtp_payload_look(enum track_codec codec, bool numbered, const struct rtp_packet *p)
{
	const struct form *f = &forms[codec];
	struct rtp_payload out = {0};

	out.code_bytes = code_bytes(p);
	out.media = out.code_bytes > 0;
	if (out.media || p->payload_len < f->header_bytes)
		return out;
	unsigned type = type_of(codec, p->payload[0]);
	if (type == f->fragment) {
		look_at_fragment(f, numbered, p, &out);
		return out;
	}
	if (type == f->aggregation)
		out.media = aggregates(f, numbered, p);
	else if (p->payload_len <= NAL_HEADER_BYTES_H265 && codec == TRACK_H265)
		out.media = false; /* the end of a sequence: libavformat does not take it, and nobody misses it */
	else
		out.media = !is_reserved_packet(codec, type);
	out.idle = is_reserved_unit(codec, type);
	return out;
}
