/* The smaller stream is recorded when it is asked for, and only while it can be; the order outlives the recorder. */
#include "recorder/camera_list.h"
#include "recorder/refusal.h"
#include "recorder/sub_stream.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct mono at(int64_t s)
{
	return (struct mono){s * US_PER_S};
}

static void it_needs_an_order_and_an_address(void **state)
{
	struct sub_stream s = {0};

	(void)state;
	assert_false(sub_stream_choose(&s, true, false, at(1)));
	assert_false(sub_stream_choose(&s, false, true, at(1)));
	assert_true(sub_stream_choose(&s, true, true, at(1)));
}

/* As the recorder does it: once a second. Returns for how many seconds of [from, to) the smaller stream was played. */
static int live(struct sub_stream *s, int64_t from, int64_t to, bool works)
{
	int played = 0;

	for (int64_t t = from; t < to; t++) {
		sub_stream_watch(s, s->playing ? works : true, at(t));
		bool now = sub_stream_choose(s, true, true, at(t));
		if (now != s->playing)
			sub_stream_set(s, now);
		played += s->playing;
	}
	return played;
}

static void one_that_cannot_be_recorded_gives_way(void **state)
{
	struct sub_stream s = {0};

	(void)state;
	int played = live(&s, 1, 3600, false);
	assert_true(played >= 19 && played <= 22);
	assert_false(s.playing);
	played = live(&s, 3600, 10 * 86400, false); /* after 1, 2, 4, 8, 16, 24, 24 … hours */
	assert_true(played < 16 * 22);
	played = live(&s, 10 * 86400, 12 * 86400, true);
	assert_true(s.playing && s.failures == 0 && played > 86400);
}

static void a_short_outage_is_no_failure(void **state)
{
	struct sub_stream s = {0};

	(void)state;
	live(&s, 1, 10, true);
	assert_int_equal(live(&s, 10, 25, false), 15);
	live(&s, 25, 26, true);
	assert_int_equal(live(&s, 26, 41, false), 15);
	assert_true(s.playing && s.failures == 0);
}

/* --- the order ---------------------------------------------------------------------------- */

static char dir[] = "/tmp/holdfast-test-XXXXXX", file[] = "/tmp/holdfast-test-XXXXXX/economy.json";
static bool is_closed;

static void on_closed(void *owner)
{
	(void)owner;
	is_closed = true;
}

/* A life of the recorder in which the keeper sends these. */
static void take(const char *const *orders, size_t count)
{
	uv_loop_t loop;
	struct camera_list o;

	assert_int_equal(uv_loop_init(&loop), 0);
	camera_list_init(&o, &loop, fs_real(), file);
	for (size_t i = 0; i < count; i++) {
		json_t *order = json_loads(orders[i], JSON_DECODE_ANY, NULL);
		camera_list_take(&o, order);
		json_decref(order);
	}
	is_closed = false;
	camera_list_close(&o, on_closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(is_closed);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void expect_wants(const char *camera, bool wants)
{
	uv_loop_t loop;
	struct camera_list o;

	assert_int_equal(uv_loop_init(&loop), 0);
	camera_list_init(&o, &loop, fs_real(), file);
	assert_int_equal(camera_list_has(&o, camera), wants);
	camera_list_close(&o, on_closed, NULL);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void the_last_order_is_kept(void **state)
{
	static const char *const orders[] = {"[\"a\"]", "[\"b\"]", "[\"a\", \"c\"]"};
	static const char *const nonsense[] = {"{}", "[1]", "\"a\"", "null", "[[\"a\"]]"};

	(void)state;
	expect_wants("a", false);
	take(orders, 3);
	take(nonsense, 5);
	take(NULL, 0);
	expect_wants("a", true);
	expect_wants("b", false);
	expect_wants("c", true);
}

/* Without a keeper nobody is refused for longer than a minute. */
static void a_refusal_ends_when_it_is_not_said_again(void **state)
{
	json_t *one = json_pack("[s]", "a"), *nonsense = json_pack("[i]", 1), *none = json_array();
	struct refusal r = {0};

	(void)state;
	assert_false(refusal_has(&r, "a", (struct mono){1}));
	refusal_take(&r, one, (struct mono){1});
	refusal_take(&r, nonsense, (struct mono){2});
	refusal_take(&r, NULL, (struct mono){2});
	assert_true(refusal_has(&r, "a", (struct mono){REFUSAL_US}));
	assert_false(refusal_has(&r, "b", (struct mono){1}));
	assert_false(refusal_has(&r, "a", (struct mono){REFUSAL_US + 1}));
	refusal_take(&r, one, (struct mono){REFUSAL_US + 1});
	assert_true(refusal_has(&r, "a", (struct mono){REFUSAL_US + 2}));
	refusal_take(&r, none, (struct mono){REFUSAL_US + 3});
	assert_false(refusal_has(&r, "a", (struct mono){REFUSAL_US + 4}));
	refusal_finish(&r);
	json_decref(one);
	json_decref(nonsense);
	json_decref(none);
}

static void a_broken_file_is_none(void **state)
{
	static const char *const texts[] = {"", "[", "{\"a\": 1}", "[\"a\", 2]", "null"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_int_equal(fs_replace(fs_real(), file, texts[i], strlen(texts[i]), 0640), 0);
		expect_wants("a", false);
	}
	unlink(file);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	memcpy(file, dir, strlen(dir));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_needs_an_order_and_an_address),
		cmocka_unit_test(one_that_cannot_be_recorded_gives_way),
		cmocka_unit_test(a_short_outage_is_no_failure),
		cmocka_unit_test(the_last_order_is_kept),
		cmocka_unit_test(a_refusal_ends_when_it_is_not_said_again),
		cmocka_unit_test(a_broken_file_is_none),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
