/* Why there is no footage: the closed list of design §6, one name everywhere
 * (journal, catalogue, API, regulator). */
#pragma once

#define GAP_CAUSES(X)                                                                              \
	X(CAMERA_UNREACHABLE, "camera_unreachable") /* no connection, or no answer */              \
	X(CAMERA_REFUSED, "camera_refused")         /* 401, 403, 404, 453, 503 … */                \
	X(STREAM_STALLED, "stream_stalled")         /* connected, but no media */                  \
	X(STREAM_UNUSABLE, "stream_unusable")       /* no track or media that we can store */      \
	X(OVER_BITRATE, "over_bitrate")             /* it would fill the disks of all: retention/share.h */ \
	X(RECORDER_DOWN, "recorder_down")                                                          \
	X(STORAGE_FULL, "storage_full")                                                            \
	X(STORAGE_FAILED, "storage_failed")                                                        \
	X(CLOCK_STEPPED, "clock_stepped")                                                          \
	X(FOOTAGE_MISSING, "footage_missing")                                                      \
	X(FOOTAGE_DAMAGED, "footage_damaged")

enum gap_cause {
#define X(name, text) CAUSE_##name,
	GAP_CAUSES(X)
#undef X
	CAUSE_COUNT
};

const char *gap_cause_name(enum gap_cause c);
int gap_cause_parse(const char *name, enum gap_cause *out); /* 0 or -EINVAL */
const char *gap_cause_text(enum gap_cause c);               /* for people, in lang() */
