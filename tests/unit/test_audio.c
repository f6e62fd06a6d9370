/* The sound beside the pictures: where it is put, over hours; what is done with what is late, lost or
 * broken; and that nothing of it reaches the video. Time is simulated. */
#include "media/segment.h"
#include "recorder/audio.h"
#include "segment_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define T0 (INT64_C(1795017600) * US_PER_S)
#define RATE 8000u
#define PACKET 160u /* samples: 20 ms */
#define PACKET_US 20000
#define FRAGMENT_US (2 * US_PER_S)

/* A camera that says in each packet when it was recorded; a room, and what the files say of it. */
struct bed {
	struct audio *audio;
	struct buf init;
	struct moov_info moov;
	struct wall segment, fragment;
	unsigned packets;                     /* sent */
	unsigned frames, samples_missing, segments;
	int64_t worst_us;                     /* of what was found in the files, from when it was heard */
	uint64_t next_ticks;                  /* where the sound before ended, in this file */
	int64_t last_number;
	unsigned holes, overlaps;
};

static struct bed b;

static void begin_segment(int64_t at_us)
{
	buf_clear(&b.init);
	fixture_init(&b.init);
	audio_begin_segment(b.audio, (struct wall){at_us}, &b.init);
	size_t ftyp = get_u32be(b.init.data);
	assert_int_equal(moov_parse(b.init.data + ftyp, b.init.len - ftyp, &b.moov), 0);
	assert_int_equal(b.moov.audio.timescale, RATE);
	if (b.segments++ && b.next_ticks) /* the same instant, as the new file counts */
		b.next_ticks -= (uint64_t)((at_us - b.segment.us) * RATE / US_PER_S);
	b.segment = b.fragment = (struct wall){at_us};
}

static void begin(void)
{
	struct track t = {.codec = TRACK_PCMA, .payload_type = 8, .clock_rate = RATE};
	struct err e;

	b = (struct bed){.last_number = -1};
	assert_int_equal(audio_create(&t, &b.audio, &e), 0);
}

static void finish(void)
{
	audio_destroy(b.audio);
	buf_finish(&b.init);
}

/* heard_us: when its first sample was recorded, by the wall. It arrives delay_us after its last one. */
static void send(int64_t heard_us, int64_t delay_us)
{
	uint8_t p[12 + PACKET] = {0x80, 8};

	put_u16be(p + 2, (uint16_t)b.packets);
	put_u32be(p + 4, b.packets * PACKET + 0xfffff000);
	put_u64be(p + 12, (uint64_t)heard_us);
	put_u32be(p + 20, b.packets++);
	audio_packet(b.audio, p, sizeof p, (struct mono){heard_us - T0 + PACKET_US + delay_us}, T0);
}

static void look_at(const uint8_t *fragment, const struct moof *m, size_t moof_at)
{
	const struct moof_traf *a = &m->audio;
	const uint8_t *data = fragment + moof_at + a->data_offset;
	const uint8_t *trun = fragment + moof_at + a->data_offset - m->video.data_bytes - 8 - (size_t)a->samples * 8;
	uint64_t at = a->decode_time;

	b.holes += b.next_ticks && at > b.next_ticks;
	b.overlaps += at < b.next_ticks;
	for (unsigned i = 0; i < a->samples; i++, data += PACKET, trun += 8) {
		int64_t heard_us = (int64_t)get_u64be(data);
		int64_t found_us = b.segment.us - SEGMENT_AUDIO_AHEAD_US + (int64_t)at * US_PER_S / RATE;
		assert_int_equal(get_u32be(trun + 4), PACKET);
		assert_true(get_u32be(data + 8) > b.last_number);
		b.last_number = get_u32be(data + 8);
		b.worst_us = llabs(found_us - heard_us) > b.worst_us ? llabs(found_us - heard_us) : b.worst_us;
		at += get_u32be(trun);
		b.frames++;
	}
	b.next_ticks = at;
}

