/* A track that a camera's SDP offers and we take: its video, or its sound. Filled by sdp.c, used by depay.c
 * and audio_depay.c.
 * Memory: owned by the struct; track_finish() frees. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* TRACK_AAC_LATM is AAC too, in other packets (RFC 6416). */
enum track_codec { TRACK_H264, TRACK_H265, TRACK_AAC, TRACK_AAC_LATM, TRACK_PCMA, TRACK_PCMU };

struct track {
	enum track_codec codec;
	uint8_t payload_type;     /* of RTP, 0–127 */
	uint32_t clock_rate;      /* RTP ticks per second; 90000 for video, samples for audio */
	uint8_t channels;         /* of audio, 1 or 2; 0: the SDP does not say, or video */
	bool reliable;            /* its packets come over TCP: none is lost, doubled or misplaced on the way */
	uint16_t max_don_diff;    /* H.265: units are sent in another order than they are decoded in, by so much at most
	                             (don_order.h); 0: they are not */
	uint16_t depack_nalus;    /* and so many must be held at most; 0: the SDP does not say */
	char *fmtp;               /* checked, one line, without "a=fmtp:PT "; NULL if none. Holds only
	                             characters that an SDP line may hold, at most 4 KiB */
	char *control;            /* as in the SDP; NULL if none */
};
void track_finish(struct track *t);
static inline bool track_is_audio(const struct track *t) { return t->codec >= TRACK_AAC; }
const char *track_codec_name(enum track_codec c); /* "h264", "aac", "pcma" … */
