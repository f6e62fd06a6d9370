/* The encoder of one simulated camera: libx264 or libx265 through libavcodec, no B-frames,
 * no look-ahead, so each picture comes out as the packet of the same call.
 *
 * Key frames come only when asked for (the camera places them by its clock). They carry
 * no parameter sets; those are read from encoder_sets() and put in front by the camera.
 *
 * Threads: loop thread only; the encoder makes none of its own.
 * Memory:  create/destroy; a packet belongs to the encoder and lives until the next call.
 * Errors:  negative AVERROR codes. */
#pragma once
#include "base/err.h"
#include "picture.h"

#include <libavcodec/avcodec.h>
#include <stdbool.h>

enum encoder_codec { ENCODER_H264, ENCODER_H265 };

struct encoder_config {
	enum encoder_codec codec;
	int width, height;
	int fps;
	int bitrate_bps;
	bool filled; /* with filler data, so that the bit rate is reached whatever is shown; H.264 only */
	/* Another valid way to code the same size and rate: Main profile with CABAC instead
	 * of Baseline with CAVLC; in H.265 other tools. SPS and PPS both differ. */
	bool alternate;
};

/* One NAL unit without its start code, inside the encoder's memory. */
struct nal { const uint8_t *data; size_t len; };
struct encoder_sets { struct nal vps, sps, pps; }; /* vps: H.265 only */

struct encoder;
int encoder_create(struct encoder **out, const struct encoder_config *cfg, struct err *e);
void encoder_destroy(struct encoder *enc);

/* Where to draw; its contents stay from one call to the next. */
struct picture encoder_picture(struct encoder *enc);
/* Codes the picture as it stands now. *out is an Annex B access unit. */
int encoder_encode(struct encoder *enc, bool key, const AVPacket **out);
struct encoder_sets encoder_sets(const struct encoder *enc);
/* All of them with start codes, as they go in front of a key frame. */
struct nal encoder_sets_annexb(const struct encoder *enc);
