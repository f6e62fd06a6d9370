/* Scanning a segment: what is whole is found, what is not is not believed. */
#include "segment_fixture.h"

#include "base/fault.h"
#include "media/segment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT 4

static struct key *key;
static struct seal_keys *keys; /* it alone */

/* Scans the bytes of b, up to limit, in one go; the caller finishes s. */
static int scan(struct segment_scan *s, const struct buf *b, int64_t limit)
{
	int fd = fixture_file(b);

	assert_true(fd >= 0);
	segment_scan_init(s, true);
	int rc = segment_scan(s, fs_real(), fd, limit, keys);
	close(fd);
	return rc;
}

static int scan_all(struct segment_scan *s, const struct buf *b)
{
	return scan(s, b, (int64_t)b->len);
}

static void make_sealed(struct buf *b)
{
	struct seal seal = fixture_seal_of(COUNT);

	fixture_init(b);
	fixture_fragments(b, COUNT);
	fixture_seal(b, &seal, key);
}

static void a_sealed_file_is_read(void **state)
{
	struct buf b = {0};
	struct segment_scan s;

	(void)state;
	make_sealed(&b);
	assert_int_equal(scan_all(&s, &b), 0);
	assert_true(s.sealed && s.content_ok && s.signature_ok);
	assert_int_equal(s.index.count, COUNT);
	assert_int_equal(segment_scan_range(&s).start.us, FIXTURE_START_US);
	assert_int_equal(segment_scan_range(&s).end.us, FIXTURE_START_US + COUNT * 2000000);
	assert_string_equal(s.seal.camera, "playroom-east");
	assert_string_equal(s.moov.codec, "avc1");
	assert_int_equal(s.index.items[0].offset, s.init_bytes);
	for (unsigned i = 0; i < COUNT; i++) {
		const struct fragment *f = &s.index.items[i];
		assert_int_equal(f->frames, 50);
		assert_int_equal(f->duration_us, 2000000);
		assert_true(f->key);
		assert_int_equal(f->crc, crc32c(0, b.data + f->offset, f->bytes));
	}
	uint8_t digest[SHA256_BYTES];
	seal_digest(b.data + s.whole_bytes, b.len - (size_t)s.whole_bytes, digest);
	assert_memory_equal(digest, s.seal_digest, SHA256_BYTES);
	segment_scan_finish(&s);
	buf_finish(&b);
}

/* Its last fragment has none of it. */
static void make_with_sound(struct buf *b, uint64_t audio_tfdt)
{
	fixture_init_with_sound(b);
	for (uint32_t i = 0; i < COUNT; i++)
		fixture_fragment(b, &(struct fixture_fragment){
			.start = {FIXTURE_START_US + i * INT64_C(2000000)}, .tfdt = i * UINT64_C(2000000),
			.sequence = i + 1, .frames = 50, .frame_us = 40000, .audio = i + 1 < COUNT ? 90 : 0,
			.audio_tfdt = audio_tfdt + i * 2 * FIXTURE_AUDIO_RATE});
}

static void sound_adds_bytes_and_nothing_else(void **state)
{
	/* In time; before the file's beginning, as it may be; a fragment too late; far away. */
	static const struct { uint64_t tfdt; int rc; } t[] = {
		{FIXTURE_AUDIO_RATE, 0}, {10, 0}, {4 * FIXTURE_AUDIO_RATE, 0}, {5 * FIXTURE_AUDIO_RATE, -EBADMSG},
		{UINT64_MAX / 2, -EBADMSG},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct seal seal = fixture_seal_of(COUNT);
		struct buf b = {0};
		struct segment_scan s;
		make_with_sound(&b, t[i].tfdt);
		fixture_seal(&b, &seal, key);
		assert_int_equal(scan_all(&s, &b), t[i].rc);
		if (t[i].rc == 0) {
			assert_true(s.sealed && s.content_ok && s.signature_ok);
			assert_string_equal(s.moov.audio.codec, "alaw");
			assert_int_equal(s.index.count, COUNT);
			assert_int_equal(segment_scan_range(&s).end.us, FIXTURE_START_US + COUNT * 2000000);
			assert_int_equal(s.index.items[1].frames, 50);
			assert_int_equal(s.index.items[0].bytes - s.index.items[COUNT - 1].bytes,
					 8 + 16 + 20 + 20 + 90 * (8 + FIXTURE_AUDIO_BYTES));
		}
		segment_scan_finish(&s);
		buf_finish(&b);
	}
}

