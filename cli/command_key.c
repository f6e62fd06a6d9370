/* holdfast key: which keys there are, and changing one. Works on the files of STATE, beside a running server, which
 * notices (daemon/key_watch.h). */
#include "base/buf.h"
#include "base/lang.h"
#include "base/show.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "conf/conf.h"
#include "media/key_change.h"
#include "media/key_handover.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"seal", "site"};

/* --- list --------------------------------------------------------------------------------- */

static json_t *in_force_json(const struct conf *conf, const char *name, struct err *e)
{
	char *path = xasprintf("%s/keys/%s.pub", conf->state, name), print[SHA256_HEX_MAX];
	struct key *k;
	int rc = key_load_public(fs_real(), path, &k, e);

	free(path);
	if (rc < 0)
		return NULL;
	key_fingerprint(k, print);
	key_destroy(k);
	return json_pack("{ss ss sb}", "name", name, "fingerprint", print, "in_force", 1);
}

/* Those that handed over, whatever their order. */
static int add_earlier(json_t *list, const struct conf *conf, const char *name, struct err *e)
{
	json_t *handovers, *json;
	struct key_handover h;
	size_t i;
	int rc = key_handovers_load(fs_real(), conf->state, name, &handovers);

	if (rc < 0)
		return err_set(e, rc, "read %s/%s-keys: %s", conf->state, name, strerror(-rc));
	json_array_foreach(handovers, i, json)
		if (key_handover_read(json, &h))
			json_array_append_new(list, json_pack("{ss sO sb ss sO}", "name", name, "fingerprint",
							      json_object_get(json, "previous_fingerprint"), "in_force", 0,
							      "until", h.at, "successor", json_object_get(json, "fingerprint")));
	json_decref(handovers);
	return 0;
}

static void print_key(const json_t *k)
{
	bool now = json_is_true(json_object_get(k, "in_force"));

	show(stdout, "%-5s %s  %s %s\n", text_of(k, "name"), text_of(k, "fingerprint"),
	     now ? lang("在用", "in force") : lang("使用至", "until"), now ? "" : text_time(k, "until"));
}

static int list(const struct conf *conf, const struct options *o)
{
	json_t *keys = json_array(), *k;
	struct err e;
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		k = in_force_json(conf, names[i], &e);
		if (k)
			json_array_append_new(keys, k);
		if (!k || add_earlier(keys, conf, names[i], &e) < 0) {
			show(stderr, "holdfast: %s\n", e.text);
			json_decref(keys);
			return CLI_CANNOT;
		}
	}
	if (o->json)
		text_json(keys);
	else
		json_array_foreach(keys, i, k)
			print_key(k);
	json_decref(keys);
	return CLI_YES;
}

/* --- rotate ------------------------------------------------------------------------------------ */

/* What root makes must be readable by the user as whom the server runs: root acts as the owner of STATE. */
static int act_as_owner(const struct conf *conf)
{
	struct stat st;

	if (stat(conf->state, &st) < 0)
		return -errno;
	if (geteuid() != 0 || st.st_uid == 0)
		return 0;
	return setgroups(0, NULL) < 0 || setgid(st.st_gid) < 0 || setuid(st.st_uid) < 0 ? -errno : 0;
}

static int rotate(const struct conf *conf, const char *name)
{
	char by[32];
	struct key_change c = {.fs = fs_real(), .state = conf->state, .name = name, .site = conf->site.id, .by = by,
			       .at = clock_wall(clock_real())};
	struct err e = {0};

	snprintf(by, sizeof by, "uid:%u", getuid());
	umask(0077);
	int rc = act_as_owner(conf);
	if (rc < 0)
		err_set(&e, rc, "%s: %s", conf->state, strerror(-rc));
	else
		rc = key_change(&c, &e);
	if (rc < 0) {
		show(stderr, "holdfast: %s\n", e.text);
		return CLI_CANNOT;
	}
	show(stdout, lang("旧 %s\n新 %s\n", "old %s\nnew %s\n"), c.old, c.fresh);
	puts(lang("运行中的服务会在一秒左右启用新密钥，并写入台账。请把新公钥的指纹告知监管部门。",
		  "A running server takes the new key up within a second or so, and writes it into the ledger. Tell the regulator the "
		  "new fingerprint."));
	return CLI_YES;
}

int command_key(const struct options *o)
{
	const char *verb = o->word_count ? o->words[0] : "", *name = o->word_count == 2 ? o->words[1] : "";
	bool rotates = strcmp(verb, "rotate") == 0 && (strcmp(name, "seal") == 0 || strcmp(name, "site") == 0);
	struct conf *conf;

	if (!rotates && (strcmp(verb, "list") != 0 || o->word_count != 1)) {
		show(stderr, "holdfast key: %s\n", lang("list，或 rotate seal，或 rotate site", "list, or rotate seal, or rotate site"));
		return CLI_USAGE;
	}
	int rc = options_conf(o, &conf);
	if (rc != CLI_YES)
		return rc;
	rc = rotates ? rotate(conf, name) : list(conf, o);
	conf_destroy(conf);
	return rc;
}
