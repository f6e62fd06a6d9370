/* The route table, and that api/openapi.yaml says the same: paths, methods, permissions, parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "api/router.h"

#include <ctype.h>
#include <string.h>
#include <yaml.h>

static yaml_document_t doc;

/* --- a little of YAML's document tree ------------------------------------------------ */

static const char *text_of(int node)
{
	yaml_node_t *n = yaml_document_get_node(&doc, node);

	return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "";
}

static int member(int node, const char *key)
{
	yaml_node_t *n = yaml_document_get_node(&doc, node);

	if (!n || n->type != YAML_MAPPING_NODE)
		return 0;
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++)
		if (strcmp(text_of(p->key), key) == 0)
			return p->value;
	return 0;
}

static int root(void) { return 1; }

/* Follows "#/components/parameters/NAME". */
static int resolve(int node)
{
	const char *ref = text_of(member(node, "$ref"));

	if (!*ref)
		return node;
	return member(member(member(root(), "components"), "parameters"), strrchr(ref, '/') + 1);
}

static bool load(void)
{
	char path[1024];
	yaml_parser_t parser;

	/* beside the sources: __FILE__ is .../tests/unit/test_router.c */
	snprintf(path, sizeof path, "%s", __FILE__);
	snprintf(strrchr(path, '/'), 60, "/../../api/openapi.yaml");
	FILE *f = fopen(path, "r");
	if (!f)
		return false;
	yaml_parser_initialize(&parser);
	yaml_parser_set_input_file(&parser, f);
	bool ok = yaml_parser_load(&parser, &doc);
	yaml_parser_delete(&parser);
	fclose(f);
	return ok;
}

/* --- the comparison --------------------------------------------------------------------- */

static void lower(const char *from, char *to)
{
	for (; *from; from++)
		*to++ = (char)tolower((unsigned char)*from);
	*to = '\0';
}

static const char *const action_names[] = {
	[ACTION_PUBLIC] = "public", [ACTION_READ] = "read", [ACTION_METRICS] = "metrics",
	[ACTION_FOOTAGE] = "footage", [ACTION_EXPLAIN] = "explain", [ACTION_HOLD] = "hold",
	[ACTION_RELEASE] = "release", [ACTION_DISKS] = "disks", [ACTION_TOKENS] = "tokens",
};

/* The query parameters of an operation, in order, separated by spaces. */
static void parameters_of(int operation, char out[200])
{
	yaml_node_t *list = yaml_document_get_node(&doc, member(operation, "parameters"));

	out[0] = '\0';
	if (!list)
		return;
	for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
		int p = resolve(*i);
		if (strcmp(text_of(member(p, "in")), "query") != 0)
			continue;
		if (out[0])
			strncat(out, " ", 199 - strlen(out));
		strncat(out, text_of(member(p, "name")), 199 - strlen(out));
	}
}

static void every_route_is_documented(void **state)
{
	int paths = member(root(), "paths");

	(void)state;
	for (unsigned i = 0; i < route_count; i++) {
		char method[10], parameters[200];
		lower(routes[i].method, method);
		int operation = member(member(paths, routes[i].pattern), method);
		if (!operation)
			fail_msg("openapi.yaml lacks %s %s", routes[i].method, routes[i].pattern);
		assert_string_equal(text_of(member(operation, "x-permission")), action_names[routes[i].action]);
		parameters_of(operation, parameters);
		if (strcmp(parameters, routes[i].parameters) != 0)
			fail_msg("%s %s: \"%s\", openapi.yaml says \"%s\"", method, routes[i].pattern, routes[i].parameters, parameters);
	}
}

static bool in_table(const char *path, const char *method)
{
	for (unsigned i = 0; i < route_count; i++)
		if (strcmp(routes[i].pattern, path) == 0 && strcasecmp(routes[i].method, method) == 0)
			return true;
	return false;
}

static void everything_documented_is_a_route(void **state)
{
	yaml_node_t *paths = yaml_document_get_node(&doc, member(root(), "paths"));

	(void)state;
	for (yaml_node_pair_t *p = paths->data.mapping.pairs.start; p < paths->data.mapping.pairs.top; p++) {
		yaml_node_t *item = yaml_document_get_node(&doc, p->value);
		for (yaml_node_pair_t *m = item->data.mapping.pairs.start; m < item->data.mapping.pairs.top; m++)
			if (strcmp(text_of(m->key), "parameters") != 0 && !in_table(text_of(p->key), text_of(m->key)))
				fail_msg("no route for %s %s", text_of(m->key), text_of(p->key));
	}
}

static void finds_routes(void **state)
{
	static const struct { const char *method, *path, *pattern, *id, *methods; } t[] = {
		{"GET", "/", "/", "", NULL},
		{"GET", "/api/v1/site", "/api/v1/site", "", NULL},
		{"HEAD", "/api/v1/cameras/a-1", "/api/v1/cameras/{id}", "a-1", NULL},
		{"GET", "/api/v1/cameras/a.b_c/footage.mp4", "/api/v1/cameras/{id}/footage.mp4", "a.b_c", NULL},
		{"POST", "/api/v1/holds/7/release", "/api/v1/holds/{id}/release", "7", NULL},
		{"POST", "/api/v1/site", NULL, "", "GET, HEAD"},
		{"DELETE", "/api/v1/holds", NULL, "", "GET, HEAD, POST"},
		{"get", "/", NULL, "", "GET, HEAD"},
		{"GET", "/api/v1/cameras/", NULL, "", ""}, {"GET", "/api/v1/cameras/.", NULL, "", ""},
		{"GET", "/api/v1/cameras/..", NULL, "", ""}, {"GET", "/api/v1/cameras/a/b", NULL, "", ""},
		{"GET", "/api/v1/cameras/a%20b", NULL, "", ""}, {"GET", "/api/v1/cameras/%2e%2e/footage.mp4", NULL, "", ""},
		{"GET", "/api/v1/cameras/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, "", ""},
		{"GET", "//", NULL, "", ""}, {"GET", "/API/v1/site", NULL, "", ""},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		char id[ROUTE_ID_MAX], methods[ROUTE_METHODS_MAX];
		const struct route *r = router_find(t[i].method, t[i].path, id, methods);
		if ((r != NULL) != (t[i].pattern != NULL))
			fail_msg("%s %s", t[i].method, t[i].path);
		if (r) {
			assert_string_equal(r->pattern, t[i].pattern);
			assert_string_equal(id, t[i].id);
		} else {
			assert_string_equal(methods, t[i].methods);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_documented),
		cmocka_unit_test(everything_documented_is_a_route),
		cmocka_unit_test(finds_routes),
	};

	if (!load()) {
		fprintf(stderr, "api/openapi.yaml cannot be read\n");
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	yaml_document_delete(&doc);
	return failed;
}