static void sound_needs_its_track(void **state)
{
	struct buf b = {0}, init = {0};
	struct segment_scan s;

	(void)state;
	make_with_sound(&b, FIXTURE_AUDIO_RATE);
	fixture_init_with_sound(&init);
	buf_drop_front(&b, init.len);
	buf_clear(&init);
	fixture_init(&init); /* which tells of none */
	buf_add(&init, b.data, b.len);
	assert_int_equal(scan_all(&s, &init), -EBADMSG);
	segment_scan_finish(&s);
	buf_finish(&b);
	buf_finish(&init);
}

/* A cut at every byte: no error, and only whole fragments. */
static void every_cut_is_understood(void **state)
{
	struct buf b = {0};
	struct segment_scan whole, s;

	(void)state;
	make_sealed(&b);
	assert_int_equal(scan_all(&whole, &b), 0);
	for (int64_t n = 0; n < (int64_t)b.len; n++) {
		int64_t want = n < whole.init_bytes ? 0 : whole.init_bytes;
		for (unsigned i = 0; i < whole.index.count; i++) {
			int64_t end = whole.index.items[i].offset + whole.index.items[i].bytes;
			want = end <= n ? end : want;
		}
		assert_int_equal(scan(&s, &b, n), 0);
		assert_int_equal(s.whole_bytes, want);
		assert_false(s.sealed);
		segment_scan_finish(&s);
	}
	segment_scan_finish(&whole);
	buf_finish(&b);
}

/* A limit that grows byte by byte leads to the same as one reading. */
static void increments_add_up(void **state)
{
	struct buf b = {0};
	struct segment_scan s;

	(void)state;
	make_sealed(&b);
	int fd = fixture_file(&b);
	segment_scan_init(&s, true);
	for (int64_t n = 0; n < (int64_t)b.len; n += 7)
		assert_int_equal(segment_scan(&s, fs_real(), fd, n, keys), 0);
	assert_int_equal(segment_scan(&s, fs_real(), fd, (int64_t)b.len, keys), 0);
	assert_true(s.sealed && s.content_ok && s.signature_ok);
	assert_int_equal(s.index.count, COUNT);
	assert_int_equal(segment_scan(&s, fs_real(), fd, (int64_t)b.len, keys), 0);
	assert_int_equal(segment_scan(&s, fs_real(), fd, (int64_t)b.len + 1, keys), -EBADMSG);
	assert_int_equal(segment_scan(&s, fs_real(), fd, 3, keys), 0); /* changes nothing */
	assert_int_equal(s.index.count, COUNT);
	close(fd);
	segment_scan_finish(&s);
	buf_finish(&b);
}

static void a_bad_tail_is_not_believed(void **state)
{
	struct buf b = {0};
	struct segment_scan s;

	(void)state;
	fixture_init(&b);
	fixture_fragments(&b, COUNT);
	size_t whole = b.len;
	for (size_t tail = 4; tail < 5000; tail = tail * 3 + 1) {
		b.len = whole;
		fixture_zeros(&b, tail);
		assert_int_equal(scan_all(&s, &b), -EBADMSG);
		assert_int_equal(s.whole_bytes, whole);
		assert_int_equal(s.index.count, COUNT);
		segment_scan_finish(&s);
		memset(b.data + whole, 0xa5, tail);
		assert_int_equal(scan_all(&s, &b), -EBADMSG);
		assert_int_equal(s.whole_bytes, whole);
		segment_scan_finish(&s);
	}
	buf_finish(&b);
}

static void nothing_may_follow_the_seal(void **state)
{
	struct buf b = {0};
	struct segment_scan s;

	(void)state;
	make_sealed(&b);
	fixture_u8(&b, 0);
	assert_int_equal(scan_all(&s, &b), -EBADMSG);
	assert_false(s.sealed);
	assert_int_equal(s.index.count, COUNT);
	segment_scan_finish(&s);
	buf_finish(&b);
}

