#include "recorder/depay.h"
#include "recorder/rtp_packet.h"
#include "rtp_fixture.h"

#include <errno.h>
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
static void normalise(const uint8_t *data, size_t len, struct buf *out)
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

static void on_frame(void *arg, const struct frame *f)
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

static struct rtp_fixture_conf h264 = {"libx264", 320, 240, 60, 20, 0, 1, 600, 15};

static struct depay *open_depay(enum track_codec codec, char *fmtp, struct seen *s)
{
	struct track t = {.codec = codec, .payload_type = 96, .clock_rate = 90000, .fmtp = fmtp};
	struct depay *d;
	struct err e = {0};

	int rc = depay_create(&t, on_frame, s, &d, &e);
	if (rc < 0)
		print_message("%s\n", e.text);
	assert_int_equal(rc, 0);
	return d;
}

static void feed_at(struct depay *d, const struct rtp_fixture *f, unsigned i, uint16_t seq, uint32_t ts,
		    uint32_t ssrc, int64_t us)
{
	rtp_fixture_stamp(f, i, seq, ts, ssrc);
	assert_int_equal(depay_feed(d, f->packets[i].data, f->packets[i].len, false, (struct mono){us}), 0);
}

static void feed(struct depay *d, const struct rtp_fixture *f, unsigned i, uint16_t seq, uint32_t base)
{
	feed_at(d, f, i, seq, base + f->packets[i].frame * 6000, SSRC, f->packets[i].frame * 66667);
}

static void whole_stream(const struct rtp_fixture_conf *c, enum track_codec codec)
{
	struct rtp_fixture f;
	struct seen s = {.compare = &f};

	rtp_fixture_make(&f, c);
	struct depay *d = open_depay(codec, NULL, &s);
	for (unsigned i = 0; i < f.packet_count; i++) /* both wrap on the way */
		feed(d, &f, i, (uint16_t)(65500 + i), UINT32_MAX - 60000);
	depay_flush(d);
	assert_int_equal(s.frames, c->frames);
	assert_int_equal(s.keys, c->frames / c->gop);
	assert_int_equal(s.damaged, 0);
	assert_int_equal(s.last_ticks - s.first_ticks, (c->frames - 1) * 6000);
	const uint8_t *sets;
	unsigned epoch;
	assert_true(depay_parameter_sets(d, &sets, &epoch) > 10);
	assert_int_equal(epoch, 1);
	depay_destroy(d);
	rtp_fixture_finish(&f);
}

static void test_h264(void **state) { (void)state; whole_stream(&h264, TRACK_H264); }

static void test_h264_slices(void **state)
{
	(void)state;
	struct rtp_fixture_conf c = h264;
	c.slices = 4;
	whole_stream(&c, TRACK_H264);
}

static void test_h265(void **state)
{
	(void)state;
	struct rtp_fixture_conf c = h264;
	c.encoder = "libx265";
	whole_stream(&c, TRACK_H265);
}

static void test_stuck_timestamps_and_no_markers(void **state)
{
	(void)state;
	for (int way = 0; way < 2; way++) {
		struct rtp_fixture f;
		struct seen s = {.compare = &f};
		rtp_fixture_make(&f, &h264);
		struct depay *d = open_depay(TRACK_H264, NULL, &s);
		for (unsigned i = 0; i < f.packet_count; i++) {
			if (way == 1)
				f.packets[i].data[1] &= 0x7f;
			feed_at(d, &f, i, (uint16_t)i, way == 0 ? 77 : 6000 * f.packets[i].frame, SSRC,
				f.packets[i].frame * 66667);
		}
		depay_flush(d);
		assert_int_equal(s.frames, h264.frames);
		assert_int_equal(s.damaged, 0);
		depay_destroy(d);
		rtp_fixture_finish(&f);
	}
}

static void test_loss(void **state)
{
	(void)state;
	struct rtp_fixture f;
	rtp_fixture_make(&f, &h264);
	/* each packet once: exactly what touches the loss is damaged, and nothing crashes */
	for (unsigned lost = 1; lost + 1 < f.packet_count; lost++) {
		struct seen s = {0};
		struct depay *d = open_depay(TRACK_H264, NULL, &s);
		for (unsigned i = 0; i < f.packet_count; i++)
			if (i != lost)
				feed(d, &f, i, (uint16_t)i, 0);
		depay_flush(d);
		if (s.damaged == 0) /* a frame that went whole, before a key frame */
			assert_int_equal(s.frames, h264.frames - 1);
		assert_true(s.damaged <= 2);
		assert_int_equal(depay_lost_packets(d), 1);
		depay_destroy(d);
	}
	rtp_fixture_finish(&f);
}

static void test_new_source_and_foreign_packets(void **state)
{
	(void)state;
	struct rtp_fixture f;
	struct seen s = {0};
	rtp_fixture_make(&f, &h264);
	struct depay *d = open_depay(TRACK_H264, NULL, &s);
	for (unsigned i = 0; i < f.packet_count; i++) {
		feed(d, &f, i, (uint16_t)i, 0);
		if (i % 3 == 0 && i + 1 < f.packet_count) /* another source between: not for us */
			feed_at(d, &f, i + 1, 9, 9, 99, f.packets[i].frame * 66667);
	}
	unsigned before = s.frames;
	assert_int_equal(before, h264.frames - 1);
	assert_int_equal(s.damaged + s.restarted, 0);
	for (unsigned i = 0; i < f.packet_count; i++)
		feed_at(d, &f, i, (uint16_t)(i + 500), 7000000 + 6000 * f.packets[i].frame, 7,
			5000000 + f.packets[i].frame * 66667);
	depay_flush(d);
	assert_int_equal(s.frames, 2 * h264.frames);
	assert_int_equal(s.restarted, 1);
	assert_int_equal(s.damaged, 0); /* it began with a key frame */
	depay_destroy(d);
	rtp_fixture_finish(&f);
}

