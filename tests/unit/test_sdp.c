/* SDP as cameras write it: which track is taken, what of it goes on, and what a person is told. */
#include "recorder/sdp.h"

#include "base/lang.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=cam\r\nt=0 0\r\n"
#define SETS "Z0LAHtoCgL/lwFqDAwNSgAAAAwCAAAAZR4sXUA==,aM48gA=="

static int parse(const char *text, struct sdp *out, struct err *e)
{
	/* Exactly as long as the text, so that a sanitizer sees a step beyond. */
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);

	memcpy(copy, text, len);
	int rc = sdp_parse(copy, len, out, e);
	free(copy);
	return rc;
}

static void takes(const char *text, enum track_codec codec, unsigned pt, const char *fmtp, const char *control)
{
	struct sdp s;
	struct err e = {0};

	assert_int_equal(parse(text, &s, &e), 0);
	assert_int_equal(s.track.codec, codec);
	assert_int_equal(s.track.payload_type, pt);
	assert_int_equal(s.track.clock_rate, 90000);
	if (fmtp)
		assert_string_equal(s.track.fmtp, fmtp);
	else
		assert_null(s.track.fmtp);
	if (control)
		assert_string_equal(s.track.control, control);
	else
		assert_null(s.track.control);
	sdp_finish(&s);
}

static void takes_the_order(const char *fmtp, unsigned max_don_diff, unsigned depack_nalus)
{
	char text[300];
	struct sdp s;
	struct err e = {0};

	snprintf(text, sizeof text, "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 %s\r\n", fmtp);
	assert_int_equal(parse(text, &s, &e), 0);
	assert_int_equal(s.track.max_don_diff, max_don_diff);
	assert_int_equal(s.track.depack_nalus, depack_nalus);
	assert_null(s.track.fmtp);
	sdp_finish(&s);
}

static void says_how_far_units_are_out_of_order(void **state)
{
	(void)state;
	takes_the_order("sprop-max-don-diff=0", 0, 0);
	takes_the_order("sprop-max-don-diff=7;sprop-depack-buf-nalus=3", 7, 3);
	takes_the_order("sprop-max-don-diff=65535", 32767, 0);
	takes_the_order("sprop-max-don-diff=-1", 0, 0);
}

static void refuses(const char *text, int code, const char *says)
{
	struct sdp s;
	struct err e = {0};

	assert_int_equal(parse(text, &s, &e), code);
	assert_non_null(strstr(e.text, says));
}

static void takes_the_first_good_video(void **state)
{
	(void)state;
	takes(HEAD "a=control:*\r\n"
	      "m=audio 0 RTP/AVP 8\r\na=control:track2\r\n"
	      "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:track3\r\n"
	      "m=video 0 RTP/AVP 26\r\na=control:track0\r\n"
	      "m=video 0 RTP/AVP 97 96\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 VP8/90000\r\n"
	      "a=fmtp:96 profile-level-id=42c01e; packetization-mode=1; sprop-parameter-sets=" SETS "\r\n"
	      "a=control:trackID=1\r\n"
	      "m=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\n",
	      TRACK_H264, 96, "profile-level-id=42c01e;packetization-mode=1;sprop-parameter-sets=" SETS,
	      "trackID=1");
	takes(HEAD "m=video 0 RTP/AVP 98\na=rtpmap:98 H265/90000\na=fmtp:98 sprop-vps=QAEMAf//AWAAAAMAAAMAAAMAAAMAlqwJ"
	      ";sprop-max-don-diff=0\n",
	      TRACK_H265, 98, "sprop-vps=QAEMAf//AWAAAAMAAAMAAAMAAAMAlqwJ", NULL);
	takes("m=video 0 RTP/AVP 96\ra=rtpmap:96 h264/90000", TRACK_H264, 96, NULL, NULL);
}

static void keeps_the_control_of_the_session(void **state)
{
	struct sdp s;
	struct err e;

	(void)state;
	assert_int_equal(parse(HEAD "a=control:rtsp://cam/live/\r\nm=video 0 RTP/AVP 96\r\n"
			       "a=rtpmap:96 H264/90000\r\na=control:a b\r\n", &s, &e), 0);
	assert_string_equal(s.control, "rtsp://cam/live/");
	assert_null(s.track.control); /* a space: no URL */
	sdp_finish(&s);
}

