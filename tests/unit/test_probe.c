/* `holdfast probe`: what is read of an offer, what is measured of a stream, and what a person is told of it. */
#include "recorder/probe_finding.h"
#include "recorder/probe_measure.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/lang.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- offers ---------------------------------------------------------------------------------- */

static void reads_what_is_offered(void **state)
{
	static const char sdp[] = "v=0\r\ns=x\r\na=framerate:99\r\n"
		"m=video 0 RTP/AVP 96 97\r\na=rtpmap:97 JPEG/90000\r\na=rtpmap:96 H264/90000\r\na=framerate:25.0\r\n"
		"m=audio 0 RTP/AVP 8\r\nm=application 0 RTP/SAVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\n"
		"m=video 0 RTP/AVP 26\r\na=framerate:-1\r\nm=video 0 RTP/AVP\r\nm=vi\033deo 0 RTP/AVP 99";
	char *copy = malloc(sizeof sdp - 1);
	struct offer o;

	(void)state;
	memcpy(copy, sdp, sizeof sdp - 1);
	offer_read(copy, sizeof sdp - 1, &o);
	free(copy);
	assert_int_equal(o.count, 5);
	assert_string_equal(o.tracks[0].codec, "H264");
	assert_true(o.tracks[0].fps > 24.9 && o.tracks[0].fps < 25.1);
	assert_string_equal(o.tracks[1].codec, "PCMA");
	assert_string_equal(o.tracks[2].codec, "vnd.onvif.metadata");
	assert_true(o.tracks[2].encrypted && !o.tracks[0].encrypted);
	assert_string_equal(o.tracks[3].codec, "JPEG");
	assert_true(o.tracks[3].fps <= 0);
	assert_string_equal(o.tracks[4].kind, "vi_deo");
	assert_ptr_equal(offer_find(&o, "video"), &o.tracks[0]);
	assert_null(offer_find(&o, "text"));
}

static void an_offer_has_its_bounds(void **state)
{
	struct buf b = {0};
	struct offer o;

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_add_text(&b, "m=videovideovideovideovideovideo 0 RTP/AVP 96\r\na=rtpmap:96 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/1\r\n");
	offer_read((const char *)b.data, b.len, &o);
	assert_true(o.count <= OFFER_TRACKS_MAX);
	buf_finish(&b);
	offer_read("", 0, &o);
	assert_int_equal(o.count, 0);
}

/* --- measurements ------------------------------------------------------------------------------ */

/* A stream of 10 pictures per second. */
struct stream { struct probe_measure m; int64_t ticks, at_us; };

static struct stream begun(void)
{
	struct stream s = {.at_us = 1000000};

	probe_measure_init(&s.m, TRACK_H264, 90000);
	return s;
}

static void frame(struct stream *s, int64_t ticks, bool key)
{
	static const uint8_t idr[] = {0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x65, 0x80}, p[] = {0, 0, 0, 1, 0x41, 0x80};
	const struct frame f = {.data = key ? idr : p, .len = key ? sizeof idr : sizeof p, .rtp_ticks = ticks,
				.arrival = {s->at_us}, .key = key};

	probe_measure_frame(&s->m, &f);
}

static void play(struct stream *s, unsigned frames, unsigned gop)
{
	for (unsigned i = 0; i < frames; i++, s->ticks += 9000, s->at_us += 100000)
		frame(s, s->ticks, i % gop == 0);
}

static void measures_a_good_stream(void **state)
{
	struct stream s = begun();

	(void)state;
	play(&s, 81, 20);
	assert_true(probe_measure_is_sane(&s.m));
	assert_true(probe_measure_span_s(&s.m) > 7.99 && probe_measure_span_s(&s.m) < 8.01);
	assert_int_equal(s.m.keys, 5);
	assert_int_equal(s.m.longest_key_us, 2000000);
	assert_int_equal(s.m.shortest_own_us, 2000000);
	assert_true(s.m.sets_inband && s.m.reordered == 0 && s.m.jumps == 0);
}

static void pictures_from_a_buffer_are_sane(void **state)
{
	struct stream s = begun();

	(void)state;
	for (int i = 0; i < 20; i++, s.ticks += 4500) /* a second of them at once */
		frame(&s, s.ticks, i == 0);
	play(&s, 40, 20);
	assert_true(probe_measure_is_sane(&s.m));
}

