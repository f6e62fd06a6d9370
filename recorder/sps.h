/* What a sequence parameter set says of the stream: what a decoder must allocate for it, and how far pictures are
 * sent out of the order in which they are shown.
 *
 * Threads: any. Memory: nothing is kept. Source: ITU-T H.264 §7.3.2.1, annex E, table A-1; H.265 §7.3.2.2.
 * Input is hostile: every read is bounded, every number checked. */
#pragma once
#include "recorder/track.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sps {
	unsigned profile, chroma, luma_bits, chroma_bits;
	unsigned width, height;  /* coded, */
	unsigned crop[4];        /* and what of that is not shown, in the units of the standard */
	/* Pictures that come before one in decoding order and are shown after it: at most so many. Where an H.264
	 * stream does not say, what its level could hold. */
	unsigned reorder;
};

/* Whether a decoder that was made for the one can go on with the other. */
bool sps_same_format(const struct sps *a, const struct sps *b);
/* nal: an SPS without start code. 0, or -EBADMSG. */
int sps_parse(enum track_codec codec, const uint8_t *nal, size_t len, struct sps *out);
/* The first SPS among Annex B parameter sets. 0, or -EBADMSG: there is none, or it is broken. */
int sps_find(enum track_codec codec, const uint8_t *sets, size_t len, struct sps *out);
