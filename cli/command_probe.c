#include "base/lang.h"
#include "cli/commands.h"
#include "cli/credentials.h"
#include "cli/text.h"
#include "conf/file.h"
#include "recorder/probe.h"
#include "recorder/rtsp_url.h"

#include <stdlib.h>
#include <string.h>

#define CA_MAX_BYTES 8192

/* Nobody was there to be judged: that is neither a yes nor a no. */
static int exit_code(const struct probe_result *r)
{
	if (!r->facts.connected && r->cause == CAUSE_CAMERA_UNREACHABLE)
		return CLI_CANNOT;
	return probe_is_fine(r) ? CLI_YES : CLI_NO;
}

static void print(const struct options *o, const struct probe_result *r)
{
	if (!o->json) {
		probe_print(r, stdout);
		return;
	}
	json_t *answer = probe_json(r);
	text_json(answer);
	json_decref(answer);
}

static int probe(const struct options *o, const char *ca, unsigned seconds)
{
	struct probe_result result;
	struct credentials c;
	int rc = credentials_read(&c, o);

	if (rc == CLI_YES) {
		const struct rtsp_target target = {
			.url = o->words[0], .username = c.username, .password = c.username ? c.password : NULL,
			.udp = o->transport && strcmp(o->transport, "udp") == 0, .tls_ca = ca, .tls_pin = o->tls_pin};
		probe_run(&target, seconds, &result);
		print(o, &result);
		rc = exit_code(&result);
	}
	credentials_finish(&c);
	return rc;
}

static int read_ca(const char *path, char **pem)
{
	size_t len;
	int rc = path ? file_read(path, CA_MAX_BYTES, pem, &len) : 0;

	if (rc < 0)
		fprintf(stderr, "holdfast: %s: %s\n", path, file_reason(-rc));
	return rc;
}

static int check_usage(const struct options *o, unsigned *seconds)
{
	struct rtsp_url url;
	const char *why = "";

	if (o->word_count != 1 || rtsp_url_parse(o->words[0], &url, &why) < 0 ||
	    (o->transport && strcmp(o->transport, "udp") != 0 && strcmp(o->transport, "tcp") != 0)) {
		fprintf(stderr, "holdfast probe rtsp[s]://… [--transport tcp|udp]: %s\n", why);
		return CLI_USAGE;
	}
	return options_number("--seconds", o->seconds, 1, PROBE_SECONDS_MAX, seconds);
}

int command_probe(const struct options *o)
{
	unsigned seconds = PROBE_SECONDS_DEFAULT;
	char *ca = NULL;

	if (check_usage(o, &seconds) != CLI_YES || read_ca(o->tls_ca, &ca) < 0)
		return CLI_USAGE;
	int rc = probe(o, ca, seconds);
	free(ca);
	return rc;
}
