/* What cameras and clocks do to the media: each test is named after what the recording survives. (Of the
 * conversation: test_rtsp_quirks.c.) */
#include "run_stage.h"

#include "recorder/sdp.h"

#define DAY_S INT64_C(86400)

/* How the camera stamps what it sends. */
static struct manner {
	unsigned fps, ticks_per_s;
	uint32_t ssrc;
	enum { MARKS_RIGHT, MARKS_NEVER, MARKS_ALWAYS, MARKS_WRONG } marks;
} cam;

static void begin_quirk(int gop)
{
	cam = (struct manner){.fps = 15, .ticks_per_s = 90000, .ssrc = 1};
	begin(gop, 300);
}

static void mark(uint8_t *packet, unsigned i)
{
	uint8_t right = packet[1] & 0x80;

	packet[1] &= 0x7f;
	switch (cam.marks) {
	case MARKS_RIGHT:  packet[1] |= right; break;
	case MARKS_NEVER:  break;
	case MARKS_ALWAYS: packet[1] |= 0x80; break;
	case MARKS_WRONG:  packet[1] |= (uint8_t)(i * 7 % 3 == 0 ? 0x80 : 0); break;
	}
}

static void pass(int64_t us)
{
	for (; us > 0 && w.run; us -= 40 * US_PER_MS) {
		clock_fake_advance(&w.clock, us < 40 * US_PER_MS ? us : 40 * US_PER_MS);
		run_tick(w.run);
	}
}

static void send_frame(unsigned n)
{
	for (unsigned i = 0; i < w.f.packet_count && w.run; i++) {
		uint8_t copy[1600];
		if (w.f.packets[i].frame != n % w.f.frame_count)
			continue;
		rtp_fixture_stamp(&w.f, i, w.seq++, w.ts, cam.ssrc);
		memcpy(copy, w.f.packets[i].data, w.f.packets[i].len);
		mark(copy, i);
		run_packet(w.run, copy, w.f.packets[i].len, false);
	}
	w.ts += cam.ticks_per_s / cam.fps;
	pass(US_PER_S / cam.fps);
}

static void send_frames(unsigned from, unsigned to)
{
	for (unsigned n = from; n < to && w.run; n++)
		send_frame(n);
}

/* One stretch from the first key frame to now, without a phantom gap, in segments that join. */
static void expect_no_gap(int64_t within_us)
{
	struct wall covered;

	assert_int_equal(w.ups, 1);
	assert_int_equal(w.downs + w.brokens, 0);
	end(&covered);
	for (unsigned i = 0; i < w.count; i++) {
		check_segment(&w.segments[i]);
		if (i > 0)
			assert_int_equal(w.segments[i - 1].end.us, w.segments[i].begin.start.us);
	}
	assert_true(llabs(covered.us - w.clock.wall.us) < within_us);
	assert_true(w.up.us - T0 < 200 * US_PER_MS);
	finish();
}

/* --- timestamps --------------------------------------------------------------------- */

static void jumped_by(int64_t seconds)
{
	begin_quirk(15);
	send_frames(0, 150);
	w.ts += (uint32_t)(seconds * 90000);
	send_frames(150, 300);
	assert_int_equal(w.count ? w.segments[0].frames : 0, 285); /* the last fragment is still gathered */
	expect_no_gap(200 * US_PER_MS);
}

static void timestamps_jump_forward(void **state)
{
	(void)state;
	jumped_by(1);
	jumped_by(7);
	jumped_by(3600);
	jumped_by(40000); /* beyond half of what 32 bits hold: it looks like a jump back */
}

static void timestamps_jump_backward(void **state)
{
	(void)state;
	jumped_by(-3);
	jumped_by(-3600);
}

static void timestamps_wrap(void **state)
{
	(void)state;
	begin_quirk(15);
	w.ts = UINT32_MAX - 20 * 6000;
	w.seq = 65530;
	send_frames(0, 150);
	assert_true(w.ts < 150 * 6000);
	expect_no_gap(100 * US_PER_MS);
}

/* The encoder begins anew, half a second later: another source, sequence and timestamps. */
static void timestamps_restart(void **state)
{
	(void)state;
	begin_quirk(15);
	send_frames(0, 150);
	pass(500 * US_PER_MS);
	w.ts = 0;
	w.seq = 0;
	cam.ssrc = 99;
	send_frames(0, 150);
	expect_no_gap(200 * US_PER_MS);
}

