#include "cli/options.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/show.h"
#include "cli/cli.h"
#include "conf/conf.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *flag; size_t at; } valued[] = {
	{"-c", offsetof(struct options, conf)},           {"--from", offsetof(struct options, from)},
	{"--to", offsetof(struct options, to)},           {"--camera", offsetof(struct options, camera)},
	{"--area", offsetof(struct options, area)},       {"--reason", offsetof(struct options, reason)},
	{"--reference", offsetof(struct options, reference)}, {"--role", offsetof(struct options, role)},
	{"--after", offsetof(struct options, after)},     {"--expires", offsetof(struct options, expires)},
	{"--name", offsetof(struct options, username)},       {"--cameras", offsetof(struct options, cameras)},
	{"--mbit", offsetof(struct options, mbit)},       {"--days", offsetof(struct options, days)},
	{"--disk", offsetof(struct options, disk)},
	{"--username", offsetof(struct options, username)},
	{"--password-file", offsetof(struct options, password_file)},
	{"--timeout", offsetof(struct options, timeout)}, {"--seconds", offsetof(struct options, seconds)},
	{"--interface", offsetof(struct options, interface)}, {"--lang", offsetof(struct options, lang)},
	{"--transport", offsetof(struct options, transport)},
	{"--tls-ca", offsetof(struct options, tls_ca)},   {"--tls-pin", offsetof(struct options, tls_pin)},
	{"--site", offsetof(struct options, site)},
}, plain[] = {
	{"--json", offsetof(struct options, json)},       {"--full", offsetof(struct options, full)},
	{"--plain-password", offsetof(struct options, plain_password)},
	{"--open", offsetof(struct options, open)},       {"--with-keys", offsetof(struct options, with_keys)},
};

static bool take_plain(struct options *o, const char *arg)
{
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (strcmp(plain[i].flag, arg) == 0) {
			*(bool *)((char *)o + plain[i].at) = true;
			return true;
		}
	return false;
}

/* What may be given again and again. */
static bool take_more(const char **list, unsigned *count, unsigned most, const char *value)
{
	if (!value || *count == most)
		return false;
	list[(*count)++] = value;
	return true;
}

/* 1: taken; 0: no such option; -1: its value is missing. */
static int take_valued(struct options *o, const char *arg, const char *value)
{
	if (strcmp(arg, "--key") == 0)
		return take_more(o->keys, &o->key_count, OPTIONS_KEYS_MAX, value) ? 1 : -1;
	if (strcmp(arg, "--head") == 0)
		return take_more(o->heads, &o->head_count, OPTIONS_HEADS_MAX, value) ? 1 : -1;
	for (size_t i = 0; i < sizeof valued / sizeof *valued; i++)
		if (strcmp(valued[i].flag, arg) == 0) {
			if (!value)
				return -1;
			*(const char **)((char *)o + valued[i].at) = value;
			return 1;
		}
	return 0;
}

/* The one option that may be given more than once; the same answers. */
static int take_address(struct options *o, const char *arg, const char *value)
{
	if (strcmp(arg, "--address") != 0)
		return 0;
	if (!value || o->address_count == OPTIONS_ADDRESSES_MAX)
		return -1;
	o->addresses[o->address_count++] = value;
	return 1;
}

static int refuse(const char *zh, const char *en, const char *arg)
{
	show(stderr, "holdfast: %s %s\n", lang(zh, en), arg);
	return CLI_USAGE;
}

int options_number(const char *flag, const char *text, unsigned min, unsigned max, unsigned *out)
{
	char *end = NULL;
	unsigned long v = text ? strtoul(text, &end, 10) : *out;

	if (text && (*text < '0' || *text > '9' || *end || v < min || v > max)) {
		show(stderr, lang("holdfast: %s：请写 %u 到 %u 的整数\n", "holdfast: %s: write a whole number from %u to %u\n"),
		     flag, min, max);
		return CLI_USAGE;
	}
	*out = (unsigned)v;
	return CLI_YES;
}

static int use_lang(const char *code)
{
	if (code && strcmp(code, "zh-CN") != 0 && strcmp(code, "en") != 0)
		return refuse("--lang 只能是 zh-CN 或 en：", "--lang is zh-CN or en:", code);
	lang_set(code ? code : "");
	return CLI_YES;
}

int options_parse(struct options *o, int argc, char **argv)
{
	*o = (struct options){.conf = CLI_DEFAULT_CONF};
	for (int i = 0; i < argc; i++) {
		if (take_plain(o, argv[i]))
			continue;
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		int taken = take_address(o, argv[i], value);
		if (taken == 0)
			taken = take_valued(o, argv[i], value);
		if (taken < 0)
			return refuse("选项缺少值：", "no value for the option", argv[i]);
		i += taken;
		if (taken)
			continue;
		if (argv[i][0] == '-' && argv[i][1])
			return refuse("没有这个选项：", "no such option:", argv[i]);
		if (o->word_count == OPTIONS_WORDS_MAX)
			return refuse("参数太多：", "too many words:", argv[i]);
		o->words[o->word_count++] = argv[i];
	}
	return use_lang(o->lang);
}

int options_conf(const struct options *o, struct conf **out)
{
	struct conf_report report = {0};
	int rc = conf_load(o->conf, out, &report);

	if (rc < 0)
		conf_report_print(&report, o->conf, stderr);
	conf_report_finish(&report);
	if (rc < 0)
		return CLI_CANNOT;
	clock_set_zone((*out)->site.timezone);
	lang_set(o->lang ? o->lang : (*out)->site.language);
	return CLI_YES;
}

int options_load(struct options *o)
{
	struct conf *conf;
	int rc = options_conf(o, &conf);

	if (rc != CLI_YES)
		return rc;
	o->state = xstrdup(conf->state);
	conf_destroy(conf);
	return CLI_YES;
}

void options_finish(struct options *o)
{
	free(o->state);
}
