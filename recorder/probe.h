/* Tries a camera for a person (`holdfast probe URL`): connects, plays some seconds, and says what it found,
 * or why it cannot be recorded and what to change.
 *
 * Threads: the caller's; it runs an event loop of its own until it is done (blocking).
 * Memory:  the caller's struct, nothing to free. */
#pragma once
#include "base/cause.h"
#include "recorder/detail.h"
#include "recorder/rtsp_session.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PROBE_SECONDS_DEFAULT 5
#define PROBE_NO_FRAME_MS 10000 /* it waits this long for the first picture */

struct probe_result {
	bool recordable;
	enum gap_cause cause;       /* if it is not */
	char detail[DETAIL_MAX];    /* why, and the remedy, in lang() */
	const char *codec;          /* "h264", "h265"; NULL: not known */
	const char *audio_codec;    /* "aac", "pcma", "pcmu"; NULL: no sound that could be recorded */
	uint32_t audio_rate;        /* samples per second */
	unsigned width, height;     /* 0: not known */
	unsigned frames, damaged;   /* damaged: with packets lost */
	double fps, bits_per_s;     /* 0: fewer than two frames */
	double key_interval_s;      /* the longest seen; 0: fewer than two key frames */
	bool clock_known;           /* the camera sent a sender report */
	int64_t clock_error_us;     /* the camera's clock minus ours */
};

/* 0 if the camera can be recorded, else -EIO; *out is filled in both cases. */
int probe_run(const struct rtsp_target *target, unsigned seconds, struct probe_result *out);
void probe_print(const struct probe_result *r, FILE *to); /* in lang() */
json_t *probe_json(const struct probe_result *r);         /* new reference */
