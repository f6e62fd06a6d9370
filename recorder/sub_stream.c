#include "recorder/sub_stream.h"

bool sub_stream_choose(const struct sub_stream *s, bool exists, bool wanted, struct mono now)
{
	return exists && wanted && (s->failures == 0 || now.us >= s->try_again.us);
}

void sub_stream_set(struct sub_stream *s, bool playing)
{
	s->playing = playing;
	s->is_down = false;
}

static int64_t retry_us(unsigned failures)
{
	int64_t us = SUB_STREAM_RETRY_MIN_US;

	for (unsigned i = 1; i < failures && us < SUB_STREAM_RETRY_MAX_US; i++)
		us *= 2;
	return us < SUB_STREAM_RETRY_MAX_US ? us : SUB_STREAM_RETRY_MAX_US;
}

void sub_stream_watch(struct sub_stream *s, bool recording, struct mono now)
{
	if (!s->playing)
		return;
	if (recording) {
		s->is_down = false;
		s->failures = 0;
		return;
	}
	if (!s->is_down)
		s->down_since = now;
	s->is_down = true;
	if (now.us - s->down_since.us < SUB_STREAM_PATIENCE_US)
		return;
	s->failures++;
	s->try_again.us = now.us + retry_us(s->failures);
	s->is_down = false; /* judged once */
}
