/* What the api asks of a copy in the object store, and the answer: both ends read each other as hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "media/object_read.h"

#define AT 8
#define START 16
#define CAMERA (OBJECT_READ_ASK_BYTES - OBJECT_READ_CAMERA_MAX)

static const struct object_read question = {.camera = "playroom-east", .start = {1795478400123457}, .seal_digest = {1, 2, 255},
					    .at = INT64_C(5) << 32, .bytes = OBJECT_READ_MAX_BYTES};

static void gives_back_what_was_asked(void **state)
{
	uint8_t wire[OBJECT_READ_ASK_BYTES];
	struct object_read out;

	(void)state;
	object_read_write(&question, wire);
	assert_int_equal(object_read_parse(wire, &out), 0);
	assert_string_equal(out.camera, question.camera);
	assert_memory_equal(out.seal_digest, question.seal_digest, SHA256_BYTES);
	assert_int_equal(out.start.us, question.start.us);
	assert_int_equal(out.at, question.at);
	assert_int_equal(out.bytes, question.bytes);
	struct object_read longest = question;
	memset(longest.camera, 'c', OBJECT_READ_CAMERA_MAX);
	object_read_write(&longest, wire);
	assert_int_equal(object_read_parse(wire, &out), 0);
	assert_string_equal(out.camera, longest.camera);
}

static void refuses_questions_out_of_bounds(void **state)
{
	static const struct { size_t at; uint8_t width; uint64_t value; } t[] = {
		{0, 4, 0x48467232}, {4, 4, 0}, {4, 4, OBJECT_READ_MAX_BYTES + 1}, {4, 4, UINT32_MAX}, {AT, 8, UINT64_MAX},
		{AT, 8, INT64_MAX}, {AT, 8, UINT64_C(1) << 63}, {START, 8, UINT64_C(1) << 63}, {CAMERA, 1, 0}, {CAMERA, 1, ' '},
		{CAMERA + 3, 1, '\n'}, {CAMERA + 3, 1, 0x7f}, {CAMERA + 3, 1, 0xe5}, {CAMERA + 3, 1, 0},
		{OBJECT_READ_ASK_BYTES - 1, 1, 'x'},
	};
	uint8_t wire[OBJECT_READ_ASK_BYTES];
	struct object_read out;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		object_read_write(&question, wire);
		for (uint8_t k = 0; k < t[i].width; k++)
			wire[t[i].at + k] = (uint8_t)(t[i].value >> 8 * (t[i].width - 1 - k));
		if (object_read_parse(wire, &out) == 0)
			fail_msg("case %zu was taken", i);
	}
}

static void takes_only_answers_that_fit(void **state)
{
	static const struct { uint8_t verdict, rest; uint32_t bytes; bool fits; } t[] = {
		{OBJECT_READ_FINE, 0, 1000, true}, {OBJECT_READ_FINE, 0, 999, false}, {OBJECT_READ_FINE, 0, 1001, false},
		{OBJECT_READ_FINE, 0, 0, false}, {OBJECT_READ_FINE, 1, 1000, false}, {OBJECT_READ_UNKNOWN, 0, 0, true},
		{OBJECT_READ_BUSY, 0, 0, true}, {OBJECT_READ_TROUBLE, 0, 32, true}, {OBJECT_READ_TROUBLE, 0, 33, false},
		{OBJECT_READ_TROUBLE, 0, UINT32_MAX, false}, {OBJECT_READ_TROUBLE + 1, 0, 0, false}, {255, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		uint8_t wire[OBJECT_READ_HEAD_BYTES];
		struct object_answer out;
		object_answer_write(&(struct object_answer){OBJECT_READ_FINE, t[i].bytes}, wire);
		wire[4] = t[i].verdict;
		wire[7] = t[i].rest;
		if ((object_answer_parse(wire, 1000, &out) == 0) != t[i].fits)
			fail_msg("case %zu", i);
		wire[0] ^= 1;
		assert_true(object_answer_parse(wire, 1000, &out) < 0);
	}
}

static void a_trouble_is_a_word(void **state)
{
	char out[OBJECT_READ_TROUBLE_MAX];
	uint8_t hostile[100];

	(void)state;
	object_answer_trouble((const uint8_t *)"no_bucket", 9, out);
	assert_string_equal(out, "no_bucket");
	object_answer_trouble((const uint8_t *)"<a b=\"\0\n", 8, out);
	assert_string_equal(out, "_a_b____");
	memset(hostile, 'z', sizeof hostile);
	object_answer_trouble(hostile, sizeof hostile, out);
	assert_int_equal(strlen(out), OBJECT_READ_TROUBLE_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_was_asked),
		cmocka_unit_test(refuses_questions_out_of_bounds),
		cmocka_unit_test(takes_only_answers_that_fit),
		cmocka_unit_test(a_trouble_is_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