/* The video's fragment up to here, with the sound that there is. */
static unsigned end_fragment(int64_t end_us)
{
	struct buf bytes = {0}, before = {0};
	struct moof m;

	fixture_fragment(&bytes, &(struct fixture_fragment){
		.start = b.fragment, .tfdt = (uint64_t)(b.fragment.us - b.segment.us), .sequence = 1, .frames = 2,
		.frame_us = (uint32_t)((end_us - b.fragment.us) / 2), .fill = 3});
	buf_add(&before, bytes.data, bytes.len);
	audio_add_to_fragment(b.audio, b.fragment, (struct wall){end_us}, &bytes);
	size_t prft = get_u32be(bytes.data), moof = get_u32be(bytes.data + prft);
	assert_int_equal(moof_parse(bytes.data + prft, moof, &m), 0);
	assert_int_equal(m.video.samples, 2);
	assert_int_equal(m.video.data_offset, moof + 8);
	assert_memory_equal(bytes.data + prft + m.video.data_offset, before.data + before.len - m.video.data_bytes,
			    m.video.data_bytes);
	assert_int_equal(get_u32be(bytes.data + prft + moof), bytes.len - prft - moof);
	if (m.audio.samples)
		look_at(bytes.data, &m, prft);
	else
		assert_memory_equal(bytes.data, before.data, before.len); /* as if there were no sound at all */
	b.fragment.us = end_us;
	buf_finish(&bytes);
	buf_finish(&before);
	return m.audio.samples;
}

/* Packets of so many seconds from `from_us` on, fragments of 2 s, segments of 60 s. ppm: how much faster the
 * camera's clock runs than ours. every: each so many packets is lost; 0: none. */
static void live(int64_t from_us, int64_t seconds, int64_t ppm, int jitter_us, unsigned every)
{
	int64_t next_cut = from_us + FRAGMENT_US;

	begin_segment(from_us);
	for (int64_t n = 0; n * PACKET_US < seconds * US_PER_S; n++) {
		int64_t heard = from_us + n * PACKET_US - n * PACKET_US / 1000000 * ppm -
				n * PACKET_US % 1000000 * ppm / 1000000;
		int delay = jitter_us ? (int)(random() % jitter_us) : 0;
		while (heard + PACKET_US + delay >= next_cut) {
			end_fragment(next_cut);
			if ((next_cut - from_us) % (60 * US_PER_S) == 0)
				begin_segment(next_cut);
			next_cut += FRAGMENT_US;
		}
		if (every && n % every == every - 1)
			b.packets++;
		else
			send(heard, delay);
	}
}

static void stays_with_the_picture_for_hours(void **state)
{
	static const int64_t ppm[] = {200, -200};

	(void)state;
	for (unsigned i = 0; i < sizeof ppm / sizeof *ppm; i++) {
		srandom(3);
		begin();
		live(T0, 2 * 3600, ppm[i], 30000, 0);
		print_message("%+lld ppm: worst %lld us\n", (long long)ppm[i], (long long)b.worst_us);
		assert_true(b.worst_us <= 40 * US_PER_MS);
		assert_int_equal(b.holes + b.overlaps, 0); /* sample after sample, over all files */
		assert_true(b.frames >= b.packets - 110);  /* those that still wait */
		finish();
	}
}

static void losses_are_holes_of_their_length(void **state)
{
	(void)state;
	begin();
	live(T0, 600, 0, 0, 25); /* one in 25: 20 ms each */
	assert_true(b.worst_us <= 40 * US_PER_MS);
	assert_true(b.frames >= b.packets - b.packets / 25 - 110);
	assert_int_equal(b.overlaps, 0);
	finish();
}

