#include "base/show.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_ENTRIES "1000"

static void print_entry(const json_t *e)
{
	char *body = json_dumps(json_object_get(e, "body"), JSON_COMPACT | JSON_ENCODE_ANY);

	show(stdout, "%6lld  %s  %-20s %-16s %s\n", (long long)json_integer_value(json_object_get(e, "seq")),
	     text_time(e, "at"), text_of(e, "kind"), text_of(e, "camera"), body);
	free(body);
}

static void print_line(const json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
}

/* One page behind *after, which moves on; *more: there may be another. */
static int print_page(const struct options *o, json_int_t *after, json_int_t last, bool *more)
{
	char text[24];
	json_t *page = NULL, *e;
	size_t i;

	snprintf(text, sizeof text, "%lld", (long long)*after);
	json_t *query = json_pack("{s:s, s:s}", "after", text, "limit", PAGE_ENTRIES);
	int rc = client_call(o, "GET", "/ledger", query, NULL, &page);
	*more = json_is_integer(json_object_get(page, "next"));
	json_array_foreach(json_object_get(page, "entries"), i, e) {
		*after = json_integer_value(json_object_get(e, "seq"));
		if (*after > last) {
			*more = false;
			break;
		}
		if (o->json)
			print_line(e);
		else
			print_entry(e);
	}
	json_decref(page);
	json_decref(query);
	return rc;
}

/* The head is asked for first, so that it vouches for all that is printed. */
int command_ledger(const struct options *o)
{
	json_int_t after = o->after ? strtoll(o->after, NULL, 10) : 0;
	json_t *head = NULL;
	bool more = true;
	int rc = client_call(o, "GET", "/ledger/head", NULL, NULL, &head);
	json_int_t last = o->json ? json_integer_value(json_object_get(head, "seq")) : INT64_MAX;

	while (rc == CLI_YES && more)
		rc = print_page(o, &after, last, &more);
	if (rc == CLI_YES && o->json) {
		json_t *line = json_pack("{s:O}", "head", head);
		print_line(line);
		json_decref(line);
	}
	json_decref(head);
	return rc;
}