/* As a byte stream, one or several in an item, with start codes of three and four bytes, and other units between. */
static void parts_parameter_sets_at_start_codes(void **state)
{
#define STREAM HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets="
#define SETS265 "QAEMAf//AWAAAAMAAAMAAAMAAAMAlqwJ"
	(void)state;
	takes(STREAM "AAAAAWdCwB4=,AAABaM48gA==\r\n", TRACK_H264, 96, "sprop-parameter-sets=Z0LAHg==,aM48gA==", NULL);
	takes(STREAM "AAAAAWdCwB4AAAAAAWjOPIAAAAFlAAEC\r\n", TRACK_H264, 96, "sprop-parameter-sets=Z0LAHg==,aM48gA==", NULL);
	takes(STREAM "Z0LAHgAAAWjOPIA=\r\n", TRACK_H264, 96, "sprop-parameter-sets=Z0LAHg==,aM48gA==", NULL);
	takes(STREAM "AAAAAWUAAQI=,aM48gA==\r\n", TRACK_H264, 96, NULL, NULL);
	takes(STREAM "AAAAAQAAAAE=,aM48gA==\r\n", TRACK_H264, 96, NULL, NULL);
	takes(HEAD "m=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\na=fmtp:98 sprop-vps=AAAAAUABDAH//wFgAAADAAADAAADAAADAJasCQ==",
	      TRACK_H265, 98, "sprop-vps=" SETS265, NULL);
	/* padding: none, and too much */
	takes(STREAM "Z0LAHg,aM48gA===\r\n", TRACK_H264, 96, "sprop-parameter-sets=Z0LAHg==,aM48gA==", NULL);
	takes(STREAM "Z0LAH,aM48gA\r\n", TRACK_H264, 96, NULL, NULL);
}

static void passes_on_only_what_is_valid(void **state)
{
#define VIDEO HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 "
	(void)state;
	takes(VIDEO "sprop-parameter-sets=!!!!,aM48gA==;packetization-mode=1\r\n", TRACK_H264, 96,
	      "packetization-mode=1", NULL);
	takes(VIDEO "sprop-parameter-sets=aM48gA==,\r\n", TRACK_H264, 96, "sprop-parameter-sets=aM48gA==", NULL);
	takes(VIDEO "sprop-parameter-sets=AWdCwB4=\r\n", TRACK_H264, 96, NULL, NULL); /* no SPS */
	takes(VIDEO "sprop-parameter-sets=aM4=gA==\r\n", TRACK_H264, 96, NULL, NULL);
	takes(VIDEO "profile-level-id=42c01g;x=y;;=;packetization-mode\r\n", TRACK_H264, 96, NULL, NULL);
	takes(VIDEO "packetization-mode=0;packetization-mode=2\r\n", TRACK_H264, 96, "packetization-mode=0", NULL);
	takes(VIDEO "config=\x01\x02;a=b\r\n", TRACK_H264, 96, NULL, NULL);
	refuses(VIDEO "packetization-mode=2\r\n", -ENOTSUP, "H.264");
	takes(HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 sprop-max-don-diff=00", TRACK_H265,
	      96, NULL, NULL);
	takes(HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 tx-mode=SRST;sprop-max-don-diff=01", TRACK_H265,
	      96, NULL, NULL);
	refuses(HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 tx-mode=MRST", -ENOTSUP, "H.264");
#undef VIDEO
}

static void bounds_the_parameters(void **state)
{
	static char text[20000];
	struct sdp s;
	struct err e;
	size_t n = (size_t)snprintf(text, sizeof text, HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
				    "a=fmtp:96 sprop-parameter-sets=");

	(void)state;
	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "aM48gA==,");
	assert_int_equal(parse(text, &s, &e), 0);
	assert_null(s.track.fmtp);
	sdp_finish(&s);
}

