/* The one video track that a camera's SDP offers and we take. Filled by sdp.c, used by depay.c.
 * Memory: owned by the struct; track_finish() frees. */
#pragma once
#include <stdint.h>

enum track_codec { TRACK_H264, TRACK_H265 };

struct track {
	enum track_codec codec;
	uint8_t payload_type;     /* of RTP, 0–127 */
	uint32_t clock_rate;      /* RTP ticks per second; 90000 for video */
	char *fmtp;               /* checked, one line, without "a=fmtp:PT "; NULL if none. Holds only
	                             characters that an SDP line may hold, at most 4 KiB */
	char *control;            /* as in the SDP; NULL if none */
};
void track_finish(struct track *t);
