#include "base/buf.h"
#include "base/lang.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "conf/file.h"
#include "recorder/probe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSWORD_MAX 256
#define CA_MAX_BYTES 8192

/* From standard input, so that it stands in no history and no process list. */
static void read_password(char out[PASSWORD_MAX])
{
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "%s", lang("密码：", "password: "));
	if (!fgets(out, PASSWORD_MAX, stdin))
		out[0] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
}

static int read_ca(const char *path, char **pem)
{
	size_t len;
	int rc = path ? file_read(path, CA_MAX_BYTES, pem, &len) : 0;

	if (rc < 0)
		fprintf(stderr, "holdfast: %s: %s\n", path, file_reason(-rc));
	return rc;
}

int command_probe(const struct options *o)
{
	struct probe_result result;
	char password[PASSWORD_MAX] = "", *ca = NULL;

	if (o->word_count != 1 || (o->transport && strcmp(o->transport, "udp") && strcmp(o->transport, "tcp"))) {
		fprintf(stderr, "holdfast probe rtsp[s]://… [--name USER] [--transport tcp|udp] "
			"[--tls-pin PIN | --tls-ca FILE]\n");
		return CLI_USAGE;
	}
	if (read_ca(o->tls_ca, &ca) < 0)
		return CLI_USAGE;
	if (o->name)
		read_password(password);
	const struct rtsp_target target = {
		.url = o->words[0], .username = o->name, .password = o->name ? password : NULL,
		.udp = o->transport && strcmp(o->transport, "udp") == 0, .tls_ca = ca, .tls_pin = o->tls_pin};
	int rc = probe_run(&target, PROBE_SECONDS_DEFAULT, &result);
	explicit_bzero(password, sizeof password);
	free(ca);
	if (o->json) {
		json_t *answer = probe_json(&result);
		text_json(answer);
		json_decref(answer);
	} else {
		probe_print(&result, stdout);
	}
	return rc == 0 ? CLI_YES : CLI_NO;
}
