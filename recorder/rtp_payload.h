/* What the payload of a video packet is, by its first bytes: media, or nothing. A packet that carries nothing is
 * none that was lost.
 *
 * Threads: any. Memory: nothing is kept. Input is hostile.
 * Source: RFC 6184 §5.2, §5.7, §5.8; RFC 7798 §4.4. */
#pragma once
#include "recorder/rtp_packet.h"
#include "recorder/track.h"

struct rtp_payload {
	uint8_t code_bytes;  /* of a byte stream's start code that the payload begins with: not its own */
	bool media;          /* false: an empty packet, fragment or aggregation, or of a kind that is reserved */
	bool idle;           /* a unit that decoders ignore: of a reserved type */
	bool fragment;       /* part of a unit, */
	bool first, last;    /* its first, its last one, */
	uint8_t type;        /* and the unit's type */
	uint8_t flags_at;    /* where in the payload `first` stands (RTP_FRAGMENT_FIRST) */
};
#define RTP_FRAGMENT_FIRST 0x80

/* numbered: units carry their decoding order (RFC 7798, sprop-max-don-diff > 0). */
struct rtp_payload rtp_payload_look(enum track_codec codec, bool numbered, const struct rtp_packet *p);
