/* Boxes: read with bounds, times to the microsecond, patched in place. */
#include "segment_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static void header_is_bounded(void **state)
{
	struct box b;
	uint8_t p[16] = {0, 0, 0, 8, 'm', 'd', 'a', 't'};

	(void)state;
	assert_int_equal(box_read(p, 7, &b), -EAGAIN);
	assert_int_equal(box_read(p, 8, &b), 0);
	assert_int_equal(b.size, 8);
	p[3] = 7;
	assert_int_equal(box_read(p, 8, &b), -EBADMSG);
	p[3] = 0;
	assert_int_equal(box_read(p, 8, &b), -EBADMSG);
	p[3] = 1;
	assert_int_equal(box_read(p, 15, &b), -EAGAIN);
	assert_int_equal(box_read(p, 16, &b), -EBADMSG);
	put_u64be(p + 8, UINT64_C(1) << 40);
	assert_int_equal(box_read(p, 16, &b), 0);
	assert_int_equal(b.head, 16);
	put_u64be(p + 8, (UINT64_C(1) << 40) + 1);
	assert_int_equal(box_read(p, 16, &b), -EBADMSG);
}

static void child_stays_inside(void **state)
{
	struct buf b = {0};
	size_t size, at = fixture_begin(&b, BOX_FTYP);

	(void)state;
	fixture_u32(&b, 7);
	fixture_end(&b, at);
	at = fixture_begin(&b, BOX_PRFT);
	fixture_u16(&b, 9);
	fixture_end(&b, at);
	const uint8_t *p = box_child(b.data, b.len, BOX_PRFT, &size);
	assert_ptr_equal(p, b.data + 20);
	assert_int_equal(size, 2);
	assert_null(box_child(b.data, b.len, BOX_MOOF, &size));
	assert_null(box_child(b.data, b.len - 1, BOX_PRFT, &size));
	buf_finish(&b);
}

/* As libavformat writes it (ff_get_formatted_ntp_time). */
static uint64_t libav_ntp(uint64_t us_since_1900)
{
	uint64_t sec = us_since_1900 / 1000000, usec = us_since_1900 % 1000000;

	return sec << 32 | usec * UINT64_C(0xFFFFFFFF) / 1000000;
}

static void every_microsecond_comes_back(void **state)
{
	int64_t base = INT64_C(1795478400) * US_PER_S;

	(void)state;
	for (int64_t us = 0; us < US_PER_S; us++) {
		uint64_t ntp = libav_ntp((uint64_t)(base + us) + UINT64_C(2208988800000000));
		/* Others scale the fraction by 2^32, rounded; that must come back as well. */
		uint64_t other = (ntp & ~UINT64_C(0xFFFFFFFF)) | (((uint64_t)us << 32) + 500000) / 1000000;
		if (ntp != prft_ntp_from_wall((struct wall){base + us}) ||
		    prft_wall_from_ntp(ntp).us != base + us || prft_wall_from_ntp(other).us != base + us)
			fail_msg("fraction of %lld us", (long long)us);
	}
}

static void ntp_goes_beyond_its_era(void **state)
{
	int64_t s[] = {0, 1, INT64_C(2085978495), INT64_C(2085978496), INT64_C(4102444800)};

	(void)state;
	for (unsigned i = 0; i < sizeof s / sizeof *s; i++) {
		struct wall w = {s[i] * US_PER_S + 999999};
		assert_int_equal(prft_wall_from_ntp(prft_ntp_from_wall(w)).us, w.us);
	}
}

static const struct fixture_fragment usual = {
	.start = {FIXTURE_START_US}, .tfdt = 4000000, .sequence = 3, .frames = 50, .frame_us = 40000};

static void prft_is_read_and_patched(void **state)
{
	struct buf b = {0};
	struct prft p;

	(void)state;
	fixture_prft(&b, &usual);
	assert_int_equal(prft_parse(b.data, b.len, &p), 0);
	assert_int_equal(p.track_id, 1);
	assert_int_equal(p.at.us, FIXTURE_START_US);
	assert_int_equal(p.media_time, 4000000);
	prft_patch(b.data, (struct wall){FIXTURE_START_US + 1});
	assert_int_equal(prft_parse(b.data, b.len, &p), 0);
	assert_int_equal(p.at.us, FIXTURE_START_US + 1);
	assert_int_equal(prft_parse(b.data, b.len - 1, &p), -EBADMSG);
	b.data[8] = 0; /* version 0 is four bytes shorter */
	assert_int_equal(prft_parse(b.data, b.len, &p), -EBADMSG);
	put_u32be(b.data, 28);
	assert_int_equal(prft_parse(b.data, 28, &p), 0);
	buf_finish(&b);
}

static void moof_is_read_and_patched(void **state)
{
	struct buf b = {0};
	struct moof m;

	(void)state;
	fixture_moof(&b, &usual);
	assert_int_equal(moof_parse(b.data, b.len, &m), 0);
	assert_int_equal(m.video.track_id, 1);
	assert_int_equal(m.sequence, 3);
	assert_int_equal(m.video.decode_time, 4000000);
	assert_int_equal(m.video.samples, 50);
	assert_int_equal(m.video.duration, 2000000);
	assert_int_equal(m.video.last_duration, 40000);
	assert_int_equal(m.video.data_bytes, 2000);
	assert_int_equal(m.video.data_offset, b.len + 8);
	assert_true(m.video.starts_with_key);
	moof_patch(b.data, &m, 77, UINT64_C(1) << 33, 0);
	assert_int_equal(moof_parse(b.data, b.len, &m), 0);
	assert_int_equal(m.sequence, 77);
	assert_int_equal(m.video.decode_time, UINT64_C(1) << 33);
	buf_finish(&b);
}

