/* Sequence parameter sets of real encoders, of none, and cut anywhere. */
#include "recorder/sps.h"
#include "rtp_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The parameter sets that an encoder puts before its first picture. */
static struct sps made_by(const char *encoder, int width, int height, int b_frames, const char *params)
{
	struct rtp_fixture_conf c = {encoder, width, height, 20, 10, b_frames, 1, 400, 15, params};
	enum track_codec codec = strcmp(encoder, "libx264") == 0 ? TRACK_H264 : TRACK_H265;
	struct rtp_fixture f;
	struct sps sps = {0};

	rtp_fixture_make(&f, &c);
	assert_int_equal(sps_find(codec, f.frames[0]->data, (size_t)f.frames[0]->size, &sps), 0);
	assert_in_range(sps.width, width, width + 63);
	assert_in_range(sps.height, height, height + 63);
	rtp_fixture_finish(&f);
	return sps;
}

static void what_encoders_say(void **state)
{
	(void)state;
	assert_int_equal(made_by("libx264", 320, 240, 0, NULL).reorder, 0);
	assert_int_equal(made_by("libx264", 1920, 1080, 2, "b-pyramid=none").reorder, 1);
	assert_int_equal(made_by("libx264", 640, 480, 3, "b-pyramid=normal").reorder, 2);
	struct sps sps = made_by("libx264", 352, 288, 1, "interlaced=1:cqm=jvt:nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900");
	assert_int_equal(sps.reorder, 1);
	assert_int_equal(sps.chroma, 1);
	assert_int_equal(sps.luma_bits, 8);
	assert_int_equal(made_by("libx265", 320, 240, 0, NULL).reorder, 0);
	sps = made_by("libx265", 640, 480, 4, "b-pyramid=1:repeat-headers=1:hrd=1:vbv-maxrate=900:vbv-bufsize=900");
	assert_in_range(sps.reorder, 1, 3);
	assert_int_equal(sps.profile, 1);
	assert_int_equal(sps.luma_bits, 8);
}

/* Where nothing is said: what the level could hold, or nothing where pictures are shown as they come. */
static void where_the_stream_does_not_say(void **state)
{
	/* Main, level 3.1, 1280x720, order count type 0, no VUI; the same as Baseline */
	static const uint8_t type0[] = {0x67, 77, 0, 31, 0xec, 0xa0, 0x28, 0x02, 0xdc, 0x80};
	static const uint8_t baseline[] = {0x67, 66, 0xe0, 31, 0xec, 0xa0, 0x28, 0x02, 0xdc, 0x80};
	struct sps sps;

	(void)state;
	assert_int_equal(sps_parse(TRACK_H264, type0, sizeof type0, &sps), 0);
	assert_int_equal(sps.width, 1280);
	assert_int_equal(sps.height, 720);
	assert_int_equal(sps.reorder, 5);
	assert_int_equal(sps_parse(TRACK_H264, baseline, sizeof baseline, &sps), 0);
	assert_int_equal(sps.reorder, 0);
}

static void cut_anywhere(void **state)
{
	(void)state;
	for (int h265 = 0; h265 < 2; h265++) {
		struct rtp_fixture_conf c = {h265 ? "libx265" : "libx264", 320, 240, 4, 4, 0, 1, 400, 15, NULL};
		enum track_codec codec = h265 ? TRACK_H265 : TRACK_H264;
		struct rtp_fixture f;
		struct sps sps;
		rtp_fixture_make(&f, &c);
		for (int len = 0; len < 120 && len < f.frames[0]->size; len++) {
			uint8_t *copy = xcalloc(1, (size_t)len + 1); /* its own, so that a read beyond it is found */
			memcpy(copy, f.frames[0]->data, (size_t)len);
			if (sps_find(codec, copy, (size_t)len, &sps) == 0)
				assert_true(sps.width >= 320 && sps.height >= 240);
			free(copy);
		}
		rtp_fixture_finish(&f);
	}
	static const uint8_t zeros[] = {0x67, 100, 0, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	struct sps sps;
	assert_int_equal(sps_parse(TRACK_H264, zeros, sizeof zeros, &sps), -EBADMSG);
	assert_int_equal(sps_parse(TRACK_H264, zeros, 1, &sps), -EBADMSG);
	assert_int_equal(sps_find(TRACK_H264, zeros, 0, &sps), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_encoders_say),
		cmocka_unit_test(where_the_stream_does_not_say),
		cmocka_unit_test(cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
