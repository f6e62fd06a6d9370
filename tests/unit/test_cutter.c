#include "recorder/cutter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S INT64_C(1000000)

static void test_gops_and_segments(void **state)
{
	(void)state;
	struct cutter c;
	unsigned segments = 0, fragments = 0;

	cutter_init(&c, 300 * S, 0);
	assert_int_equal(cutter_frame(&c, 0, false, 1), CUT_NONE);
	assert_false(c.open);
	for (int n = 0; n < 15 * 1200; n++) { /* 20 min, GOP of 1 s */
		enum cut cut = cutter_frame(&c, n * S / 15, n % 15 == 0, 1);
		segments += cut == CUT_SEGMENT;
		fragments += cut == CUT_FRAGMENT;
	}
	assert_int_equal(segments, 4);
	assert_int_equal(segments + fragments, 1200);
}

static void test_stagger_shortens_the_first_only(void **state)
{
	(void)state;
	struct cutter c;

	cutter_init(&c, 300 * S, 100 * S);
	assert_int_equal(cutter_frame(&c, 0, true, 1), CUT_SEGMENT);
	assert_int_equal(cutter_frame(&c, 199 * S, true, 1), CUT_FRAGMENT);
	assert_int_equal(cutter_frame(&c, 200 * S, true, 1), CUT_SEGMENT);
	assert_int_equal(cutter_frame(&c, 499 * S, true, 1), CUT_FRAGMENT);
	assert_int_equal(cutter_frame(&c, 500 * S, true, 1), CUT_SEGMENT);
}

static void test_long_gop_is_cut_without_key(void **state)
{
	(void)state;
	struct cutter c;
	int64_t last = 0;

	cutter_init(&c, 300 * S, 0);
	for (int n = 0; n < 10 * 60; n++) { /* GOP of 60 s at 10 fps */
		if (cutter_frame(&c, n * S / 10, n == 0, 1) == CUT_NONE)
			continue;
		assert_true(n * S / 10 - last <= CUTTER_FRAGMENT_US);
		last = n * S / 10;
	}
	/* a key frame soon behind such a cut begins a fragment, too */
	assert_int_equal(cutter_frame(&c, last + S, false, 1), CUT_FRAGMENT);
	assert_int_equal(cutter_frame(&c, last + S + S / 10, true, 1), CUT_FRAGMENT);
	assert_int_equal(cutter_frame(&c, last + S + S / 5, true, 1), CUT_NONE); /* as in a stream of key frames */
	/* a segment waits for a key frame however long it is */
	assert_int_equal(cutter_frame(&c, 400 * S, false, 1), CUT_FRAGMENT);
	assert_int_equal(cutter_frame(&c, 401 * S, true, 1), CUT_SEGMENT);
}

static void test_parameter_sets(void **state)
{
	(void)state;
	struct cutter c;

	cutter_init(&c, 300 * S, 0);
	cutter_frame(&c, 0, true, 1);
	assert_int_equal(cutter_frame(&c, 1 * S, false, 2), CUT_NONE);
	assert_int_equal(cutter_frame(&c, 1 * S + 1, true, 2), CUT_SEGMENT);
	assert_int_equal(cutter_frame(&c, 2 * S + 1, true, 2), CUT_FRAGMENT);
	cutter_close(&c);
	assert_int_equal(cutter_frame(&c, 3 * S, false, 2), CUT_NONE);
	assert_int_equal(cutter_frame(&c, 4 * S, true, 2), CUT_SEGMENT);
}

static void test_key_frames_only(void **state)
{
	(void)state;
	struct cutter c;
	unsigned cuts = 0;

	cutter_init(&c, 300 * S, 0);
	for (int n = 0; n < 250; n++)
		cuts += cutter_frame(&c, n * S / 25, true, 1) != CUT_NONE;
	assert_int_equal(cuts, 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gops_and_segments),
		cmocka_unit_test(test_stagger_shortens_the_first_only),
		cmocka_unit_test(test_long_gop_is_cut_without_key),
		cmocka_unit_test(test_parameter_sets),
		cmocka_unit_test(test_key_frames_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