static void timestamps_at_a_false_rate(void **state)
{
	(void)state;
	begin_quirk(15);
	cam.ticks_per_s = 8000;
	send_frames(0, 450);
	assert_int_equal(w.downs, 0);
	expect_no_gap(10 * US_PER_S);
}

static void marker_bits_wrong(void **state)
{
	(void)state;
	for (int marks = MARKS_NEVER; marks <= MARKS_WRONG; marks++) {
		begin_quirk(15);
		cam.marks = (unsigned)marks;
		send_frames(0, 151);
		assert_int_equal(w.segments[0].frames, 135);
		expect_no_gap(200 * US_PER_MS);
	}
}

/* --- sources ---------------------------------------------------------------------------- */

static void foreign_ssrc(void **state)
{
	(void)state;
	begin_quirk(15);
	for (unsigned n = 0; n < 150; n++) {
		uint8_t foreign[200] = {0x80, 0xe0, 0, 9, 1, 2, 3, 4, 0xde, 0xad, 0xbe, 0xef, 0x65, 0x88};
		send_frame(n);
		for (int i = 0; i < 3; i++)
			run_packet(w.run, foreign, sizeof foreign, false);
	}
	expect_no_gap(100 * US_PER_MS);
}

/* After PLAY the last session's packets still come for a moment: nothing is claimed for them, and the new
 * stream is recorded from its next key frame. */
static void stale_rtp_from_an_earlier_session(void **state)
{
	(void)state;
	begin_quirk(15);
	cam.ssrc = 7;
	send_frames(51, 54); /* the middle of a GOP */
	assert_int_equal(w.ups, 0);
	int64_t fresh = w.clock.wall.us;
	cam.ssrc = 8;
	w.ts = 12345678;
	w.seq = 4711;
	send_frames(0, 60);
	assert_int_equal(w.ups, 1);
	assert_int_equal(w.downs + w.brokens, 0);
	assert_true(w.up.us >= fresh && w.up.us - fresh <= 1100 * US_PER_MS);
	end(NULL);
	check_segment(&w.segments[0]);
	finish();
}

/* --- frame rates --------------------------------------------------------------------------- */

static void sdp_frame_rate_that_lies(void **state)
{
	static const char text[] = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=framerate:1000\r\n"
				   "a=x-framerate: 0\r\na=framesize:96 1-1\r\na=control:x\r\n";
	struct sdp sdp;
	struct err e;

	(void)state;
	assert_int_equal(sdp_parse(text, sizeof text - 1, &sdp, &e), 0);
	assert_null(sdp.track.fmtp); /* nothing of it goes on */
	sdp_finish(&sdp);
	begin_quirk(15);
	cam.fps = 3; /* the SPS says 15 */
	send_frames(0, 60);
	expect_no_gap(400 * US_PER_MS);
}

static void twenty_five_fps_by_day_five_at_night(void **state)
{
	(void)state;
	begin_quirk(30);
	for (int day = 0; day < 2; day++) {
		cam.fps = 25;
		send_frames(0, 25 * 30);
		cam.fps = 5;
		send_frames(0, 5 * 60);
	}
	cam.fps = 1;
	send_frames(0, 30);
	expect_no_gap(1100 * US_PER_MS);
}

/* Before its rhythm is known, the first silence is not taken for it: the next one is told, too. */
static void silences_soon_after_the_start(void **state)
{
	(void)state;
	begin_quirk(15);
	for (int i = 0; i < 3; i++) {
		send_frames(0, 3);
		int64_t stopped = w.clock.wall.us;
		pass(8 * US_PER_S);
		w.ts += 8 * 90000;
		assert_int_equal(w.ups, i + 1);
		assert_int_equal(w.downs, i + 1);
		assert_true(llabs(w.down.us - stopped) < 500 * US_PER_MS);
	}
	end(NULL);
	finish();
}

/* One picture every 3 s is not a recording of every second: each is told as what it is. */
static void a_camera_slower_than_gap_after(void **state)
{
	int64_t covered = 0;

	(void)state;
	begin_quirk(1); /* key frames only */
	for (unsigned n = 0; n < 20; n++) {
		int64_t sent = w.clock.wall.us;
		send_frame(n);
		pass(3 * US_PER_S - US_PER_S / 15);
		w.ts += 3 * 90000 - 6000;
		assert_true(llabs(w.down.us - sent) < 500 * US_PER_MS);
	}
	assert_int_equal(w.cause, CAUSE_STREAM_STALLED);
	assert_in_range(w.ups, 18, 20);
	assert_in_range(w.downs, 18, 20);
	end(NULL);
	for (unsigned i = 0; i < w.count; i++) {
		covered += w.segments[i].end.us - w.segments[i].begin.start.us;
		check_segment(&w.segments[i]);
	}
	assert_true(covered <= 20 * 500 * US_PER_MS);
	finish();
}

