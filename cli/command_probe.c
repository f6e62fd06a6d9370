#include "base/buf.h"
#include "base/lang.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "recorder/probe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSWORD_MAX 256

/* From standard input, so that it stands in no history and no process list. */
static void read_password(char out[PASSWORD_MAX])
{
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "%s", lang("密码：", "password: "));
	if (!fgets(out, PASSWORD_MAX, stdin))
		out[0] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
}

int command_probe(const struct options *o)
{
	struct probe_result result;
	char password[PASSWORD_MAX] = "";

	if (o->word_count != 1) {
		fprintf(stderr, "holdfast probe rtsp://… [--name USER]\n");
		return CLI_USAGE;
	}
	if (o->name)
		read_password(password);
	const struct rtsp_target target = {o->words[0], o->name, o->name ? password : NULL};
	int rc = probe_run(&target, PROBE_SECONDS_DEFAULT, &result);
	explicit_bzero(password, sizeof password);
	if (o->json) {
		json_t *answer = probe_json(&result);
		text_json(answer);
		json_decref(answer);
	} else {
		probe_print(&result, stdout);
	}
	return rc == 0 ? CLI_YES : CLI_NO;
}