static void takes_sound(const char *media, enum track_codec codec, unsigned pt, uint32_t rate, const char *fmtp)
{
	char text[1000];
	struct sdp s;
	struct err e = {0};

	for (int first = 0; first < 2; first++) { /* before the video, and behind it */
		snprintf(text, sizeof text, HEAD "%s%s%s", first ? media : "",
			 "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", first ? "" : media);
		assert_int_equal(parse(text, &s, &e), 0);
		assert_true(s.has_audio);
		assert_int_equal(s.audio.codec, codec);
		assert_int_equal(s.audio.payload_type, pt);
		assert_int_equal(s.audio.clock_rate, rate);
		assert_string_equal(s.audio.control, "audio");
		if (fmtp)
			assert_string_equal(s.audio.fmtp, fmtp);
		else
			assert_null(s.audio.fmtp);
		sdp_finish(&s);
	}
}

static void finds_the_sound(void **state)
{
	(void)state;
	takes_sound("m=audio 0 RTP/AVP 8\r\na=control:audio\r\n", TRACK_PCMA, 8, 8000, NULL);
	takes_sound("m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/16000/2\r\na=control:audio\r\n", TRACK_PCMU, 0, 16000,
		    NULL);
	takes_sound("m=audio 0 RTP/AVP 14 104\r\na=rtpmap:104 mpeg4-generic/16000/1\r\na=control:audio\r\n"
		    "a=fmtp:104 profile-level-id=15; streamtype=5; mode=AAC-hbr; config=1408;SizeLength=13; "
		    "IndexLength=3; IndexDeltaLength=3; Profile=1;\r\n", TRACK_AAC, 104, 16000,
		    "mode=AAC-hbr;config=1408;sizelength=13;indexlength=3;indexdeltalength=3");
	takes_sound("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/48000/2\r\na=control:audio\r\n"
		    "a=fmtp:97 cpresent=0;config=400023203fc0\r\n", TRACK_AAC_LATM, 97, 48000,
		    "cpresent=0;config=400023203fc0");
}

/* The video is taken all the same. */
static void passes_over_other_sounds(void **state)
{
	static const char *const media[] = {
		"m=audio 0 RTP/AVP 14\r\n", "m=audio 0 RTP/SAVP 8\r\n",
		"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 G726-32/8000\r\n",
		"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 PCMA/8000/6\r\n",
		"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 PCMA/90000\r\n",
		"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 H264/16000\r\n",
		"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/16000\r\na=fmtp:97 mode=CELP-cbr\r\n",
		"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/16000\r\na=fmtp:97 cpresent=1\r\n",
	};
	char text[1000];
	struct sdp s;
	struct err e = {0};

	(void)state;
	for (unsigned i = 0; i < sizeof media / sizeof *media; i++) {
		snprintf(text, sizeof text, HEAD "%sm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", media[i]);
		assert_int_equal(parse(text, &s, &e), 0);
		assert_false(s.has_audio);
		assert_int_equal(s.track.codec, TRACK_H264);
		if (i == 2)
			assert_string_equal(s.other_audio, "G726-32");
		sdp_finish(&s);
	}
}

static void says_what_to_change(void **state)
{
	(void)state;
	lang_set("en");
	refuses("", -EINVAL, "check the path");
	refuses("<html>not here</html>", -EINVAL, "check the path");
	refuses(HEAD "m=audio 0 RTP/AVP 0\r\n", -ENOTSUP, "no video");
	refuses(HEAD "m=video 0 RTP/AVP 26\r\n", -ENOTSUP, "JPEG");
	refuses(HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\n", -ENOTSUP, "MP4V-ES");
	refuses(HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 A\xff\"\x01/90000\r\n", -ENOTSUP, "A___");
	refuses(HEAD "m=video 0 RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\n", -ENOTSUP, "H264");
	refuses(HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/0\r\n", -ENOTSUP, "H.264");
	refuses(HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 tx-mode=MRMT\r\n",
		-ENOTSUP, "interleaved order");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_how_far_units_are_out_of_order),
		cmocka_unit_test(takes_the_first_good_video),
		cmocka_unit_test(keeps_the_control_of_the_session),
		cmocka_unit_test(parts_parameter_sets_at_start_codes),
		cmocka_unit_test(passes_on_only_what_is_valid),
		cmocka_unit_test(bounds_the_parameters),
		cmocka_unit_test(finds_the_sound),
		cmocka_unit_test(passes_over_other_sounds),
		cmocka_unit_test(says_what_to_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
