/* The fragment index: packed and unpacked alike, found by time, hostile blobs refused. */
#include "media/fragment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define START INT64_C(1795478400000000)
#define FIRST_OFFSET 777

static void fill(struct fragment_index *x, unsigned count)
{
	struct fragment f = {.start = {START}, .offset = FIRST_OFFSET};

	for (unsigned i = 0; i < count; i++) {
		f.duration_us = i == 3 ? 1 : 2000000 + i;
		f.bytes = i == 5 ? UINT32_MAX : 100 + i * 1000;
		f.frames = i == 7 ? UINT32_MAX : 50;
		f.crc = 0xdeadbeef ^ i;
		f.key = i % 2 == 0;
		fragment_index_add(x, &f);
		f.start.us += f.duration_us;
		f.offset += f.bytes;
	}
}

static void packs_and_unpacks(void **state)
{
	struct fragment_index x = {0}, y;
	struct buf b = {0};

	(void)state;
	fill(&x, 150);
	fragment_index_pack(&x, &b);
	assert_int_equal(fragment_index_unpack(b.data, b.len, (struct wall){START}, FIRST_OFFSET, &y), 0);
	assert_int_equal(y.count, 150);
	for (unsigned i = 0; i < 150; i++) {
		assert_int_equal(y.items[i].start.us, x.items[i].start.us);
		assert_int_equal(y.items[i].duration_us, x.items[i].duration_us);
		assert_int_equal(y.items[i].offset, x.items[i].offset);
		assert_int_equal(y.items[i].bytes, x.items[i].bytes);
		assert_int_equal(y.items[i].frames, x.items[i].frames);
		assert_int_equal(y.items[i].crc, x.items[i].crc);
		assert_int_equal(y.items[i].key, x.items[i].key);
	}
	fragment_index_finish(&x);
	fragment_index_finish(&y);
	buf_finish(&b);
}

static void nothing_packs_to_nothing(void **state)
{
	struct fragment_index x = {0}, y;
	struct buf b = {0};

	(void)state;
	fragment_index_pack(&x, &b);
	assert_int_equal(b.len, 0);
	assert_int_equal(fragment_index_unpack((const uint8_t *)"", 0, (struct wall){START}, 0, &y), 0);
	assert_int_equal(y.count, 0);
	assert_int_equal(fragment_index_find(&y, (struct wall){START}), -1);
}

static void finds_by_time(void **state)
{
	struct fragment_index x = {0};

	(void)state;
	fill(&x, 20);
	assert_int_equal(fragment_index_find(&x, (struct wall){START - 1}), -1);
	for (int i = 0; i < 20; i++) {
		struct fragment *f = &x.items[i];
		assert_int_equal(fragment_index_find(&x, f->start), i);
		assert_int_equal(fragment_index_find(&x, (struct wall){f->start.us + f->duration_us - 1}), i);
	}
	assert_int_equal(fragment_index_find(&x, (struct wall){INT64_MAX}), 19);
	fragment_index_finish(&x);
}

static void broken_blobs_are_refused(void **state)
{
	struct fragment_index x = {0}, y;
	struct buf b = {0};
	unsigned whole = 0;

	(void)state;
	fill(&x, 4);
	fragment_index_pack(&x, &b);
	for (size_t n = 0; n < b.len; n++) {
		int rc = fragment_index_unpack(b.data, n, (struct wall){START}, 0, &y);
		whole += rc == 0;
		assert_true(rc == 0 || rc == -EBADMSG);
		fragment_index_finish(&y);
	}
	assert_int_equal(whole, 4); /* only cuts between fragments pass: 0, 1, 2 and 3 of them */
	static const uint8_t wide[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1, 0, 0, 0, 0};
	static const uint8_t padded[] = {0x81, 0x00, 1, 3, 0, 0, 0, 0};
	static const uint8_t far[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 3, 0, 0, 0, 0};
	assert_int_equal(fragment_index_unpack(wide, sizeof wide, (struct wall){START}, 0, &y), -EBADMSG);
	assert_int_equal(fragment_index_unpack(padded, sizeof padded, (struct wall){START}, 0, &y), -EBADMSG);
	assert_int_equal(fragment_index_unpack(far, sizeof far, (struct wall){START}, 0, &y), -EBADMSG);
	fragment_index_finish(&x);
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs_and_unpacks),
		cmocka_unit_test(nothing_packs_to_nothing),
		cmocka_unit_test(finds_by_time),
		cmocka_unit_test(broken_blobs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