/* No flipped bit anywhere in the file passes as sealed, whole and signed. */
static void every_altered_byte_is_seen(void **state)
{
	struct buf b = {0};
	struct segment_scan s;

	(void)state;
	make_sealed(&b);
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 0x10;
		int rc = scan_all(&s, &b);
		assert_true(rc == 0 || rc == -EBADMSG);
		assert_false(rc == 0 && s.sealed && s.content_ok && s.signature_ok);
		segment_scan_finish(&s);
		b.data[i] ^= 0x10;
	}
	buf_finish(&b);
}

static void seal_must_tell_what_is_there(void **state)
{
	(void)state;
	for (int lie = 0; lie < 5; lie++) {
		struct buf b = {0};
		struct segment_scan s;
		struct seal seal = fixture_seal_of(COUNT);
		seal.start.us += lie == 0;
		seal.end.us -= lie == 1;
		seal.frames -= lie == 2;
		seal.fragments += lie == 3;
		fixture_init(&b);
		fixture_fragments(&b, COUNT);
		fixture_seal(&b, &seal, key);
		assert_int_equal(scan_all(&s, &b), lie == 4 ? 0 : -EBADMSG);
		assert_int_equal(s.sealed, lie == 4);
		segment_scan_finish(&s);
		buf_finish(&b);
	}
}

/* Two fragments, of which the second lies off by so much in one of its clocks. */
static int two(uint32_t timescale, int64_t prft_off_us, int64_t tfdt_off, uint32_t ticks)
{
	struct buf b = {0};
	struct segment_scan s;
	struct fixture_fragment f = {.start = {FIXTURE_START_US}, .sequence = 1, .frames = 10, .frame_us = ticks};

	fixture_init_scaled(&b, timescale);
	fixture_fragment(&b, &f);
	int64_t length_us = INT64_C(10) * ticks * US_PER_S / timescale;
	f.start.us += length_us + prft_off_us;
	f.tfdt = (uint64_t)(INT64_C(10) * ticks + tfdt_off);
	fixture_fragment(&b, &f);
	int rc = scan_all(&s, &b);
	assert_int_equal(s.index.count, rc == 0 ? 2 : ticks > 0);
	if (rc == 0)
		assert_int_equal(s.index.items[1].start.us,
				 s.index.items[0].start.us + s.index.items[0].duration_us);
	segment_scan_finish(&s);
	buf_finish(&b);
	return rc;
}

static void a_segment_is_continuous(void **state)
{
	(void)state;
	assert_int_equal(two(1000000, 0, 0, 40000), 0);
	assert_int_equal(two(1000000, 1, 1, 40000), 0);
	assert_int_equal(two(1000000, -1, -1, 40000), 0);
	assert_int_equal(two(1000000, 2, 0, 40000), -EBADMSG);
	assert_int_equal(two(1000000, -2, 0, 40000), -EBADMSG);
	assert_int_equal(two(1000000, 0, 2, 40000), -EBADMSG);
	assert_int_equal(two(1000000, 0, -2, 40000), -EBADMSG);
	assert_int_equal(two(90000, 0, 0, 3600), 0);
	assert_int_equal(two(90000, 11, 0, 3600), 0);
	assert_int_equal(two(90000, 30, 0, 3600), -EBADMSG);
	assert_int_equal(two(1000000, 0, 0, 0), -EBADMSG);
}

/* Whatever read fails, the scan stands at whole fragments and goes on when the disk does. */
static void a_failed_read_can_be_repeated(void **state)
{
	struct buf b = {0};
	struct fault fault = {0};
	struct fs_fault fs;
	struct seal seal = fixture_seal_of(2);
	int faults = 0;

	(void)state;
	fixture_init(&b);
	for (uint32_t i = 0; i < 2; i++) /* larger than the window: several reads each */
		fixture_fragment(&b, &(struct fixture_fragment){
			.start = {FIXTURE_START_US + i * INT64_C(2000000)}, .tfdt = i * UINT64_C(2000000),
			.frames = 10000, .frame_us = 200, .fill = (uint8_t)i});
	seal.frames = 20000;
	fixture_seal(&b, &seal, key);
	int fd = fixture_file(&b);
	fs_fault_init(&fs, fs_real(), &fault, EIO);
	FAULT_EACH(&fault) {
		struct segment_scan s;
		segment_scan_init(&s, true);
		int rc = segment_scan(&s, &fs.base, fd, (int64_t)b.len, keys);
		assert_int_equal(rc, fault.hit ? -EIO : 0);
		assert_true(rc == 0 || !s.sealed);
		faults += fault.hit;
		assert_int_equal(segment_scan(&s, fs_real(), fd, (int64_t)b.len, keys), 0);
		assert_true(s.sealed && s.content_ok && s.signature_ok);
		assert_int_equal(s.index.count, 2);
		segment_scan_finish(&s);
	}
	assert_true(faults >= 4);
	close(fd);
	buf_finish(&b);
}

