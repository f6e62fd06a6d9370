/* RTP packets of a camera's sound in, coded frames out, through a `sdp` demuxer of its own (demuxer.h).
 *
 * A frame is one AAC access unit, or the G.711 samples of one packet, bit-exact.
 * Threads: loop thread. Memory: audio_depay_create() allocates; frames are borrowed for the call. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "recorder/aac_config.h"
#include "recorder/track.h"

#include <stddef.h>

#define AUDIO_FRAME_MAX_BYTES 8192

/* What a file must say of it. */
struct audio_format {
	enum track_codec codec;   /* TRACK_AAC also for LATM */
	uint32_t rate;            /* ticks per second: of RTP timestamps, and of the track in the file */
	unsigned channels;
	uint8_t config[AAC_CONFIG_MAX_BYTES]; /* AudioSpecificConfig; of AAC */
	size_t config_len;
};

struct audio_frame {
	const uint8_t *data;
	size_t len;               /* 1 to AUDIO_FRAME_MAX_BYTES */
	int64_t rtp_ticks;        /* extended RTP timestamp of its first sample */
	uint32_t ticks;           /* how long it lasts */
	struct mono arrival;      /* of the packet that it came in */
	uint32_t ticks_after;     /* so much sound, from this frame's first sample on, had to be heard before that
	                             packet could be sent: the frames from this one on, and with AAC one more,
	                             since each is coded with the next in view (ISO/IEC 14496-3 §4.6.11) */
	bool restarted;           /* another source: rtp_ticks begin anew */
};
typedef void audio_frame_fn(void *arg, const struct audio_frame *f);

struct audio_depay;
/* -ENOTSUP and others: this sound cannot be recorded; e says in lang() why. */
int audio_depay_create(const struct track *t, audio_frame_fn *fn, void *arg, struct audio_depay **out,
		       struct err *e);
/* 0, or negative when libavformat can go on no more (then destroy). */
int audio_depay_feed(struct audio_depay *d, const uint8_t *packet, size_t len, struct mono arrival);
const struct audio_format *audio_depay_format(const struct audio_depay *d);
uint64_t audio_depay_lost_packets(const struct audio_depay *d);
void audio_depay_destroy(struct audio_depay *d);
