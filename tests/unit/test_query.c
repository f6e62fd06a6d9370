/* Queries and problems: what a URL may say, and what a person is told when it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "api/query.h"

#include <string.h>

#define ALLOWED "from to limit open name"

static const struct { const char *raw, *name, *value; } good[] = {
	{"name=a", "name", "a"}, {"name=", "name", ""}, {"name", "name", ""}, {"&&name=a&", "name", "a"},
	{"name=a%20b", "name", "a b"}, {"name=a+b", "name", "a+b"}, {"name=a%2Bb", "name", "a+b"},
	{"name=%e6%b4%bb", "name", "\xe6\xb4\xbb"}, {"na%6de=x=y", "name", "x=y"}, {"", "name", NULL},
};

static const struct { const char *raw, *field; } bad[] = {
	{"nam=a", "nam"}, {"names=a", "names"}, {"name=a&name=b", "name"}, {"name=%", "name"}, {"name=%4", "name"},
	{"name=%zz", "name"}, {"name=%00", "name"}, {"name=%0a", "name"}, {"name=%ff", "name"}, {"name=%c0%ae", "name"},
	{"from to=1", ""}, {"=x", ""}, {"%=x", ""},
};

static void takes_and_refuses(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		struct query q;
		struct problem p = {0};
		assert_int_equal(query_parse(&q, good[i].raw, ALLOWED, &p), 0);
		const char *value = query_get(&q, good[i].name);
		if (good[i].value)
			assert_string_equal(value, good[i].value);
		else
			assert_null(value);
		query_finish(&q);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct query q;
		struct problem p = {0};
		assert_true(query_parse(&q, bad[i].raw, ALLOWED, &p) < 0);
		assert_int_equal(p.status, 400);
		if (bad[i].field[0])
			assert_string_equal(p.field, bad[i].field);
		char *text = problem_render(&p, false);
		assert_non_null(text);
		free(text);
		query_finish(&q);
	}
}

static void times_need_their_offset(void **state)
{
	static const struct { const char *raw; int64_t us; const char *remedy; } t[] = {
		{"from=2026-11-23T03:15:00Z", INT64_C(1795403700000000), NULL},
		{"from=2026-11-23T11:15:00%2B08:00", INT64_C(1795403700000000), NULL},
		{"from=2026-11-23T11:15:00+08:00", INT64_C(1795403700000000), NULL},
		{"from=2026-11-23T11:15:00%2008:00", 0, "write + as %2B in a URL"},
		{"from=2026-11-23T11:15:00", 0, "write RFC 3339 with an offset, for example 2026-11-23T03:15:00Z"},
		{"from=yesterday", 0, ""}, {"from=", 0, ""}, {"", 0, ""},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct query q;
		struct problem p = {0};
		struct wall w;
		assert_int_equal(query_parse(&q, t[i].raw, ALLOWED, &p), 0);
		if (t[i].us) {
			assert_int_equal(query_time(&q, "from", &w, &p), 0);
			assert_true(w.us == t[i].us);
		} else {
			assert_true(query_time(&q, "from", &w, &p) < 0);
			assert_string_equal(p.field, "from");
			if (t[i].remedy[0])
				assert_string_equal(p.remedy, t[i].remedy);
		}
		query_finish(&q);
	}
}

static void numbers_have_their_range(void **state)
{
	static const struct { const char *raw; int rc; int64_t value; } t[] = {
		{"", 0, 7}, {"limit=1", 0, 1}, {"limit=100", 0, 100}, {"limit=0", -1, 0}, {"limit=101", -1, 0},
		{"limit=", -1, 0}, {"limit=%201", -1, 0}, {"limit=+1", -1, 0}, {"limit=1x", -1, 0},
		{"limit=99999999999999999999", -1, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct query q;
		struct problem p = {0};
		int64_t v;
		assert_int_equal(query_parse(&q, t[i].raw, ALLOWED, &p), 0);
		assert_int_equal(query_int(&q, "limit", 1, 100, 7, &v, &p), t[i].rc);
		if (t[i].rc == 0)
			assert_true(v == t[i].value);
		query_finish(&q);
	}
}

static void tells_it_in_the_language_asked_for(void **state)
{
	struct problem p = {0};

	(void)state;
	problem_set(&p, 404, "id", "x\"y", "没有 {}", "there is no {}");
	problem_remedy(&p, "查", "look");
	char *zh = problem_render(&p, true), *en = problem_render(&p, false);
	json_t *z = json_loads(zh, 0, NULL), *e = json_loads(en, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(z, "detail")), "没有 x\"y");
	assert_string_equal(json_string_value(json_object_get(e, "detail")), "there is no x\"y");
	assert_string_equal(json_string_value(json_object_get(e, "detail_zh")), "没有 x\"y");
	assert_string_equal(json_string_value(json_object_get(e, "title")), "Not Found");
	assert_int_equal(json_integer_value(json_object_get(e, "status")), 404);
	json_decref(z);
	json_decref(e);
	free(zh);
	free(en);
	char what[200] = "x"; /* a long text is not cut inside a character */
	for (int i = 0; i < 60; i++)
		strcat(what, "室");
	problem_set(&p, 404, what, what, "没有 {}", "there is no {}");
	en = problem_render(&p, false);
	e = json_loads(en, 0, NULL);
	assert_int_equal(strlen(json_string_value(json_object_get(e, "detail"))), strlen("there is no x") + 39 * 3);
	json_decref(e);
	free(en);
	assert_true(problem_wants_zh("zh-CN,zh;q=0.9,en;q=0.8"));
	assert_true(problem_wants_zh("zh"));
	assert_false(problem_wants_zh("en-GB,zh;q=0.5"));
	assert_false(problem_wants_zh("fr"));
	assert_false(problem_wants_zh("zha"));
	assert_false(problem_wants_zh(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_and_refuses),
		cmocka_unit_test(times_need_their_offset),
		cmocka_unit_test(numbers_have_their_range),
		cmocka_unit_test(tells_it_in_the_language_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
