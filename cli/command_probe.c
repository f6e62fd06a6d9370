#include "base/lang.h"
#include "base/show.h"
#include "cli/commands.h"
#include "cli/credentials.h"
#include "cli/text.h"
#include "conf/file.h"
#include "recorder/probe.h"
#include "recorder/rtsp_url.h"

#include <stdlib.h>
#include <string.h>

#define CA_MAX_BYTES 8192
#define STREAMS_MAX 2 /* url, sub_url */

/* Nobody was there to be judged: that is neither a yes nor a no. */
static int exit_code(const struct probe_result *r)
{
	if (!r->facts.connected && r->cause == CAUSE_CAMERA_UNREACHABLE)
		return CLI_CANNOT;
	return probe_is_fine(r) ? CLI_YES : CLI_NO;
}

/* As the keeper's economy would judge it (retention/economy.h): it is there to be smaller. */
static bool saves_little(const struct probe_result *r)
{
	return r[0].bits_per_s > 0 && r[1].bits_per_s > r[0].bits_per_s * 0.9;
}

static void print_both(const struct probe_result *r)
{
	show(stdout, "%s\n", lang("主码流", "usual stream"));
	probe_print(&r[0], stdout);
	show(stdout, "%s\n", lang("小码流 (sub_url)", "smaller stream (sub_url)"));
	probe_print(&r[1], stdout);
	if (saves_little(r))
		show(stdout, "! %s\n", lang("小码流并不比主码流省空间：请在摄像机中调低它的码率",
					    "the smaller stream saves nothing: lower its bit rate in the camera"));
}

static void print(const struct options *o, const struct probe_result *r, unsigned count)
{
	if (!o->json) {
		if (count > 1)
			print_both(r);
		else
			probe_print(r, stdout);
		return;
	}
	json_t *answer = probe_json(r);
	if (count > 1) {
		json_object_set_new(answer, "sub", probe_json(&r[1]));
		json_object_set_new(answer, "sub_saves_little", json_boolean(saves_little(r)));
	}
	text_json(answer);
	json_decref(answer);
}

static int probe(const struct options *o, const char *ca, unsigned seconds)
{
	struct probe_result results[STREAMS_MAX];
	struct credentials c;
	int rc = credentials_read(&c, o), worst = CLI_YES;

	for (unsigned i = 0; rc == CLI_YES && i < o->word_count; i++) {
		const struct rtsp_target target = {
			.url = o->words[i], .username = c.username, .password = c.username ? c.password : NULL,
			.udp = o->transport && strcmp(o->transport, "udp") == 0, .tls_ca = ca, .tls_pin = o->tls_pin,
			.plain_password = o->plain_password};
		probe_run(&target, seconds, &results[i]);
		int code = exit_code(&results[i]);
		worst = code > worst ? code : worst;
	}
	if (rc == CLI_YES) {
		print(o, results, o->word_count);
		rc = worst == CLI_YES && o->word_count > 1 && saves_little(results) ? CLI_NO : worst;
	}
	credentials_finish(&c);
	return rc;
}

static int read_ca(const char *path, char **pem)
{
	size_t len;
	int rc = path ? file_read(path, CA_MAX_BYTES, pem, &len) : 0;

	if (rc < 0)
		show(stderr, "holdfast: %s: %s\n", path, file_reason(-rc));
	return rc;
}

static int check_usage(const struct options *o, unsigned *seconds)
{
	struct rtsp_url url;
	const char *why = "";
	bool fine = o->word_count >= 1 && o->word_count <= STREAMS_MAX;

	for (unsigned i = 0; fine && i < o->word_count; i++)
		fine = rtsp_url_parse(o->words[i], &url, &why) == 0;
	if (!fine || (o->transport && strcmp(o->transport, "udp") != 0 && strcmp(o->transport, "tcp") != 0)) {
		show(stderr, "holdfast probe rtsp[s]://… [SUB_URL] [--transport tcp|udp]: %s\n", why);
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
