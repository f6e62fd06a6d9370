/* RTP packets of one track in, whole access units out, through libavformat's `sdp` demuxer with
 * custom I/O (design §4): an SDP of our own, `sdp_flags=custom_io`, AVFMT_FLAG_NONBLOCK|NOPARSE|
 * NOFILLIN; no other RTP handler of FFmpeg can be reached.
 *
 * Frames come out in decode order, Annex B, NAL units bit-exact and in order. A frame is complete
 * when the next one begins (its timestamp differs) or at depay_flush().
 * Threads: loop thread. Memory: depay_create() allocates; frames are borrowed for the call. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "recorder/random_access.h"
#include "recorder/track.h"

#include <stdbool.h>

struct frame {
	const uint8_t *data;   /* Annex B: NAL units, each behind 00 00 00 01 */
	size_t len;
	const uint32_t *nal_at; /* offsets of the start codes; */
	unsigned nals;         /* 0: more than ACCESS_UNIT_MAX_NALS, to be looked for */
	int64_t rtp_ticks;     /* extended RTP timestamp: wraps are undone */
	struct mono arrival;   /* of its first packet */
	bool key;              /* a decoder can begin here */
	enum random_access access; /* and how */
	unsigned recovery;     /* of a gradual one: so many frames later the picture is whole */
	bool sets_whole;       /* it brings all parameter sets that it needs with it */
	bool damaged;          /* packets were lost in or just before it. A key frame that is itself whole
	                          is not damaged by what was lost before it */
	bool restarted;        /* the camera's RTP source (SSRC) changed: rtp_ticks begin anew */
};
typedef void depay_frame_fn(void *arg, const struct frame *f);

struct depay;
int depay_create(const struct track *t, depay_frame_fn *fn, void *arg, struct depay **out, struct err *e);
/* 0, or negative when libavformat can go on no more (then destroy). */
int depay_feed(struct depay *d, const uint8_t *packet, size_t len, bool rtcp, struct mono arrival);
/* The packet before holds what belongs to others, which are lost. */
void depay_torn(struct depay *d);
/* Emits the frame that is being gathered, unless it ended without the marker that this camera sets. */
void depay_flush(struct depay *d);
uint64_t depay_lost_packets(const struct depay *d);
/* The parameter sets in force (Annex B: SPS PPS, for H.265 VPS SPS PPS), from SDP or in-band;
 * 0 while unknown. Borrowed until the next feed. *epoch changes when they do. */
size_t depay_parameter_sets(const struct depay *d, const uint8_t **data, unsigned *epoch);
void depay_destroy(struct depay *d);
