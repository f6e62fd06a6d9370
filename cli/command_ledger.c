#include "cli/client.h"
#include "cli/commands.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>

static void print_entry(const json_t *e)
{
	char *body = json_dumps(json_object_get(e, "body"), JSON_COMPACT | JSON_ENCODE_ANY);

	printf("%6lld  %s  %-20s %-16s %s\n", (long long)json_integer_value(json_object_get(e, "seq")),
	       text_time(e, "at"), text_of(e, "kind"), text_of(e, "camera"), body);
	free(body);
}

int command_ledger(const struct options *o)
{
	json_t *query = o->after ? json_pack("{s:s}", "after", o->after) : json_object(), *entries = NULL, *e;
	size_t i;
	int rc = client_list(o, "/ledger", query, "entries", &entries);

	if (rc == CLI_YES && o->json)
		text_json(entries);
	if (rc == CLI_YES && !o->json)
		json_array_foreach(entries, i, e)
			print_entry(e);
	json_decref(query);
	json_decref(entries);
	return rc;
}
