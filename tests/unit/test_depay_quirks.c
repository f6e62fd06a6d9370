/* Packets as odd cameras send them: numbers that mean nothing, packets that carry nothing, several units in one. */
#include "depay_fixture.h"
#include "recorder/nal.h"
#include "recorder/rtp_payload.h"

#include <errno.h>

static const struct rtp_fixture_conf h265 = {"libx265", 320, 240, 60, 20, 0, 1, 600, 15};

static const struct codec {
	const struct rtp_fixture_conf *conf;
	enum track_codec codec;
} codecs[] = {{&h264, TRACK_H264}, {&h265, TRACK_H265}};
#define CODECS (sizeof codecs / sizeof codecs[0])

static struct bed {
	struct rtp_fixture f;
	struct seen seen;
	struct depay *d;
	enum track_codec codec;
	uint16_t seq;
} b;

static void open_bed(const struct codec *c, bool reliable)
{
	const struct track t = {.codec = c->codec, .payload_type = 96, .clock_rate = 90000, .reliable = reliable};

	b = (struct bed){.codec = c->codec, .seq = 65000};
	rtp_fixture_make(&b.f, c->conf);
	b.seen.compare = &b.f;
	b.d = open_track(&t, &b.seen);
}

static void close_bed(unsigned frames, unsigned damaged, unsigned restarted)
{
	depay_flush(b.d);
	assert_int_equal(b.seen.frames, frames);
	assert_int_equal(b.seen.damaged, damaged);
	assert_int_equal(b.seen.restarted, restarted);
	depay_destroy(b.d);
	rtp_fixture_finish(&b.f);
}

static bool is_key_frame(unsigned n)
{
	return b.f.frames[n]->flags & AV_PKT_FLAG_KEY;
}

static bool begins_frame(unsigned i)
{
	return i == 0 || b.f.packets[i].frame != b.f.packets[i - 1].frame;
}

static int64_t arrival_us(unsigned frame)
{
	return frame * INT64_C(66667);
}

/* --- over TCP, numbers and names are hints ---------------------------------------- */

static uint16_t restarts(unsigned i) { return begins_frame(i) && is_key_frame(b.f.packets[i].frame) ? (uint16_t)(b.seq * 31 + 7) : (uint16_t)(b.seq + 1); }
static uint16_t stands_still(unsigned i) { (void)i; return 7; }
static uint16_t goes_back(unsigned i) { (void)i; return (uint16_t)(b.seq - 1); }
static uint16_t jumps_each_packet(unsigned i) { (void)i; return (uint16_t)(b.seq + 17); }
static uint16_t jumps_between_frames(unsigned i) { return (uint16_t)(b.seq + (begins_frame(i) ? 100 : 1)); }
static uint16_t goes_on(unsigned i) { (void)i; return (uint16_t)(b.seq + 1); }

static void any_number_and_any_name_is_taken_over_tcp(void **state)
{
	static uint16_t (*const manners[])(unsigned i) = {restarts, stands_still, goes_back, jumps_each_packet, jumps_between_frames, goes_on};

	(void)state;
	for (unsigned n = 0; n < CODECS * (sizeof manners / sizeof manners[0]); n++) {
		uint32_t ssrc = SSRC;
		open_bed(&codecs[n % CODECS], true);
		for (unsigned i = 0; i < b.f.packet_count; i++) {
			b.seq = manners[n / CODECS](i);
			ssrc += begins_frame(i) && is_key_frame(b.f.packets[i].frame);
			feed_at(b.d, &b.f, i, b.seq, 6000 * b.f.packets[i].frame, ssrc, arrival_us(b.f.packets[i].frame));
		}
		assert_int_equal(depay_lost_packets(b.d), 0);
		close_bed(60, 0, 0);
	}
}

static void another_name_that_goes_on_is_taken_over_udp(void **state)
{
	(void)state;
	open_bed(&codecs[0], false);
	for (unsigned i = 0; i < b.f.packet_count; i++) {
		unsigned frame = b.f.packets[i].frame;
		feed_at(b.d, &b.f, i, (uint16_t)i, 6000 * frame, SSRC + frame / 20, arrival_us(frame));
	}
	assert_int_equal(depay_lost_packets(b.d), 0);
	close_bed(60, 0, 0);
}