static void times_that_jump_or_lie_are_found(void **state)
{
	struct stream s = begun();

	(void)state;
	play(&s, 20, 20);
	s.ticks += 90000 * 3600;
	play(&s, 20, 20);
	assert_int_equal(s.m.jumps, 1);
	assert_false(probe_measure_is_sane(&s.m));
	assert_true(probe_measure_span_s(&s.m) < 4.1);   /* by arrival */
	assert_true(s.m.longest_key_us < 2100000);

	s = begun();
	play(&s, 40, 20);
	s.ticks += 90000 * 3 / 2; /* too little to change the pace */
	play(&s, 40, 20);
	assert_int_equal(s.m.jumps, 1);
	assert_false(probe_measure_is_sane(&s.m));

	s = begun();
	for (int i = 0; i < 80; i++, s.ticks += 4500, s.at_us += 100000) /* half the pace */
		frame(&s, s.ticks, i == 0);
	assert_int_equal(s.m.jumps, 0);
	assert_false(probe_measure_is_sane(&s.m));
}

static void b_frames_are_reordering_not_jumps(void **state)
{
	static const int order[] = {0, 3, 1, 2, 6, 4, 5};
	struct stream s = begun();

	(void)state;
	for (int i = 0; i < 7; i++, s.at_us += 100000)
		frame(&s, order[i] * 9000, i == 0);
	assert_int_equal(s.m.reordered, 4);
	assert_true(s.m.jumps == 0 && probe_measure_is_sane(&s.m));
}

static void packet(struct stream *s, uint32_t timestamp)
{
	uint8_t p[13] = {0x80, 96};

	put_u32be(p + 4, timestamp);
	probe_measure_packet(&s->m, p, sizeof p, (struct mono){s->at_us});
}

static void jitter_is_of_first_packets(void **state)
{
	struct stream s = begun();

	(void)state;
	for (uint32_t i = 0; i < 100; i++, s.at_us += 100000) {
		packet(&s, UINT32_MAX - 9000 * 50 + i * 9000); /* wraps */
		s.at_us += 30000;
		packet(&s, UINT32_MAX - 9000 * 50 + i * 9000); /* the rest of the same picture */
		s.at_us -= 30000;
	}
	assert_true(s.m.jitter_us < 1);
	for (uint32_t i = 100; i < 200; i++) {
		s.at_us += i % 2 ? 140000 : 60000;
		packet(&s, UINT32_MAX - 9000 * 50 + i * 9000);
	}
	assert_true(s.m.jitter_us > 30000 && s.m.jitter_us < 50000);
	probe_measure_packet(&s.m, (const uint8_t *)"x", 1, (struct mono){0}); /* no RTP */
}

static void b_frames_are_no_jitter(void **state)
{
	struct stream s = begun();

	(void)state;
	for (uint32_t i = 0; i < 60; i++, s.at_us += 100000) /* shown as 0 3 1 2 6 4 5 … */
		packet(&s, 9000 * (i + (i % 3 == 1 ? 2 : 0) - (i % 3 == 1 || i == 0 ? 0 : 1)));
	assert_true(s.m.jitter_us < 20000);
	for (uint32_t i = 0; i < 20; i++, s.at_us += 100000) /* a jump back does not end the measuring */
		packet(&s, 9000 * i);
	assert_int_equal(s.m.packet_ticks, 9000 * 19);
}

/* --- findings ------------------------------------------------------------------------------------ */

static struct probe_result perfect(void)
{
	struct probe_result r = {
		.facts = {.connected = true, .spoke_rtsp = true, .auth = RTSP_AUTH_DIGEST_SHA256, .status = 200,
			  .keep_alive = "GET_PARAMETER", .timeout_s = 60},
		.has_login = true, .recordable = true, .codec = "h264", .width = 1920, .height = 1080,
		.offer = {.count = 1, .tracks = {{.kind = "video", .codec = "H264", .fps = 25}}},
		.watched_s = 8, .frames = 200, .fps = 25, .bits_per_s = 2e6, .jitter_s = 0.001, .sane_times = true,
		.keys = 5, .key_interval_s = 2, .own_key_min_s = 2, .own_key_max_s = 2, .sets_in_sdp = true,
		.clock_known = true, .clock_error_us = 100000,
	};
	return r;
}

static const struct probe_finding *find(const struct probe_result *r, const char *id)
{
	static struct probe_finding found[PROBE_FINDINGS_MAX];
	unsigned count = probe_findings(r, found);

	for (unsigned i = 0; i < count; i++)
		if (strcmp(found[i].id, id) == 0)
			return &found[i];
	return NULL;
}

/* That finding, at that level, in both languages, each with a remedy if anything must be done. */
static void finds(const struct probe_result *r, const char *id, enum probe_level level, const char *en, const char *zh)
{
	const char *const codes[] = {"en", "zh-CN"}, *const texts[] = {en, zh};

	for (int i = 0; i < 2; i++) {
		lang_set(codes[i]);
		const struct probe_finding *f = find(r, id);
		assert_true(f && f->level == level);
		assert_true(f && (strstr(f->text, texts[i]) || (f->remedy && strstr(f->remedy, texts[i]))));
		assert_int_equal(probe_is_fine(r), level < PROBE_WARN);
	}
	lang_set("en");
}

