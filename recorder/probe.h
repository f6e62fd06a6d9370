/* Tries a camera for a person (`holdfast probe URL`): connects, plays some seconds, and measures. What the
 * measurements mean, and what to change, is said by probe_finding.h.
 *
 * Threads: the caller's; it runs an event loop of its own until it is done (blocking).
 * Memory:  the caller's struct, nothing to free. */
#pragma once
#include "base/cause.h"
#include "recorder/detail.h"
#include "recorder/offer.h"
#include "recorder/rtsp_session.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PROBE_SECONDS_DEFAULT 8
#define PROBE_SECONDS_MAX 60
#define PROBE_NO_FRAME_MS 10000 /* it waits this long for the first picture */

struct probe_result {
	struct rtsp_facts facts;
	bool tls, has_login;        /* rtsps; we were given a user name and password */
	struct offer offer;         /* every track */
	bool recordable;
	enum gap_cause cause;       /* if it is not */
	char detail[DETAIL_MAX];    /* why, and the remedy, in lang() */

	const char *codec;          /* "h264", "h265"; NULL: no track was taken */
	unsigned width, height;     /* 0: not known */
	double watched_s;           /* from the first picture to the last */
	unsigned frames, damaged;   /* damaged: with packets lost */
	uint64_t lost_packets;
	double fps, bits_per_s;     /* 0: fewer than two frames */
	double jitter_s;
	unsigned reordered;         /* frames that are shown before one that came earlier */
	unsigned jumps;             /* of the timestamps */
	bool sane_times;
	unsigned keys;
	double key_interval_s;      /* the longest seen, or how long none came, whichever is more */
	bool key_interval_open;     /* it is the latter: there is no telling how long it gets */
	double own_key_min_s, own_key_max_s; /* without the first interval; 0: fewer than three key frames */
	bool sets_in_sdp, sets_inband;
	bool clock_known;           /* the camera sent a sender report */
	int64_t clock_error_us;     /* the camera's clock minus ours */
};

/* 0 if the camera can be recorded, else -EIO; *out is filled in both cases. */
int probe_run(const struct rtsp_target *target, unsigned seconds, struct probe_result *out);
void probe_print(const struct probe_result *r, FILE *to); /* in lang() */
json_t *probe_json(const struct probe_result *r);         /* new reference */
/* Whether there is anything that should be changed. */
bool probe_is_fine(const struct probe_result *r);
