/* A depacketiser for tests, and what came out of it, compared with what the encoder made. */
#pragma once
#include "recorder/depay.h"
#include "rtp_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SSRC 0x1234abcd

struct seen {
	unsigned frames, keys, damaged, restarted, damaged_keys;
	int64_t first_ticks, last_ticks;
	struct buf last;
	const struct rtp_fixture *compare; /* the frames must be these, byte for byte */
};

/* The same NAL units; the encoder mixes start codes of three and four bytes. */
static inline void normalise(const uint8_t *data, size_t len, struct buf *out)
{
	size_t nal = 0;

	buf_clear(out);
	for (size_t i = 0; i + 3 <= len; i++) {
		if (data[i] || data[i + 1] || data[i + 2] != 1)
			continue;
		if (nal)
			buf_add(out, data + nal, (i > nal && data[i - 1] == 0 ? i - 1 : i) - nal);
		buf_add(out, "\0\0\0\1", 4);
		nal = i + 3;
	}
	buf_add(out, data + nal, len - nal);
}

static inline void on_frame(void *arg, const struct frame *f)
{
	struct seen *s = arg;

	if (s->compare && !f->damaged) {
		struct buf want = {0};
		const AVPacket *p = s->compare->frames[s->frames % s->compare->frame_count];
		normalise(p->data, (size_t)p->size, &want);
		assert_int_equal(f->len, want.len);
		assert_memory_equal(f->data, want.data, want.len);
		assert_int_equal(f->key, (p->flags & AV_PKT_FLAG_KEY) != 0);
		buf_finish(&want);
	}
	if (s->frames++ == 0)
		s->first_ticks = f->rtp_ticks;
	s->last_ticks = f->rtp_ticks;
	s->keys += f->key;
	s->damaged += f->damaged;
	s->damaged_keys += f->damaged && f->key;
	s->restarted += f->restarted;
}

static const struct rtp_fixture_conf h264 = {"libx264", 320, 240, 60, 20, 0, 1, 600, 15};

static inline struct depay *open_track(const struct track *t, struct seen *s)
{
	struct depay *d;
	struct err e = {0};

	int rc = depay_create(t, on_frame, s, &d, &e);
	if (rc < 0)
		print_message("%s\n", e.text);
	assert_int_equal(rc, 0);
	return d;
}

static inline struct depay *open_depay(enum track_codec codec, char *fmtp, struct seen *s)
{
	const struct track t = {.codec = codec, .payload_type = 96, .clock_rate = 90000, .fmtp = fmtp};

	return open_track(&t, s);
}

static inline void feed_at(struct depay *d, const struct rtp_fixture *f, unsigned i, uint16_t seq, uint32_t ts,
		    uint32_t ssrc, int64_t us)
{
	rtp_fixture_stamp(f, i, seq, ts, ssrc);
	assert_int_equal(depay_feed(d, f->packets[i].data, f->packets[i].len, false, (struct mono){us}), 0);
}