/* Its time is the timeline's matter: it is told that it begins anew, and gets each frame. */
static void another_name_with_another_time_is_a_restart(void **state)
{
	(void)state;
	for (int reliable = 0; reliable < 2; reliable++) {
		open_bed(&codecs[0], reliable);
		for (unsigned i = 0; i < b.f.packet_count; i++) {
			unsigned frame = b.f.packets[i].frame;
			feed_at(b.d, &b.f, i, (uint16_t)i, 6000 * frame + frame / 20 * 3000000000u, SSRC + frame / 20,
				arrival_us(frame));
		}
		close_bed(60, 0, 2);
	}
}

static void a_double_is_left_out_over_tcp(void **state)
{
	(void)state;
	open_bed(&codecs[0], true);
	for (unsigned i = 0; i < b.f.packet_count; i++)
		for (unsigned n = 0; n < 2; n++)
			feed_at(b.d, &b.f, i, (uint16_t)i, 6000 * b.f.packets[i].frame, SSRC, arrival_us(b.f.packets[i].frame));
	close_bed(60, 0, 0);
}

/* A camera that cannot get rid of its packets lets some fall before they reach the connection. */
static void a_camera_s_own_loss_is_noticed_over_tcp(void **state)
{
	unsigned count;

	(void)state;
	open_bed(&codecs[0], true);
	count = b.f.packet_count;
	close_bed(0, 0, 0);
	for (unsigned lost = 80; lost + 1 < count; lost += 3) {
		open_bed(&codecs[0], true);
		b.seen.compare = NULL;
		for (unsigned i = 0; i < count; i++)
			if (i != lost)
				feed_at(b.d, &b.f, i, (uint16_t)i, 6000 * b.f.packets[i].frame, SSRC, arrival_us(b.f.packets[i].frame));
		depay_flush(b.d);
		if (b.seen.damaged == 0) /* a frame that went whole, before a key frame */
			assert_int_equal(b.seen.frames, 59);
		assert_in_range(b.seen.damaged, 0, 2);
		assert_in_range(depay_lost_packets(b.d), 0, 1); /* a lost parameter set is seen by what lacks it */
		depay_destroy(b.d);
		rtp_fixture_finish(&b.f);
	}
}

/* --- packets that carry nothing are not lost --------------------------------------- */

static void feed_raw(const void *payload, size_t len, uint8_t type, unsigned frame, bool padded)
{
	uint8_t p[64] = {(uint8_t)(padded ? 0xa0 : 0x80), type};

	put_u16be(p + 2, b.seq++);
	put_u32be(p + 4, 6000 * frame);
	put_u32be(p + 8, SSRC);
	memcpy(p + 12, payload, len);
	assert_int_equal(depay_feed(b.d, p, 12 + len, false, (struct mono){arrival_us(frame)}), 0);
}

#define FEED(...) feed_raw((uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), 96, frame, false)

static void feed_nothing(unsigned frame, const uint8_t *payload)
{
	bool part = b.codec == TRACK_H264 ? (payload[0] & 0x1f) == 28 : (payload[0] >> 1 & 0x3f) == 49;

	feed_raw("", 0, 96, frame, false);
	feed_raw("\0\0\0\4", 4, 96, frame, true);
	feed_raw("\x65\x88\x80\x40", 4, 107, frame, false);
	if (b.codec == TRACK_H264) {
		FEED(24);
		FEED(24, 0, 0, 0, 0);
		FEED(0x7e, 1, 2, 3);
		FEED(0x7f, 1, 2, 3);
		FEED(0, 9, 9, 9);
		FEED(28);
		if (part)
			FEED(payload[0], payload[1] & 0x1f);
	} else {
		FEED(96, 1);
		FEED(96, 1, 0, 0, 0, 0);
		FEED(51 << 1, 1, 2, 3);
		FEED(63 << 1, 1, 2, 3);
		FEED(49 << 1, 1);
		if (part)
			FEED(payload[0], payload[1], payload[2] & 0x3f);
	}
}

static void nothing_is_not_lost(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 2 * CODECS; n++) {
		open_bed(&codecs[n % CODECS], n / CODECS);
		for (unsigned i = 0; i < b.f.packet_count; i++) {
			unsigned frame = b.f.packets[i].frame;
			feed_nothing(frame, b.f.packets[i].data + 12);
			feed_at(b.d, &b.f, i, b.seq++, 6000 * frame, SSRC, arrival_us(frame));
		}
		assert_int_equal(depay_lost_packets(b.d), 0);
		close_bed(60, 0, 0);
	}
}

