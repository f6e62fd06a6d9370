#include "base/lang.h"
#include "base/show.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

static int usage(const char *zh, const char *en)
{
	show(stderr, "holdfast disk: %s\n", lang(zh, en));
	return CLI_USAGE;
}

static const char *use_of(const json_t *d)
{
	if (json_is_true(json_object_get(d, "drain")))
		return json_integer_value(json_object_get(d, "files")) > 0 ? lang("正在迁出", "draining") : lang("已迁空", "drained");
	return json_is_true(json_object_get(d, "configured")) ? lang("使用中", "in use") : lang("不在配置中", "not configured");
}

static int list(const struct options *o)
{
	json_t *disks = NULL, *d;
	size_t i;
	int rc = client_list(o, "/disks", NULL, "disks", &disks);

	if (rc == CLI_YES && o->json)
		text_json(disks);
	if (rc == CLI_YES && !o->json)
		json_array_foreach(disks, i, d)
			show(stdout, "%-30s %-14s %s %lld  %s %lld  %s\n", text_of(d, "path"), use_of(d), lang("文件", "files"),
			     (long long)json_integer_value(json_object_get(d, "files")), lang("保全副本", "held copies"),
			     (long long)json_integer_value(json_object_get(d, "copies")), text_of(d, "uuid"));
	json_decref(disks);
	return rc;
}

static int order(const struct options *o, const char *path, const char *done)
{
	json_t *answer = NULL;

	if (o->word_count != 2 || !o->reason)
		return usage("需要硬盘路径和 --reason", "the disk's path and --reason are needed");
	json_t *body = json_pack("{s:s, s:s}", "path", o->words[1], "reason", o->reason);
	int rc = client_call(o, "POST", path, NULL, body, &answer);
	if (rc == CLI_YES)
		puts(done);
	json_decref(body);
	json_decref(answer);
	return rc;
}

int command_disk(const struct options *o)
{
	const char *verb = o->word_count ? o->words[0] : "";

	if (strcmp(verb, "list") == 0)
		return list(o);
	if (strcmp(verb, "retire") == 0)
		return order(o, "/disks/retire", lang("已退役，可以拆下", "retired: it may be taken out"));
	if (strcmp(verb, "replace") == 0)
		return order(o, "/disks/replace",
			     lang("已记为丢失。把空硬盘挂载到此路径，然后重新加载（SIGHUP）",
				  "declared lost. Mount an empty disk at this path, then reload (SIGHUP)"));
	return usage("list、retire 或 replace（迁出：在配置中写 state: drain）",
		     "list, retire or replace (to drain: state: drain in the configuration)");
}