static void a_perfect_camera_has_nothing_to_change(void **state)
{
	struct probe_result r = perfect();
	struct probe_finding found[PROBE_FINDINGS_MAX];
	unsigned count = probe_findings(&r, found);

	(void)state;
	for (unsigned i = 0; i < count; i++)
		assert_true(found[i].level <= PROBE_NOTE);
	assert_true(count > 10 && probe_is_fine(&r));
	finds(&r, "bitrate", PROBE_GOOD, "2000 kbit/s: in 90 days about 1944 GB", "90 天约 1944 GB");
	finds(&r, "login", PROBE_GOOD, "Digest SHA-256", "密码正确");
	finds(&r, "session", PROBE_NOTE, "after 60 s, and is kept by GET_PARAMETER", "60 秒超时");
}

static void the_way_to_a_camera(void **state)
{
	struct probe_result r = {.cause = CAUSE_CAMERA_UNREACHABLE, .detail = "no route 无路"};

	(void)state;
	finds(&r, "reachable", PROBE_BAD, "no route", "无路");
	r.cause = CAUSE_CAMERA_REFUSED;
	r.tls = true;
	finds(&r, "tls", PROBE_BAD, "no route", "无路");
	r.facts.connected = true;
	finds(&r, "rtsp", PROBE_BAD, "RTSP is usually 554", "RTSP 通常是 554");
	r.facts.spoke_rtsp = true;
	r.facts.status = 404;
	finds(&r, "stream", PROBE_BAD, "no route", "无路");
	r = perfect();
	r.facts.redirects = 1;
	snprintf(r.facts.url, sizeof r.facts.url, "rtsp://192.0.2.7/x");
	finds(&r, "redirect", PROBE_NOTE, "rtsp://192.0.2.7/x", "请直接使用该地址");
}

static void logins(void **state)
{
	struct probe_result r = perfect();

	(void)state;
	r.facts.auth = RTSP_AUTH_BASIC;
	finds(&r, "login", PROBE_WARN, "set RTSP authentication to Digest", "Digest");
	r.tls = true;
	finds(&r, "login", PROBE_GOOD, "Basic", "密码正确");
	r.facts.auth = RTSP_AUTH_NONE;
	finds(&r, "login", PROBE_NOTE, "anybody on the network can watch", "任何人都能观看");
	r = (struct probe_result){.facts = {.connected = true, .spoke_rtsp = true, .status = 401, .auth = RTSP_AUTH_DIGEST_MD5},
				  .has_login = true};
	finds(&r, "login", PROBE_BAD, "password is wrong (Digest MD5)", "密码不对");
	r.facts.auth = RTSP_AUTH_NONE;
	r.has_login = false;
	finds(&r, "login", PROBE_BAD, "give --username", "--username");
	r.has_login = r.facts.plain_refused = true;
	finds(&r, "login", PROBE_BAD, "give --plain-password", "--plain-password");
}

static void codecs_that_are_not_recorded(void **state)
{
	static const char *const codecs[] = {"JPEG", "MP4V-ES", "AV1"};
	struct probe_result r = perfect();

	(void)state;
	r.recordable = false;
	r.codec = NULL;
	for (int i = 0; i < 3; i++) {
		snprintf(r.offer.tracks[0].codec, sizeof r.offer.tracks[0].codec, "%s", codecs[i]);
		finds(&r, "codec", PROBE_BAD, codecs[i], codecs[i]);
		finds(&r, "codec", PROBE_BAD, "set this stream's encoding to H.264 or H.265", "编码改为 H.264 或 H.265");
	}
	r.offer.tracks[0].encrypted = true;
	finds(&r, "codec", PROBE_BAD, "(encrypted)", "加密");
}

static void audio_is_told(void **state)
{
	struct probe_result r = perfect();

	(void)state;
	r.offer.count = 2;
	r.offer.tracks[1] = (struct offer_track){.kind = "audio", .codec = "PCMA"};
	finds(&r, "audio", PROBE_NOTE, "sound (PCMA), which is not recorded by default", "有声音（PCMA），默认不录");
	finds(&r, "tracks", PROBE_NOTE, "video H264 (taken), audio PCMA", "video H264（采用）, audio PCMA");
}

static void frame_rates_that_lie(void **state)
{
	struct probe_result r = perfect();

	(void)state;
	r.fps = 5;
	finds(&r, "frame_rate", PROBE_NOTE, "5.0 frames per second, while the camera announces 25", "实测 5.0 帧/秒");
	r.fps = 24;
	finds(&r, "frame_rate", PROBE_GOOD, "24.0 frames", "24.0 帧");
}

