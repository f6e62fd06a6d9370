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
	show(stderr, "holdfast hold: %s\n", lang(zh, en));
	return CLI_USAGE;
}

static void print_placed(const json_t *h)
{
	show(stdout, "%s %lld\n  %s %s – %s\n  %s %s – %s\n", lang("已保全，编号", "held, number"),
	     (long long)json_integer_value(json_object_get(h, "id")), lang("请求", "asked"), text_time(h, "start"),
	     text_time(h, "end"), lang("实际保留（整段录像）", "kept (whole segments)"), text_time(h, "protected_start"),
	     text_time(h, "protected_end"));
}

static int add(const struct options *o)
{
	json_t *answer = NULL;

	if (!o->camera || !o->from || !o->to || !o->reason)
		return usage("需要 --camera --from --to --reason", "--camera, --from, --to and --reason are needed");
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "camera", o->camera, "start", o->from, "end", o->to,
				 "reason", o->reason, "reference", o->reference ? o->reference : "");
	int rc = client_call(o, "POST", "/holds", NULL, body, &answer);
	if (rc == CLI_YES && o->json)
		text_json(answer);
	else if (rc == CLI_YES)
		print_placed(answer);
	json_decref(body);
	json_decref(answer);
	return rc;
}

static void print_hold(const json_t *h)
{
	show(stdout, "%6lld  %-20s %s – %s  %s  %s%s\n", (long long)json_integer_value(json_object_get(h, "id")),
	     text_of(h, "camera"), text_time(h, "start"), text_time(h, "end"), text_of(h, "placed_by"), text_of(h, "reason"),
	     *text_of(h, "released_at") ? lang("（已解除）", " (released)") : "");
	if (json_is_string(json_object_get(h, "protected_start")))
		show(stdout, "        %s %s – %s\n", lang("保留", "kept"), text_time(h, "protected_start"), text_time(h, "protected_end"));
	if (json_is_string(json_object_get(h, "release_requested_by")))
		show(stdout, lang("        %s 申请解除（%s），待另一人批准\n", "        %s asks for its release (%s); another person has to approve\n"),
		     text_of(h, "release_requested_by"), text_of(h, "release_request_reason"));
}

static int list(const struct options *o)
{
	json_t *holds = NULL, *h;
	size_t i;
	int rc = client_list(o, "/holds", NULL, "holds", &holds);

	if (rc == CLI_YES && o->json)
		text_json(holds);
	if (rc == CLI_YES && !o->json)
		json_array_foreach(holds, i, h)
			print_hold(h);
	json_decref(holds);
	return rc;
}

static int release(const struct options *o)
{
	json_t *answer = NULL;
	char path[64];

	if (o->word_count != 2 || !o->reason)
		return usage("需要编号和 --reason", "the hold's number and --reason are needed");
	snprintf(path, sizeof path, "/holds/%ld/release", strtol(o->words[1], NULL, 10));
	json_t *body = json_pack("{s:s}", "reason", o->reason);
	int rc = client_call(o, "POST", path, NULL, body, &answer);
	if (rc == CLI_YES)
		puts(strcmp(text_of(answer, "state"), "released") == 0
			     ? lang("已解除保全", "released")
			     : lang("已记录解除申请，须由另一人批准后生效（例如监管部门或园长的令牌）",
				    "noted: another person has to approve it (a token of the director's, or the regulator's)"));
	json_decref(body);
	json_decref(answer);
	return rc;
}

int command_hold(const struct options *o)
{
	const char *verb = o->word_count ? o->words[0] : "";

	if (strcmp(verb, "add") == 0)
		return add(o);
	if (strcmp(verb, "list") == 0)
		return list(o);
	if (strcmp(verb, "release") == 0)
		return release(o);
	return usage("add、list 或 release", "add, list or release");
}
