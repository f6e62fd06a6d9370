/* Gathers the pieces of one frame (access unit) as they come out of the packets.
 *
 * Threads: any. Memory: one kept buffer; access_unit_finish() frees. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "recorder/nal.h"

#define ACCESS_UNIT_MAX_BYTES (8u << 20)
#define ACCESS_UNIT_MAX_NALS 256 /* whose places are kept; further ones are looked for */

struct access_unit {
	struct buf data;                     /* Annex B */
	uint32_t nal_at[ACCESS_UNIT_MAX_NALS]; /* offsets of start codes */
	unsigned nals;
	size_t scanned;                      /* of data: looked through for start codes */
	unsigned repairs;                    /* start codes that were made of three bytes, or that led to nothing */
	bool slice, key, sets;               /* what it holds so far */
	bool whole_head;                     /* its first slice is the first of a picture */
	bool damaged, after_loss, after_jump, restarted;
	bool marker;                         /* its last packet had the marker bit */
	uint32_t timestamp;
	int64_t ticks;
	struct mono arrival;
};

void access_unit_clear(struct access_unit *au);
void access_unit_finish(struct access_unit *au);
/* A piece: NAL units with start codes, or the next part of the last one. Start codes inside what the packets
 * call one unit part it: no unit may hold one (H.264 §7.4.1), but some cameras send several as one. */
void access_unit_add(struct access_unit *au, enum track_codec codec, const uint8_t *piece, size_t len);
/* Nothing more comes: looks at what the last pieces held. */
void access_unit_end(struct access_unit *au, enum track_codec codec);
/* Whether a piece that begins with a NAL unit starts another picture than this one. */
bool access_unit_ends_before(const struct access_unit *au, enum track_codec codec, const uint8_t *piece,
			     size_t len);
/* Its NAL units without their start codes, one after the other, also those whose places are not kept; NULL: there are no
 * more. A walk begins as {0}. */
struct access_unit_walk {
	unsigned i;
	size_t next_at;
};
const uint8_t *access_unit_next(const struct access_unit *au, struct access_unit_walk *w, size_t *len);

bool nal_piece_starts(const uint8_t *piece, size_t len); /* begins with a start code and a NAL header */
