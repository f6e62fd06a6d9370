/* The parameter sets in force: what a decoder needs before the first frame.
 *
 * They come from the camera's SDP and in-band, a few at a time: a frame that brings sets of one kind
 * brings all of that kind; those of the other kinds stay.
 * Threads: any. Memory: owned by the struct; parameter_sets_finish() frees. */
#pragma once
#include "base/buf.h"
#include "recorder/nal.h"

#define PARAMETER_SETS_MAX_BYTES 16384 /* of one kind */

struct parameter_sets {
	enum track_codec codec;
	struct buf in_force[3], incoming[3]; /* VPS, SPS, PPS: Annex B */
	struct buf joined;                   /* those in force, in this order */
	unsigned epoch;                      /* grows when they change */
};

void parameter_sets_init(struct parameter_sets *s, enum track_codec codec);
void parameter_sets_finish(struct parameter_sets *s);
/* One NAL unit of a frame; ignored unless it is a parameter set. */
void parameter_sets_offer(struct parameter_sets *s, const uint8_t *nal, size_t len);
/* Puts into force what was offered since the last call, or forgets it. True: that was all that a decoder needs, sets of
 * each kind. */
bool parameter_sets_accept(struct parameter_sets *s);
void parameter_sets_forget(struct parameter_sets *s);
/* Whether a decoder could start with them. */
bool parameter_sets_complete(const struct parameter_sets *s);