/* With a gap_after that is longer than its pace, it is recorded without a gap. */
static void a_slow_camera_with_a_longer_gap_after(void **state)
{
	struct wall covered;

	(void)state;
	cam = (struct manner){.fps = 15, .ticks_per_s = 90000, .ssrc = 1};
	stage_gap_after_us = 5 * US_PER_S;
	begin(1, 300);
	stage_gap_after_us = STAGE_GAP_AFTER_US;
	for (unsigned n = 0; n < 20; n++) {
		send_frame(n);
		pass(3 * US_PER_S - US_PER_S / 15);
		w.ts += 3 * 90000 - 6000;
	}
	assert_int_equal(w.ups, 1);
	assert_int_equal(w.downs, 0);
	end(&covered);
	assert_true(w.clock.wall.us - covered.us <= 3 * US_PER_S);
	finish();
}

static int64_t newest_claim(void)
{
	struct wall until = {0};
	int64_t newest = w.run && run_covered_until(w.run, &until) ? until.us : 0;

	for (unsigned i = 0; i < w.count; i++)
		newest = w.segments[i].next_us > newest ? w.segments[i].next_us : newest;
	return newest;
}

static void send_tiny(void)
{
	uint8_t tiny[] = {0x80, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x41, 0x9a, 1, 2, 3};

	put_u16be(tiny + 2, w.seq++);
	put_u32be(tiny + 4, w.ts += 9);
	run_packet(w.run, tiny, sizeof tiny, false);
}

/* Thousands of pictures a second, and then none: no time is covered that has not come yet. */
static void a_flood_of_tiny_pictures(void **state)
{
	(void)state;
	begin_quirk(15);
	send_frame(0);
	for (unsigned n = 0; n < 40000 && w.run; n++) {
		send_tiny();
		if (n % 100 == 0)
			pass(12 * US_PER_MS);
		assert_true(newest_claim() <= w.clock.wall.us + 110 * US_PER_MS);
	}
	int64_t died = w.clock.wall.us;
	pass(20 * US_PER_S);
	assert_true(w.downs == 1 && llabs(w.down.us - died) <= 500 * US_PER_MS);
	end(NULL);
	assert_true(newest_claim() <= died + 500 * US_PER_MS);
	finish();
}

/* No time is left for them at all: told as what it is, and recorded no further. */
static void pictures_without_end_in_no_time(void **state)
{
	(void)state;
	begin_quirk(15);
	send_frame(0);
	for (unsigned n = 0; n < 10000 && w.run; n++) {
		send_tiny();
	}
	assert_int_equal(w.brokens, 1);
	assert_int_equal(w.cause, CAUSE_STREAM_UNUSABLE);
	assert_true(newest_claim() <= w.clock.wall.us + 110 * US_PER_MS);
	finish();
}

static void a_clock_that_is_8_h_off(void **state)
{
	uint8_t sr[28] = {0x80, 200, 0, 6};
	struct run_stats st;

	(void)state;
	begin_quirk(15);
	for (unsigned n = 0; n < 150; n++) {
		put_u32be(sr + 8, (uint32_t)(w.clock.wall.us / US_PER_S + 2208988800 - 8 * 3600));
		put_u32be(sr + 16, w.ts);
		run_packet(w.run, sr, sizeof sr, true);
		send_frame(n);
	}
	run_stats(w.run, &st);
	assert_true(st.camera_clock_known);
	assert_true(llabs(st.camera_clock_error_us + 8 * 3600 * US_PER_S) < 2 * US_PER_S);
	expect_no_gap(100 * US_PER_MS);
}

/* --- our own clock ---------------------------------------------------------------------------- */

/* The recorder makes another run when it has ended one. */
static void another_run(struct wall not_before)
{
	struct track t = {.codec = TRACK_H264, .payload_type = 96, .clock_rate = 90000};
	struct run_conf conf = {.site = "s", .camera = "c", .segment_us = 300 * US_PER_S,
				.gap_after_us = 2 * US_PER_S, .not_before = not_before};
	struct err e;

	assert_int_equal(run_create(&conf, &t, &w.clock.base, &w.outlet, &events, NULL, &w.run, &e), 0);
}

