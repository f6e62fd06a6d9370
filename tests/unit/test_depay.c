#include "depay_fixture.h"
#include "recorder/nal.h"
#include "recorder/rtp_packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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
	assert_int_equal(rtp_packet_parse(p, 28, &r), 0);
	assert_int_equal(r.payload_len, 0);
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

/* --- H.265 that is sent in another order than it is decoded in (RFC 7798 §4.4, §6) -------------------------------- */

#define SMALL_BYTES 120  /* units up to this go into an aggregation packet with their neighbours of the frame */
#define PART_BYTES 1100

struct nal_ref { const uint8_t *data; size_t len; unsigned frame; };
struct group { unsigned first, count; };          /* of units that are sent together */

struct interleaved {
	struct rtp_fixture f;
	struct buf frames[64];
	struct nal_ref nals[1024];
	struct group groups[1024];
	unsigned nal_count, group_count, order[1024], max_diff, nalus;
	struct { struct buf bytes; unsigned frame; } packets[2048];
	unsigned packet_count;
};

static void split(struct interleaved *x)
{
	for (unsigned n = 0; n < x->f.frame_count; n++) {
		struct buf *b = &x->frames[n];
		normalise(x->f.frames[n]->data, (size_t)x->f.frames[n]->size, b);
		for (size_t at = 0, next; at < b->len; at = next) {
			next = nal_find_start(b->data, b->len, at + 4);
			x->nals[x->nal_count++] = (struct nal_ref){b->data + at + 4, next - at - 4, n};
		}
	}
}

static void group(struct interleaved *x)
{
	for (unsigned i = 0; i < x->nal_count; i++) {
		struct group *g = x->group_count ? &x->groups[x->group_count - 1] : NULL;
		const struct nal_ref *n = &x->nals[i], *before = n - 1;
		if (g && n->len <= SMALL_BYTES && before->len <= SMALL_BYTES && before->frame == n->frame)
			g->count++;
		else
			x->groups[x->group_count++] = (struct group){i, 1};
	}
}

/* Blocks of `depth` groups, last first. What the SDP would promise of it is counted, not guessed. */
static void shuffle(struct interleaved *x, unsigned depth)
{
	for (unsigned i = 0; i < x->group_count; i++) {
		unsigned block = i / depth * depth, size = x->group_count - block < depth ? x->group_count - block : depth;
		x->order[i] = block + size - 1 - (i - block);
	}
	for (unsigned b = 0; b < x->group_count; b++) {
		unsigned before = 0;
		for (unsigned a = 0; a < b; a++) {
			const struct group *early = &x->groups[x->order[a]], *late = &x->groups[x->order[b]];
			if (early->first < late->first)
				continue;
			before += early->count;
			unsigned diff = early->first + early->count - 1 - late->first;
			x->max_diff = diff > x->max_diff ? diff : x->max_diff;
		}
		x->nalus = before > x->nalus ? before : x->nalus;
	}
}

static struct buf *packet(struct interleaved *x, unsigned frame)
{
	struct buf *b = &x->packets[x->packet_count].bytes;

	x->packets[x->packet_count++].frame = frame;
	buf_add(b, "\x80\x60\0\0\0\0\0\0\0\0\0\0", 12);
	return b;
}

