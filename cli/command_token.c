#include "base/lang.h"
#include "base/show.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(const char *zh, const char *en)
{
	show(stderr, "holdfast token: %s\n", lang(zh, en));
	return CLI_USAGE;
}

static int add(const struct options *o)
{
	json_t *answer = NULL;

	if (o->word_count != 2 || !o->role)
		return usage("需要名称和 --role", "a name and --role are needed");
	json_t *body = json_pack("{s:s, s:s}", "name", o->words[1], "role", o->role);
	if (o->expires)
		json_object_set_new(body, "expires_at", json_string(o->expires));
	int rc = client_call(o, "POST", "/tokens", NULL, body, &answer);
	if (rc == CLI_YES) {
		show(stderr, "%s\n", lang("令牌只显示这一次，请妥善保存：", "Shown this once only; keep it safe:"));
		puts(text_of(answer, "token"));
	}
	json_decref(body);
	json_decref(answer);
	return rc;
}

static int list(const struct options *o)
{
	json_t *tokens = NULL, *t;
	size_t i;
	int rc = client_list(o, "/tokens", NULL, "tokens", &tokens);

	if (rc == CLI_YES && o->json)
		text_json(tokens);
	if (rc == CLI_YES && !o->json)
		json_array_foreach(tokens, i, t)
			show(stdout, "%6lld  %-20s %-12s %s  %s%s\n", (long long)json_integer_value(json_object_get(t, "id")),
			     text_of(t, "name"), text_of(t, "role"), text_time(t, "created_at"),
			     text_time(t, "last_used_at"),
			     *text_of(t, "revoked_at") ? lang("（已撤销）", " (revoked)") : "");
	json_decref(tokens);
	return rc;
}

static int drop(const struct options *o)
{
	json_t *answer = NULL;
	char path[64];

	if (o->word_count != 2)
		return usage("需要编号", "the token's number is needed");
	snprintf(path, sizeof path, "/tokens/%ld", strtol(o->words[1], NULL, 10));
	int rc = client_call(o, "DELETE", path, NULL, NULL, &answer);
	if (rc == CLI_YES)
		puts(lang("已撤销", "revoked"));
	json_decref(answer);
	return rc;
}

int command_token(const struct options *o)
{
	const char *verb = o->word_count ? o->words[0] : "";

	if (strcmp(verb, "add") == 0)
		return add(o);
	if (strcmp(verb, "list") == 0)
		return list(o);
	if (strcmp(verb, "remove") == 0)
		return drop(o);
	return usage("add、list 或 remove", "add, list or remove");
}