static void stepped_by(int64_t us)
{
	begin_quirk(15);
	send_frames(0, 150);
	int64_t until = w.clock.wall.us;
	w.clock.wall.us += us;
	run_tick(w.run);
	assert_null(w.run);
	assert_int_equal(w.brokens, 1);
	assert_int_equal(w.downs, 1);
	assert_int_equal(w.cause, CAUSE_CLOCK_STEPPED);
	assert_true(llabs(w.down.us - until) < 100 * US_PER_MS); /* by the clock that placed it */
	assert_int_equal(w.segments[0].frames, 149); /* the last one is still gathered */

	clock_fake_advance(&w.clock, 1500 * US_PER_MS);
	another_run(w.down);
	int64_t again = w.clock.wall.us;
	send_frames(0, 150);
	assert_int_equal(w.ups, 2);
	assert_int_equal(w.brokens, 1);
	end(NULL);
	int64_t first = again;
	if (until > again && until - again < 10 * US_PER_S)
		first = until; /* that time was lived already */
	assert_true(llabs(w.up.us - first) < 200 * US_PER_MS);
	assert_true(w.segments[1].end.us <= w.clock.wall.us + 100 * US_PER_MS);
	if (us > -10 * US_PER_S)
		assert_true(w.segments[1].begin.start.us >= w.segments[0].end.us);
	check_segment(&w.segments[0]);
	check_segment(&w.segments[1]);
	finish();
}

static void clock_steps(void **state)
{
	(void)state;
	stepped_by(US_PER_S);
	stepped_by(-US_PER_S); /* also a leap second without a smear */
	stepped_by(3600 * US_PER_S);
	stepped_by(-3600 * US_PER_S);
	stepped_by(DAY_S * US_PER_S);
	stepped_by(-DAY_S * US_PER_S);
}

/* 1970, and then the time. */
static void a_box_that_boots_in_1970(void **state)
{
	(void)state;
	begin_quirk(15);
	end(NULL);
	w.clock.wall.us = 30 * US_PER_S;
	w.clock.is_synced = false;
	another_run((struct wall){0});
	send_frames(0, 75);
	assert_int_equal(w.up.us / US_PER_S, 30);
	assert_int_equal(w.segments[0].begin.flags, SEAL_CLOCK_UNTRUSTED);
	w.clock.wall.us += T0;
	w.clock.is_synced = true;
	run_tick(w.run);
	assert_int_equal(w.cause, CAUSE_CLOCK_STEPPED);
	another_run(w.down);
	send_frames(0, 75);
	end(NULL);
	assert_true(w.up.us > T0);
	assert_int_equal(w.segments[1].begin.flags, 0);
	check_segment(&w.segments[0]);
	check_segment(&w.segments[1]);
	finish();
}

/* Trust is lost and found while one run goes on: each segment says what was true when it began. */
static void an_unsynchronised_kernel_clock(void **state)
{
	(void)state;
	cam = (struct manner){.fps = 15, .ticks_per_s = 90000, .ssrc = 1};
	begin(15, 5);
	send_frames(0, 100);
	w.clock.is_synced = false;
	send_frames(100, 200);
	w.clock.is_synced = true;
	send_frames(200, 290);
	assert_int_equal(w.count, 4);
	assert_int_equal(w.segments[1].begin.flags, 0);
	assert_int_equal(w.segments[2].begin.flags, SEAL_CLOCK_UNTRUSTED);
	assert_int_equal(w.segments[3].begin.flags, 0);
	expect_no_gap(100 * US_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timestamps_jump_forward),
		cmocka_unit_test(timestamps_jump_backward),
		cmocka_unit_test(timestamps_wrap),
		cmocka_unit_test(timestamps_restart),
		cmocka_unit_test(timestamps_at_a_false_rate),
		cmocka_unit_test(marker_bits_wrong),
		cmocka_unit_test(foreign_ssrc),
		cmocka_unit_test(stale_rtp_from_an_earlier_session),
		cmocka_unit_test(sdp_frame_rate_that_lies),
		cmocka_unit_test(twenty_five_fps_by_day_five_at_night),
		cmocka_unit_test(silences_soon_after_the_start),
		cmocka_unit_test(a_camera_slower_than_gap_after),
		cmocka_unit_test(a_slow_camera_with_a_longer_gap_after),
		cmocka_unit_test(a_flood_of_tiny_pictures),
		cmocka_unit_test(pictures_without_end_in_no_time),
		cmocka_unit_test(a_clock_that_is_8_h_off),
		cmocka_unit_test(clock_steps),
		cmocka_unit_test(a_box_that_boots_in_1970),
		cmocka_unit_test(an_unsynchronised_kernel_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
