/* One segment as a fragmented MP4 (ISO/IEC 14496-12): ftyp and moov by libavformat's `mp4` muxer, fragments here.
 *
 * The track's unit is the microsecond since the segment's start, so that fragments and segments tile
 * exactly. Each fragment is `prft moof mdat`; prft carries its first frame's UTC to the microsecond. A
 * frame waits here until the next one, or mux_flush(), tells where it ends. Tags name site, camera, run
 * and start. Nothing is written after the last fragment.
 * Threads: one at a time. Memory: mux_create() allocates; frames are copied. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "media/fragment.h"
#include "recorder/picture_size.h"
#include "recorder/track.h"

struct mux;

struct mux_conf {
	const char *site, *camera, *run; /* tags; UTF-8 */
	enum track_codec codec;
	struct picture_size size;
	const uint8_t *sets;             /* parameter sets, Annex B */
	size_t sets_len;
	bool sets_in_band;               /* every key frame of it brings its own, */
	bool sets_vary;                  /* and they may differ from these */
	struct wall start;               /* of the first frame */
};

/* *init: ftyp + moov. 0, or negative: the parameter sets make no MP4. */
int mux_create(const struct mux_conf *conf, struct mux **out, struct buf *init, struct err *e);

struct mux_frame {
	const uint8_t *data; /* NAL units, each behind 00 00 00 01; copied */
	size_t len;
	const uint32_t *nal_at; /* where those start codes are; with nals == 0 they are looked for */
	unsigned nals;
	int64_t at_us, shown_us; /* UTC; at_us grows strictly */
	bool key;
};
/* 0, or negative: the frame before this one cannot last until it, or the fragment would be too large. */
int mux_add(struct mux *m, const struct mux_frame *f);
/* Ends the fragment at `end` (after the last frame's time): its bytes into *bytes (empty), its index entry
 * (without offset and crc) into *f. 1; 0 if there was no frame; or negative. */
int mux_flush(struct mux *m, struct wall end, struct buf *bytes, struct fragment *f);
void mux_destroy(struct mux *m);
