/* What a camera's SDP (RFC 4566) offers, for a person who asks: every track, whether we take it or not. What
 * is recorded is chosen by sdp.h, not from this.
 *
 * Input: hostile; texts are cut to letters, digits and "-._". Threads: any. Memory: the caller's struct. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define OFFER_TRACKS_MAX 8
#define OFFER_WORD_MAX 24

struct offer_track {
	char kind[OFFER_WORD_MAX];  /* "video", "audio", "application" */
	char codec[OFFER_WORD_MAX]; /* of its first format, as the camera writes it; "?": not told */
	bool encrypted;             /* RTP/SAVP */
	double fps;                 /* a=framerate; 0: not told */
};

struct offer {
	struct offer_track tracks[OFFER_TRACKS_MAX];
	unsigned count;
};

void offer_read(const char *sdp, size_t len, struct offer *out);
/* The first track of that kind; NULL: none. */
const struct offer_track *offer_find(const struct offer *o, const char *kind);