static void moof_with_sound_is_read_and_patched(void **state)
{
	struct fixture_fragment f = usual;
	struct buf b = {0};
	struct moof m;

	(void)state;
	f.audio = 100;
	f.audio_tfdt = 40000;
	fixture_moof(&b, &f);
	assert_int_equal(moof_parse(b.data, b.len, &m), 0);
	assert_int_equal(m.video.samples, 50);
	assert_int_equal(m.video.data_offset, b.len + 8);
	assert_int_equal(m.audio.track_id, 2);
	assert_int_equal(m.audio.decode_time, 40000);
	assert_int_equal(m.audio.samples, 100);
	assert_int_equal(m.audio.duration, 100 * FIXTURE_AUDIO_TICKS);
	assert_int_equal(m.audio.data_bytes, 100 * FIXTURE_AUDIO_BYTES);
	moof_patch(b.data, &m, 7, 11, 13);
	assert_int_equal(moof_parse(b.data, b.len, &m), 0);
	assert_int_equal(m.video.decode_time, 11);
	assert_int_equal(m.audio.decode_time, 13);
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 0xff;
		(void)moof_parse(b.data, b.len, &m);
		b.data[i] ^= 0xff;
	}
	put_u32be(b.data + b.len - 100 * 8 - 4, 9999); /* its data are elsewhere */
	assert_int_equal(moof_parse(b.data, b.len, &m), -EBADMSG);
	buf_finish(&b);
}

/* No cut and no single changed byte makes a reader leave its bounds (the sanitizer watches). */
static void broken_moofs_are_refused(void **state)
{
	struct buf b = {0};
	struct moof m;

	(void)state;
	fixture_moof(&b, &usual);
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *cut = xcalloc(1, n);
		memcpy(cut, b.data, n);
		assert_int_equal(moof_parse(cut, n, &m), -EBADMSG);
		if (n >= 8) {
			put_u32be(cut, (uint32_t)n);
			assert_int_equal(moof_parse(cut, n, &m), -EBADMSG);
		}
		free(cut);
	}
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 0xff;
		(void)moof_parse(b.data, b.len, &m);
		b.data[i] ^= 0xff;
	}
	buf_finish(&b);
}

static void moof_without_key_says_so(void **state)
{
	struct fixture_fragment f = usual;
	struct buf b = {0};
	struct moof m;

	(void)state;
	f.no_key = true;
	fixture_moof(&b, &f);
	assert_int_equal(moof_parse(b.data, b.len, &m), 0);
	assert_false(m.video.starts_with_key);
	buf_finish(&b);
}

static size_t moov_at(const struct buf *b)
{
	return get_u32be(b->data);
}

static void moov_is_read(void **state)
{
	struct buf b = {0};
	struct moov_info m, again;

	(void)state;
	fixture_init(&b);
	size_t at = moov_at(&b);
	assert_int_equal(moov_parse(b.data + at, b.len - at, &m), 0);
	assert_int_equal(m.track_id, 1);
	assert_int_equal(m.timescale, 1000000);
	assert_int_equal(m.width, 640);
	assert_int_equal(m.height, 360);
	assert_string_equal(m.codec, "avc1");
	b.data[b.len - 1] ^= 1; /* inside the sample entry */
	assert_int_equal(moov_parse(b.data + at, b.len - at, &again), 0);
	assert_memory_not_equal(m.stsd_digest, again.stsd_digest, 32);
	for (size_t i = at; i < b.len; i++) {
		assert_int_equal(moov_parse(b.data + at, i - at, &again), -EBADMSG);
		b.data[i] ^= 0xff;
		(void)moov_parse(b.data + at, b.len - at, &again);
		b.data[i] ^= 0xff;
	}
	buf_finish(&b);
}

static void moov_with_sound_is_read(void **state)
{
	struct buf b = {0}, silent = {0};
	struct moov_info m, without;

	(void)state;
	fixture_init_with_sound(&b);
	fixture_init(&silent);
	size_t at = moov_at(&b);
	assert_int_equal(moov_parse(b.data + at, b.len - at, &m), 0);
	assert_int_equal(m.track_id, 1);
	assert_int_equal(m.width, 640);
	assert_string_equal(m.codec, "avc1");
	assert_int_equal(m.audio.track_id, 2);
	assert_int_equal(m.audio.timescale, FIXTURE_AUDIO_RATE);
	assert_string_equal(m.audio.codec, "alaw");
	assert_int_equal(moov_parse(silent.data + at, silent.len - at, &without), 0);
	assert_int_equal(without.audio.track_id, 0);
	assert_memory_not_equal(m.stsd_digest, without.stsd_digest, 32); /* they do not join */
	for (size_t i = at; i < b.len; i++) {
		b.data[i] ^= 0xff;
		(void)moov_parse(b.data + at, b.len - at, &without);
		b.data[i] ^= 0xff;
	}
	buf_finish(&b);
	buf_finish(&silent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_bounded),
		cmocka_unit_test(child_stays_inside),
		cmocka_unit_test(every_microsecond_comes_back),
		cmocka_unit_test(ntp_goes_beyond_its_era),
		cmocka_unit_test(prft_is_read_and_patched),
		cmocka_unit_test(moof_is_read_and_patched),
		cmocka_unit_test(broken_moofs_are_refused),
		cmocka_unit_test(moof_without_key_says_so),
		cmocka_unit_test(moov_is_read),
		cmocka_unit_test(moof_with_sound_is_read_and_patched),
		cmocka_unit_test(moov_with_sound_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