static void a_file_shorter_than_told_is_an_io_error(void **state)
{
	struct buf b = {0};
	struct segment_scan s;

	(void)state;
	fixture_init(&b);
	fixture_fragments(&b, COUNT);
	assert_int_equal(scan(&s, &b, (int64_t)b.len + 100), -EIO);
	assert_int_equal(s.index.count, COUNT);
	segment_scan_finish(&s);
	buf_finish(&b);
}

static void without_content_or_key_nothing_is_claimed(void **state)
{
	struct buf b = {0};
	struct segment_scan s;

	(void)state;
	make_sealed(&b);
	int fd = fixture_file(&b);
	segment_scan_init(&s, false);
	assert_int_equal(segment_scan(&s, fs_real(), fd, (int64_t)b.len, NULL), 0);
	assert_true(s.sealed);
	assert_false(s.content_ok || s.signature_ok);
	close(fd);
	segment_scan_finish(&s);
	buf_finish(&b);
}

static void names_are_made_and_read(void **state)
{
	struct wall t = {FIXTURE_START_US}, out;
	char name[256], camera[SEAL_NAME_MAX];

	(void)state;
	segment_incoming_name(name, "playroom-east", t, ".open");
	assert_string_equal(name, "playroom-east-20261124T000000.123457Z.open");
	assert_int_equal(segment_parse_incoming(name, ".open", camera, &out), 0);
	assert_string_equal(camera, "playroom-east");
	assert_int_equal(out.us, t.us);
	assert_int_equal(segment_parse_incoming(name, ".mp4", camera, &out), -EINVAL);
	segment_archive_name(name, "playroom-east", t);
	assert_string_equal(name, "playroom-east/2026-11-24/20261124T000000.123457Z.mp4");
	static const char *const bad[] = {"", ".open", "-.open", "a-b.open", "20261124T000000.123457Z.open",
		"-20261124T000000.123457Z.open", "../x-20261124T000000.123457Z.open",
		"a-20261324T000000.123457Z.open", "a-20261124T000000.123457Zz.open"};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(segment_parse_incoming(bad[i], ".open", camera, &out), -EINVAL);
}

static int setup(void **state)
{
	char dir[] = "/tmp/holdfast-segment-XXXXXX", path[64];
	struct err e = {0};
	bool made;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/seal.key", dir);
	int rc = key_load_or_make(fs_real(), path, &key, &made, &e);
	unlink(path);
	snprintf(path, sizeof path, "%s/seal.pub", dir);
	unlink(path);
	rmdir(dir);
	keys = seal_keys_create();
	if (rc == 0)
		seal_keys_sign_with(keys, key);
	return rc;
}

static int teardown(void **state)
{
	(void)state;
	seal_keys_destroy(keys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_file_is_read),
		cmocka_unit_test(sound_adds_bytes_and_nothing_else),
		cmocka_unit_test(sound_needs_its_track),
		cmocka_unit_test(every_cut_is_understood),
		cmocka_unit_test(increments_add_up),
		cmocka_unit_test(a_bad_tail_is_not_believed),
		cmocka_unit_test(nothing_may_follow_the_seal),
		cmocka_unit_test(every_altered_byte_is_seen),
		cmocka_unit_test(seal_must_tell_what_is_there),
		cmocka_unit_test(a_segment_is_continuous),
		cmocka_unit_test(a_failed_read_can_be_repeated),
		cmocka_unit_test(a_file_shorter_than_told_is_an_io_error),
		cmocka_unit_test(without_content_or_key_nothing_is_claimed),
		cmocka_unit_test(names_are_made_and_read),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
