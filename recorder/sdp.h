/* A camera's SDP (RFC 4566, as in the answer to DESCRIBE): finds the tracks that we take.
 *
 * Taken is the first H.264 or H.265 track over plain RTP with the 90 kHz clock, and the first AAC or G.711
 * track, if there is one; metadata (ONVIF) and every other track are passed over. A sound that cannot be
 * taken is no error. What goes on to the demuxer is made anew from an allow-list of parameters whose values
 * were checked (RFC 6184 §8.1, RFC 7798 §7.1, RFC 3640 §4.1, RFC 6416 §7.3); a parameter set that is not
 * valid base64, or of the wrong kind, is left out: cameras send them in-band too.
 * Input: hostile; at most RTSP_BODY_MAX_BYTES (rtsp_parse.h).
 * Threads: any. Memory: sdp_finish() frees. */
#pragma once
#include "base/err.h"
#include "recorder/track.h"

#include <stdbool.h>
#include <stddef.h>

#define SDP_FMTP_MAX 4096
#define SDP_CONTROL_MAX 1024
#define SDP_CODEC_NAME_MAX 24

struct sdp {
	struct track track;         /* the video */
	struct track audio;         /* if has_audio */
	bool has_audio;
	char other_audio[SDP_CODEC_NAME_MAX]; /* else the first sound that cannot be taken: printable; "" if none */
	char *control;      /* of the session, for PLAY; NULL if none */
};

/* 0; or -EINVAL: not SDP; -ENOTSUP: no usable track. e says in lang() what to change in the camera. */
int sdp_parse(const char *text, size_t len, struct sdp *out, struct err *e);
void sdp_finish(struct sdp *s);
