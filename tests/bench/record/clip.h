/* A clip of H.264 (Annex B, one slice a frame, parameter sets before each key frame) as the bytes of an
 * RTSP connection: interleaved RTP packets of at most 1400 bytes of payload (RFC 6184 mode 1), made once.
 * Every session sends the same bytes; clip_stamp() sets what is its own.
 *
 * Threads: one. Memory: clip_load() allocates for the life of the process. */
#pragma once
#include "base/buf.h"

#define CLIP_CLOCK_RATE 90000u

struct clip_packet { size_t at, len; unsigned frame; }; /* '$', channel, length, RTP packet */

struct clip {
	struct buf bytes;
	struct clip_packet *packets;
	unsigned packet_count, packet_room, frames;
	const uint8_t *sps, *pps;          /* in the file's bytes */
	size_t sps_len, pps_len;
};

/* Ends the process if the file is none. */
void clip_load(struct clip *c, const char *path);
void clip_stamp(struct clip *c, unsigned packet, uint16_t sequence, uint32_t timestamp, uint32_t ssrc);
