/* Sound in a segment's file: a second track beside the video that mux.h wrote (ISO/IEC 14496-12, -14).
 *
 * Its boxes are written here and not by libavformat: the `mp4` muxer takes no G.711, and places a track
 * only by the first packet that it is given of it. G.711 stands in the file as it came, as `alaw` or
 * `ulaw`, one sample per packet.
 * The track's unit is one sample of sound. It counts from SEGMENT_AUDIO_AHEAD_US before the segment's start
 * (media/segment.h), and its edit list says so.
 * Threads: any. Memory: the caller's buffers grow. */
#pragma once
#include "base/buf.h"
#include "recorder/audio_depay.h"

/* Adds the track to *init (ftyp + moov). 0, or -EBADMSG: that is none; it is unchanged then. */
int mux_audio_add_track(struct buf *init, const struct audio_format *f);

struct mux_audio_sample { uint32_t ticks, len; };

/* What is added to one fragment. */
struct mux_audio_samples {
	uint64_t decode_time;                /* of the first, as the track counts */
	const struct mux_audio_sample *list;
	unsigned count;                      /* at least one */
	const uint8_t *data;                 /* of all, one after the other */
	size_t len;
};
/* Adds them to *fragment (prft moof mdat). 0, or -EBADMSG: that is none; it is unchanged then. */
int mux_audio_add_samples(struct buf *fragment, const struct mux_audio_samples *s);
