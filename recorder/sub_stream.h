/* Which of a camera's two streams is recorded: pure.
 *
 * The keeper asks for the smaller one when the disks are too small (retention/economy.h). It is obeyed only as long as that
 * stream can be recorded: one that is down for SUB_STREAM_PATIENCE_US gives way to the usual one, and is tried again after
 * an hour, then two, four … at most a day. Saving room is never worth a gap that goes on.
 *
 * Threads: any. Memory: the caller's. */
#pragma once
#include "base/clock.h"

#include <stdbool.h>

#define SUB_STREAM_PATIENCE_US (20 * US_PER_S)
#define SUB_STREAM_RETRY_MIN_US (3600 * US_PER_S)
#define SUB_STREAM_RETRY_MAX_US US_PER_DAY

struct sub_stream { /* all zero: the usual stream, nothing known of the other */
	bool playing;           /* it is this one that is recorded or tried */
	bool is_down;           /* while playing: since down_since */
	struct mono down_since;
	unsigned failures;      /* in a row */
	struct mono try_again;  /* after a failure: not before */
};

/* Whether the smaller stream is to be recorded now. */
bool sub_stream_choose(const struct sub_stream *s, bool exists, bool wanted, struct mono now);
/* The choice is done. */
void sub_stream_set(struct sub_stream *s, bool playing);
/* To be told now and then whether frames are being recorded. */
void sub_stream_watch(struct sub_stream *s, bool recording, struct mono now);