static void silence_and_late_sound_leave_fragments_as_they_were(void **state)
{
	(void)state;
	begin();
	begin_segment(T0);
	assert_int_equal(end_fragment(T0 + 2 * US_PER_S), 0); /* nothing has come */
	for (int n = 0; n < 50; n++)
		send(T0 + 2 * US_PER_S + n * PACKET_US, 0);
	assert_int_equal(end_fragment(T0 + 4 * US_PER_S), 50);
	assert_int_equal(end_fragment(T0 + 6 * US_PER_S), 0); /* it went silent */
	b.packets += 150;
	for (int n = 0; n < 100; n++) /* what was held up by 500 ms, all at once */
		send(T0 + 6 * US_PER_S + n * PACKET_US, n < 90 ? 2500000 - n * PACKET_US : 500000);
	assert_true(end_fragment(T0 + 8 * US_PER_S) <= 100);
	assert_int_equal(b.overlaps, 0);
	finish();
}

static void what_comes_late_for_a_segment_stands_in_the_next(void **state)
{
	(void)state;
	begin();
	begin_segment(T0);
	for (int n = 0; n < 95; n++)
		send(T0 + n * PACKET_US, 0);
	assert_int_equal(end_fragment(T0 + 2 * US_PER_S), 95);
	begin_segment(T0 + 2 * US_PER_S);
	for (int n = 95; n < 150; n++) /* 100 ms of the segment before */
		send(T0 + n * PACKET_US, 0);
	assert_int_equal(end_fragment(T0 + 4 * US_PER_S), 55);
	assert_int_equal(b.holes + b.overlaps, 0);
	assert_int_equal(b.worst_us, 0);
	finish();
}

static void a_time_that_was_not_recorded_has_no_sound(void **state)
{
	(void)state;
	begin();
	begin_segment(T0);
	for (int n = 0; n < 500; n++)
		send(T0 + n * PACKET_US, 0);
	assert_int_equal(end_fragment(T0 + 2 * US_PER_S), 100);
	b.next_ticks = 0;
	begin_segment(T0 + 9 * US_PER_S);
	assert_int_equal(end_fragment(T0 + 11 * US_PER_S), 50);
	assert_int_equal(b.worst_us, 0);
	finish();
}

/* With nobody who fetches it, memory stays what it is, and what is left is the newest. */
static void what_nobody_fetches_is_bounded(void **state)
{
	(void)state;
	begin();
	for (int n = 0; n < 100000; n++)
		send(T0 + (int64_t)n * PACKET_US, 0);
	begin_segment(T0 + 1996 * US_PER_S);
	assert_int_equal(end_fragment(T0 + 1998 * US_PER_S), 100);
	finish();
}

static void hostile_packets_harm_nothing(void **state)
{
	(void)state;
	srandom(11);
	begin();
	begin_segment(T0);
	for (int64_t n = 0; n < 20000; n++) {
		uint8_t p[2000];
		size_t len = (size_t)random() % sizeof p;
		for (size_t i = 0; i < len; i++)
			p[i] = (uint8_t)random();
		if (len > 12) {
			p[0] = 0x80;
			p[1] = 8;
			put_u16be(p + 2, (uint16_t)n);
			p[8] = p[9] = p[10] = p[11] = n % 5000 < 2500;
		}
		audio_packet(b.audio, p, len, (struct mono){n * 7000}, T0);
		if (n % 300 == 299) {
			struct buf bytes = {0};
			struct wall end = {T0 + n * 7000};
			struct moof m;
			fixture_fragment(&bytes, &(struct fixture_fragment){.start = b.fragment, .frames = 1, .frame_us = 9});
			audio_add_to_fragment(b.audio, b.fragment, end, &bytes);
			size_t prft = get_u32be(bytes.data);
			assert_int_equal(moof_parse(bytes.data + prft, get_u32be(bytes.data + prft), &m), 0);
			b.fragment = end;
			buf_finish(&bytes);
		}
	}
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stays_with_the_picture_for_hours),
		cmocka_unit_test(losses_are_holes_of_their_length),
		cmocka_unit_test(silence_and_late_sound_leave_fragments_as_they_were),
		cmocka_unit_test(what_comes_late_for_a_segment_stands_in_the_next),
		cmocka_unit_test(a_time_that_was_not_recorded_has_no_sound),
		cmocka_unit_test(what_nobody_fetches_is_bounded),
		cmocka_unit_test(hostile_packets_harm_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