static void test_sets_from_sdp_and_change(void **state)
{
	(void)state;
	char fmtp[] = "packetization-mode=1;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==";
	struct rtp_fixture f;
	struct seen s = {0};
	const uint8_t *sets;
	unsigned epoch;

	rtp_fixture_make(&f, &h264);
	struct depay *d = open_depay(TRACK_H264, fmtp, &s);
	assert_int_equal(depay_parameter_sets(d, &sets, &epoch), 4 + 24 - 3 + 4 + 4);
	assert_int_equal(epoch, 1);
	for (unsigned i = 0; i < f.packet_count; i++)
		feed(d, &f, i, (uint16_t)i, 0);
	depay_flush(d);
	depay_parameter_sets(d, &sets, &epoch);
	assert_int_equal(epoch, 2); /* those of the stream, once */
	depay_destroy(d);
	rtp_fixture_finish(&f);
}

static void test_hostile_packets(void **state)
{
	(void)state;
	struct rtp_fixture f;
	struct seen s = {0};
	rtp_fixture_make(&f, &h264);
	srandom(7);
	for (int codec = 0; codec < 2; codec++) {
		struct depay *d = open_depay(codec ? TRACK_H265 : TRACK_H264, NULL, &s);
		for (unsigned n = 0; n < 20000; n++) {
			const struct rtp_fixture_packet *p = &f.packets[(unsigned)random() % f.packet_count];
			uint8_t copy[2000];
			size_t len = p->len;
			memcpy(copy, p->data, len);
			put_u16be(copy + 2, (uint16_t)n);
			for (unsigned k = (unsigned)random() % 4; k > 0; k--)
				copy[(size_t)random() % (k == 1 ? len : 20)] = (uint8_t)random();
			if (random() % 5 == 0)
				len = (size_t)random() % len;
			assert_int_equal(depay_feed(d, copy, len, random() % 50 == 0,
						    (struct mono){n * 1000}), 0);
		}
		depay_flush(d);
		depay_destroy(d);
	}
	rtp_fixture_finish(&f);
}

static void test_bad_description(void **state)
{
	(void)state;
	char fmtp[] = "packetization-mode=1\r\nm=audio 0 RTP/AVP 0";
	struct track t = {.codec = TRACK_H264, .payload_type = 96, .clock_rate = 90000, .fmtp = fmtp};
	struct depay *d;
	struct err e;
	assert_int_equal(depay_create(&t, on_frame, NULL, &d, &e), -EINVAL);
	assert_null(d);
}

static void test_packet_header(void **state)
{
	(void)state;
	uint8_t p[64] = {0xb1, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, [12] = 9, 9, 9, 9, [16] = 0xbe, 0xde, 0, 1,
			 [24] = 0x65, 0x88, [27] = 2};
	struct rtp_packet r;
	assert_int_equal(rtp_packet_parse(p, 28, &r), 0);
	assert_int_equal(r.payload_len, 2);
	assert_int_equal(r.payload[0], 0x65);
	assert_true(r.marker);
	for (size_t len = 0; len < 24; len++)
		assert_int_equal(rtp_packet_parse(p, len, &r), -EBADMSG);
	p[27] = 4; /* nothing but padding */
	assert_int_equal(rtp_packet_parse(p, 28, &r), -EBADMSG);
	p[27] = 255;
	assert_int_equal(rtp_packet_parse(p, 28, &r), -EBADMSG);
	p[0] = 0x40;
	assert_int_equal(rtp_packet_parse(p, 28, &r), -EBADMSG);

	struct rtp_unwrap u = {0};
	assert_int_equal(rtp_unwrap(&u, 0xfffffff0), 0xfffffff0);
	assert_int_equal(rtp_unwrap(&u, 0x10), 0x100000010);
	assert_int_equal(rtp_unwrap(&u, 0xfffffff0), 0xfffffff0);
}

static void test_sender_report(void **state)
{
	(void)state;
	uint8_t p[36] = {0x80, 201, 0, 1, [8] = 0x80, 200, 0, 6, 0, 0, 0, 5};
	struct rtcp_report r;
	put_u32be(p + 16, 2208988800u + 1000);
	put_u32be(p + 20, 0x80000000);
	put_u32be(p + 24, 90000);
	assert_int_equal(rtcp_report_parse(p, sizeof p, &r), 0);
	assert_int_equal(r.wall_us, 1000500000);
	assert_int_equal(r.timestamp, 90000);
	assert_int_equal(r.ssrc, 5);
	assert_int_equal(rtcp_report_parse(p, 8, &r), -ENOENT);
	for (size_t len = 9; len < sizeof p; len++)
		assert_int_equal(rtcp_report_parse(p, len, &r), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet_header),
		cmocka_unit_test(test_sender_report),
		cmocka_unit_test(test_h264),
		cmocka_unit_test(test_h264_slices),
		cmocka_unit_test(test_h265),
		cmocka_unit_test(test_stuck_timestamps_and_no_markers),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_new_source_and_foreign_packets),
		cmocka_unit_test(test_sets_from_sdp_and_change),
		cmocka_unit_test(test_hostile_packets),
		cmocka_unit_test(test_bad_description),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