/* The first fragment of each unit comes without what it should hold: that comes in a fragment of its own. */
static void an_empty_first_fragment_begins_its_unit(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 2 * CODECS; n++) {
		open_bed(&codecs[n % CODECS], n / CODECS);
		for (unsigned i = 0; i < b.f.packet_count; i++) {
			unsigned frame = b.f.packets[i].frame;
			const struct rtp_packet p = {.payload = b.f.packets[i].data + 12, .payload_len = b.f.packets[i].len - 12};
			struct rtp_payload l = rtp_payload_look(b.codec, false, &p);
			if (l.first) {
				feed_raw(p.payload, l.flags_at + 1u, 96, frame, false);
				b.f.packets[i].data[12 + l.flags_at] &= 0x7f;
			}
			feed_at(b.d, &b.f, i, b.seq++, 6000 * frame, SSRC, arrival_us(frame));
		}
		close_bed(60, 0, 0);
	}
}

/* Of a reserved type, in the middle of another unit: left out, and the other one stays whole. */
static void a_reserved_unit_parts_no_other(void **state)
{
	(void)state;
	for (unsigned n = 0; n < CODECS; n++) {
		bool open = false;
		open_bed(&codecs[n], true);
		for (unsigned i = 0; i < b.f.packet_count; i++) {
			unsigned frame = b.f.packets[i].frame;
			const struct rtp_packet p = {.payload = b.f.packets[i].data + 12, .payload_len = b.f.packets[i].len - 12};
			struct rtp_payload l = rtp_payload_look(b.codec, false, &p);
			if (open && b.codec == TRACK_H264)
				FEED(0x76, 1, 2, 3);
			else if (open)
				FEED(45 << 1, 1, 2, 3);
			open = l.fragment && !l.last;
			feed_at(b.d, &b.f, i, b.seq++, 6000 * frame, SSRC, arrival_us(frame));
		}
		close_bed(60, 0, 0);
	}
}

/* --- timestamps within a frame ------------------------------------------------------ */

/* Each packet is stamped when it is sent. */
static void packets_of_one_frame_differ_in_time(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 2 * CODECS; n++) {
		uint32_t ts = 0;
		open_bed(&codecs[n % CODECS], n / CODECS);
		for (unsigned i = 0; i < b.f.packet_count; i++) {
			unsigned frame = b.f.packets[i].frame;
			ts = begins_frame(i) ? 6000 * frame : ts + 3;
			feed_at(b.d, &b.f, i, b.seq++, ts, SSRC, arrival_us(frame));
		}
		assert_int_equal(depay_lost_packets(b.d), 0);
		close_bed(60, 0, 0);
	}
}

/* --- several units in what the packets call one --------------------------------------- */

struct manner {
	const char *code;  /* between the units */
	size_t code_len;
	bool leads;        /* and before the first one */
	size_t part;       /* bytes of a fragment */
};

static void send_part(const struct manner *m, const struct buf *unit, size_t at, unsigned frame)
{
	size_t head = b.codec == TRACK_H264 ? 1 : 2, len = unit->len - at < m->part ? unit->len - at : m->part;
	uint8_t p[2000] = {0x80, 96};
	bool first = at == head, last = at + len == unit->len;
	uint8_t flags = (uint8_t)((first ? 0x80 : 0) | (last ? 0x40 : 0));

	put_u16be(p + 2, b.seq++);
	put_u32be(p + 4, 6000 * frame);
	put_u32be(p + 8, SSRC);
	p[1] |= last ? 0x80 : 0;
	if (b.codec == TRACK_H264) {
		p[12] = (unit->data[0] & 0xe0) | 28;
		p[13] = flags | (unit->data[0] & 0x1f);
	} else {
		p[12] = (uint8_t)((unit->data[0] & 0x81) | 49 << 1);
		p[13] = unit->data[1];
		p[14] = (uint8_t)(flags | (unit->data[0] >> 1 & 0x3f));
	}
	memcpy(p + 13 + head, unit->data + at, len);
	assert_int_equal(depay_feed(b.d, p, 13 + head + len, false, (struct mono){arrival_us(frame)}), 0);
}

/* The frame with all its units as one. */
static void send_as_one(const struct manner *m, unsigned frame)
{
	struct buf whole = {0}, unit = {0};

	normalise(b.f.frames[frame]->data, (size_t)b.f.frames[frame]->size, &whole);
	for (size_t at = 0; at < whole.len;) {
		size_t next = nal_find_start(whole.data, whole.len, at + 4);
		if (at > 0 || m->leads)
			buf_add(&unit, m->code, m->code_len);
		buf_add(&unit, whole.data + at + 4, next - at - 4);
		at = next;
	}
	for (size_t at = b.codec == TRACK_H264 ? 1 : 2; at < unit.len; at += m->part)
		send_part(m, &unit, at, frame);
	buf_finish(&unit);
	buf_finish(&whole);
}