static void add_u16(struct buf *b, unsigned v)
{
	buf_add(b, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static void send_single(struct interleaved *x, unsigned i, unsigned don)
{
	struct buf *b = packet(x, x->nals[i].frame);

	buf_add(b, x->nals[i].data, 2);
	add_u16(b, don + i);
	buf_add(b, x->nals[i].data + 2, x->nals[i].len - 2);
}

static void send_aggregate(struct interleaved *x, const struct group *g, unsigned don)
{
	struct buf *b = packet(x, x->nals[g->first].frame);

	buf_add(b, (uint8_t[]){48 << 1, 1}, 2);
	for (unsigned i = g->first; i < g->first + g->count; i++) {
		if (i == g->first)
			add_u16(b, don + i);
		else
			buf_add(b, "\0", 1);
		add_u16(b, (unsigned)x->nals[i].len);
		buf_add(b, x->nals[i].data, x->nals[i].len);
	}
}

static void send_parts(struct interleaved *x, unsigned i, unsigned don)
{
	const struct nal_ref *n = &x->nals[i];

	for (size_t at = 2; at < n->len; at += PART_BYTES) {
		struct buf *b = packet(x, n->frame);
		size_t len = n->len - at < PART_BYTES ? n->len - at : PART_BYTES;
		bool first = at == 2, last = at + len == n->len;
		buf_add(b, (uint8_t[]){(uint8_t)((n->data[0] & 0x81) | 49 << 1), n->data[1],
				       (uint8_t)((first ? 0x80 : 0) | (last ? 0x40 : 0) | (n->data[0] >> 1 & 0x3f))}, 3);
		if (first)
			add_u16(b, don + i);
		buf_add(b, n->data + at, len);
	}
}

/* The marker is on what is sent last of a frame. */
static void mark_last(struct interleaved *x)
{
	bool seen[64] = {false};

	for (unsigned i = x->packet_count; i-- > 0;) {
		x->packets[i].bytes.data[1] |= seen[x->packets[i].frame] ? 0 : 0x80;
		seen[x->packets[i].frame] = true;
	}
}

static void interleave(struct interleaved *x, unsigned depth, unsigned first_don)
{
	struct rtp_fixture_conf c = {"libx265", 192, 144, 40, 20, 2, 1, 900, 15, NULL};

	*x = (struct interleaved){0};
	rtp_fixture_make(&x->f, &c);
	split(x);
	group(x);
	shuffle(x, depth);
	for (unsigned i = 0; i < x->group_count; i++) {
		const struct group *g = &x->groups[x->order[i]];
		if (g->count > 1)
			send_aggregate(x, g, first_don);
		else if (x->nals[g->first].len > PART_BYTES + 2)
			send_parts(x, g->first, first_don);
		else
			send_single(x, g->first, first_don);
	}
	mark_last(x);
}

static void interleaved_finish(struct interleaved *x)
{
	for (unsigned i = 0; i < x->packet_count; i++)
		buf_finish(&x->packets[i].bytes);
	for (unsigned i = 0; i < 64; i++)
		buf_finish(&x->frames[i]);
	rtp_fixture_finish(&x->f);
	free(x);
}

static struct depay *open_ordered(unsigned max_diff, unsigned nalus, struct seen *s)
{
	struct track t = {.codec = TRACK_H265, .payload_type = 96, .clock_rate = 90000, .max_don_diff = (uint16_t)max_diff,
			  .depack_nalus = (uint16_t)nalus};
	struct depay *d;
	struct err e = {0};

	assert_int_equal(depay_create(&t, on_frame, s, &d, &e), 0);
	return d;
}

static void feed_packet(struct depay *d, struct interleaved *x, unsigned i)
{
	struct buf *b = &x->packets[i].bytes;

	put_u16be(b->data + 2, (uint16_t)(65000 + i));
	put_u32be(b->data + 4, x->packets[i].frame * 6000);
	put_u32be(b->data + 8, SSRC);
	assert_int_equal(depay_feed(d, b->data, b->len, false, (struct mono){x->packets[i].frame * INT64_C(66667)}), 0);
}

static void reorders(unsigned depth, unsigned first_don, bool counted)
{
	struct interleaved *x = xcalloc(1, sizeof *x);
	interleave(x, depth, first_don);
	struct seen s = {.compare = &x->f};
	struct depay *d = open_ordered(x->max_diff, counted ? x->nalus : 0, &s);

	assert_true(x->max_diff >= depth - 1);
	for (unsigned i = 0; i < x->packet_count; i++)
		feed_packet(d, x, i);
	depay_flush(d);
	assert_int_equal(s.frames, 40);
	assert_int_equal(s.keys, 2);
	assert_int_equal(s.damaged, 0);
	assert_int_equal(s.last_ticks - s.first_ticks, 39 * 6000);
	assert_int_equal(depay_lost_packets(d), 0);
	depay_destroy(d);
	interleaved_finish(x);
}

static void test_interleaved(void **state)
{
	(void)state;
	reorders(2, 0, false);
	reorders(3, 0, true);
	reorders(7, 65500, true); /* the numbers wrap */
	reorders(30, 40000, false);
}

/* Whatever packet is missing, the rest comes, in order, and the frame that lacks it is told as damaged. */
static void test_interleaved_loss(void **state)
{
	(void)state;
	struct interleaved *x = xcalloc(1, sizeof *x);
	interleave(x, 3, 0);
	for (unsigned lost = 3; lost < 40; lost += 3) {
		struct seen s = {0};
		struct depay *d = open_ordered(x->max_diff, x->nalus, &s);
		for (unsigned i = 0; i < x->packet_count; i++)
			if (i != lost)
				feed_packet(d, x, i);
		depay_flush(d);
		assert_in_range(s.frames, 38, 40);
		assert_in_range(s.damaged, 1, 14);
		assert_int_equal(depay_lost_packets(d), 1);
		depay_destroy(d);
	}
	interleaved_finish(x);
}

/* A stream that promises nothing is held for a second at most. */
static void test_interleaved_is_never_held_for_long(void **state)
{
	(void)state;
	struct interleaved *x = xcalloc(1, sizeof *x);
	interleave(x, 2, 0);
	struct seen s = {.compare = &x->f};
	struct depay *d = open_ordered(32767, 32767, &s);
	for (unsigned i = 0; i < x->packet_count; i++)
		feed_packet(d, x, i);
	assert_in_range(s.frames, 40 - 18, 40);
	depay_flush(d);
	assert_int_equal(s.frames, 40);
	depay_destroy(d);
	interleaved_finish(x);
}

/* The camera counts anew, in mid-stream: one place of doubt, and on it goes. */
static void test_interleaved_numbers_that_begin_again(void **state)
{
	(void)state;
	struct interleaved *x = xcalloc(1, sizeof *x), *y = xcalloc(1, sizeof *y);
	interleave(x, 3, 20000);
	interleave(y, 3, 0);
	struct seen s = {0};
	struct depay *d = open_ordered(x->max_diff, x->nalus, &s);
	for (unsigned i = 0; i < x->packet_count; i++)
		feed_packet(d, i < x->packet_count / 2 ? x : y, i);
	depay_flush(d);
	assert_in_range(s.frames, 38, 40);
	assert_in_range(s.damaged, 0, 8);
	depay_destroy(d);
	interleaved_finish(x);
	interleaved_finish(y);
}

/* Bytes that were changed at random, cut and repeated: no more is kept than is allowed, and nothing breaks. */
static void test_interleaved_hostile(void **state)
{
	(void)state;
	struct interleaved *x = xcalloc(1, sizeof *x);
	uint64_t seed = 1;
	interleave(x, 3, 0);
	for (unsigned round = 0; round < 30; round++) {
		struct seen s = {0};
		struct depay *d = open_ordered(x->max_diff, x->nalus, &s);
		for (unsigned i = 0; i < x->packet_count; i++) {
			uint8_t copy[2048];
			struct buf *b = &x->packets[i].bytes;
			put_u16be(b->data + 2, (uint16_t)i);
			put_u32be(b->data + 4, x->packets[i].frame * 6000);
			put_u32be(b->data + 8, SSRC);
			size_t len = b->len;
			memcpy(copy, b->data, len);
			for (int k = 0; k < 2; k++) {
				seed = seed * UINT64_C(6364136223846793005) + 1;
				size_t at = 12 + (size_t)(seed >> 33) % 10;
				if (at < len)
					copy[at] ^= (uint8_t)(seed >> 20);
			}
			if (seed >> 60 == 0)
				len = 12 + (size_t)(seed >> 40) % (len - 12);
			depay_feed(d, copy, len, false, (struct mono){(int64_t)i * 10000});
		}
		depay_flush(d);
		depay_destroy(d);
	}
	interleaved_finish(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet_header),
		cmocka_unit_test(test_sender_report),
		cmocka_unit_test(test_h264),
		cmocka_unit_test(test_h264_slices),
		cmocka_unit_test(test_h265),
		cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_interleaved_loss),
		cmocka_unit_test(test_interleaved_is_never_held_for_long),
		cmocka_unit_test(test_interleaved_numbers_that_begin_again),
		cmocka_unit_test(test_interleaved_hostile),
		cmocka_unit_test(test_stuck_timestamps_and_no_markers),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_new_source_and_foreign_packets),
		cmocka_unit_test(test_sets_from_sdp_and_change),
		cmocka_unit_test(test_hostile_packets),
		cmocka_unit_test(test_bad_description),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