static void key_frames_that_are_rare_or_uneven(void **state)
{
	struct probe_result r = perfect();

	(void)state;
	r.key_interval_s = 4;
	finds(&r, "key_frames", PROBE_WARN, "4.0 s apart", "4.0 秒");
	assert_null(find(&r, "smart_codec"));
	r.key_interval_open = true;
	finds(&r, "key_frames", PROBE_WARN, "4.0 s or more apart", "4.0 秒以上");
	r.own_key_min_s = 2;
	r.own_key_max_s = 4;
	finds(&r, "smart_codec", PROBE_WARN, "turn smart coding off", "请关闭智能编码");
	r = perfect();
	r.key_interval_s = 8;
	finds(&r, "smart_codec", PROBE_WARN, "smart coding", "智能编码");
	r = perfect();
	r.keys = 0;
	r.key_interval_s = 8;
	finds(&r, "key_frames", PROBE_WARN, "no key frame in 8 s", "8 秒内没有关键帧");
	assert_null(find(&r, "picture_size"));
}

static void a_picture_every_three_seconds(void **state)
{
	struct probe_result r = perfect();

	(void)state;
	assert_null(find(&r, "slow"));
	r.fps = 1 / 3.0;
	finds(&r, "slow", PROBE_WARN, "every 3.0 s", "每 3.0 秒");
}

static void what_the_network_does(void **state)
{
	struct probe_result r = perfect();

	(void)state;
	r.lost_packets = 7;
	r.damaged = 3;
	finds(&r, "loss", PROBE_WARN, "7 packets lost, 3 of 200", "丢失 7 个");
	r = perfect();
	r.jitter_s = 0.25;
	finds(&r, "jitter", PROBE_WARN, "250 ms", "250 毫秒");
}

static void what_the_stream_is_like(void **state)
{
	struct probe_result r = perfect();

	(void)state;
	r.reordered = 9;
	finds(&r, "b_frames", PROBE_NOTE, "B-frames", "B 帧");
	r.sets_in_sdp = false;
	r.sets_inband = true;
	finds(&r, "parameter_sets", PROBE_NOTE, "only in the stream", "只在码流中");
	r.sets_inband = false;
	finds(&r, "parameter_sets", PROBE_WARN, "no parameter sets", "没有收到参数集");
	r = perfect();
	r.sane_times = false;
	r.jumps = 2;
	finds(&r, "timestamps", PROBE_WARN, "2 jumps", "跳变 2 次");
	r = perfect();
	r.width = 0;
	finds(&r, "picture_size", PROBE_WARN, "cannot be told", "无法得知");
}

static void the_clock_of_the_camera(void **state)
{
	struct probe_result r = perfect();

	(void)state;
	r.clock_error_us = -8 * 3600 * US_PER_S;
	finds(&r, "clock", PROBE_WARN, "off by -28800.0 s", "NTP 校时");
	r.clock_known = false;
	finds(&r, "clock", PROBE_NOTE, "did not report", "没有报告");
}

/* All that can be wrong at once still fits. */
static void the_worst_camera_fits(void **state)
{
	struct probe_result r = perfect();
	struct probe_finding found[PROBE_FINDINGS_MAX];

	(void)state;
	r.facts.redirects = 3;
	r.facts.auth = RTSP_AUTH_BASIC;
	r.offer.count = OFFER_TRACKS_MAX;
	for (unsigned i = 1; i < OFFER_TRACKS_MAX; i++)
		r.offer.tracks[i] = (struct offer_track){.kind = "audio", .codec = "xxxxxxxxxxxxxxxxxxxxxxx"};
	r.key_interval_s = 100;
	r.reordered = r.jumps = r.damaged = 1;
	unsigned count = probe_findings(&r, found);
	assert_true(count > 15 && count < PROBE_FINDINGS_MAX);
	assert_string_equal(found[count - 1].id, "session");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_offered),
		cmocka_unit_test(an_offer_has_its_bounds),
		cmocka_unit_test(measures_a_good_stream),
		cmocka_unit_test(pictures_from_a_buffer_are_sane),
		cmocka_unit_test(times_that_jump_or_lie_are_found),
		cmocka_unit_test(b_frames_are_reordering_not_jumps),
		cmocka_unit_test(jitter_is_of_first_packets),
		cmocka_unit_test(b_frames_are_no_jitter),
		cmocka_unit_test(a_perfect_camera_has_nothing_to_change),
		cmocka_unit_test(the_way_to_a_camera),
		cmocka_unit_test(logins),
		cmocka_unit_test(codecs_that_are_not_recorded),
		cmocka_unit_test(audio_is_told),
		cmocka_unit_test(frame_rates_that_lie),
		cmocka_unit_test(key_frames_that_are_rare_or_uneven),
		cmocka_unit_test(a_picture_every_three_seconds),
		cmocka_unit_test(what_the_network_does),
		cmocka_unit_test(what_the_stream_is_like),
		cmocka_unit_test(the_clock_of_the_camera),
		cmocka_unit_test(the_worst_camera_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