static void start_codes_part_a_unit(void **state)
{
	static const struct manner manners[] = {
		{"\0\0\0\1", 4, false, 1400}, {"\0\0\1", 3, false, 1400}, {"\0\0\0\1", 4, true, 1400},
		{"\0\0\0\1", 4, false, 1}, {"\0\0\1", 3, false, 1}, {"\0\0\0\1", 4, true, 2}, {"\0\0\1", 3, false, 7},
	};

	(void)state;
	for (unsigned n = 0; n < CODECS * (sizeof manners / sizeof manners[0]); n++) {
		if (manners[n / CODECS].leads && codecs[n % CODECS].codec == TRACK_H265)
			continue; /* in fragments, libavformat takes its header for a broken one */
		open_bed(&codecs[n % CODECS], true);
		for (unsigned i = 0; i < 60; i++)
			send_as_one(&manners[n / CODECS], i);
		const uint8_t *sets;
		unsigned epoch;
		assert_true(depay_parameter_sets(b.d, &sets, &epoch) > 10);
		close_bed(60, 0, 0);
	}
}

/* Hundreds of units before the slices: the frame is still what it is, and brings its sets. */
static void a_crowd_of_units_hides_no_key_frame(void **state)
{
	static const uint8_t sei[][9] = {{0x06, 5, 4, 1, 2, 3, 4, 0x80}, {39 << 1, 1, 5, 4, 1, 2, 3, 4, 0x80}};

	(void)state;
	for (unsigned n = 0; n < CODECS; n++) {
		const uint8_t *sets;
		unsigned epoch;
		open_bed(&codecs[n], true);
		b.seen.compare = NULL;
		for (unsigned i = 0; i < b.f.packet_count; i++) {
			unsigned frame = b.f.packets[i].frame;
			for (unsigned k = 0; begins_frame(i) && k < 600; k++)
				feed_raw(sei[n], n ? 9 : 8, 96, frame, false);
			feed_at(b.d, &b.f, i, b.seq++, 6000 * frame, SSRC, arrival_us(frame));
		}
		depay_flush(b.d);
		assert_int_equal(b.seen.keys, 3);
		assert_true(depay_parameter_sets(b.d, &sets, &epoch) > 10);
		close_bed(60, 0, 0);
	}
}

/* Work on it is bounded; and it is no picture that could be counted as recorded. */
static void start_codes_without_end_are_damage(void **state)
{
	static uint8_t p[65000];

	(void)state;
	open_bed(&codecs[0], true);
	for (unsigned way = 0; way < 2; way++) {
		for (size_t i = 0; i < sizeof p; i++)
			p[i] = way ? i % 3 == 2 : i % 4 == 3;
		memcpy(p, "\x80\x60\0\0\0\0\0\0\0\0\0\1\x65\x88\x80\x40", 16);
		for (unsigned frame = 0; frame < 60; frame++) {
			put_u16be(p + 2, b.seq++);
			put_u32be(p + 4, 6000 * (60 * way + frame));
			assert_int_equal(depay_feed(b.d, p, sizeof p, false, (struct mono){arrival_us(frame)}), 0);
		}
	}
	depay_flush(b.d);
	assert_int_equal(b.seen.damaged, b.seen.frames);
	depay_destroy(b.d);
	rtp_fixture_finish(&b.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_and_any_name_is_taken_over_tcp),
		cmocka_unit_test(another_name_that_goes_on_is_taken_over_udp),
		cmocka_unit_test(another_name_with_another_time_is_a_restart),
		cmocka_unit_test(a_double_is_left_out_over_tcp),
		cmocka_unit_test(a_camera_s_own_loss_is_noticed_over_tcp),
		cmocka_unit_test(nothing_is_not_lost),
		cmocka_unit_test(an_empty_first_fragment_begins_its_unit),
		cmocka_unit_test(a_reserved_unit_parts_no_other),
		cmocka_unit_test(start_codes_part_a_unit),
		cmocka_unit_test(packets_of_one_frame_differ_in_time),
		cmocka_unit_test(a_crowd_of_units_hides_no_key_frame),
		cmocka_unit_test(start_codes_without_end_are_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
