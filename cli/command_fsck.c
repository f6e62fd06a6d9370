#include "base/lang.h"
#include "base/sandbox.h"
#include "base/show.h"
#include "cli/commands.h"
#include "cli/decode.h"
#include "cli/text.h"
#include "conf/conf.h"
#include "indexer/fsck.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GIB (1024.0 * 1024 * 1024)
#define TELL_EVERY_US (US_PER_S / 4)
#define THREADS 2 /* one reads while another hashes */

struct run {
	const struct conf *conf;
	struct mono began, told;
	bool confined;
};

static void clear_progress(void)
{
	if (isatty(STDERR_FILENO))
		show(stderr, "\r\033[K");
}

static void on_finding(void *arg, const char *text)
{
	(void)arg;
	clear_progress();
	show(stdout, "%s\n", text);
}

static void on_progress(void *arg, const struct fsck_progress *p)
{
	struct run *r = arg;
	int64_t now_us = clock_mono(clock_real()).us, spent_us = now_us - r->began.us;

	if (!isatty(STDERR_FILENO) || now_us - r->told.us < TELL_EVERY_US)
		return;
	r->told.us = now_us;
	clear_progress();
	show(stderr, lang("%lu 个文件", "%lu files"), p->files);
	if (p->of_bytes > 0)
		show(stderr, lang("，%.1f / %.1f GiB", ", %.1f of %.1f GiB"), (double)p->bytes / GIB, (double)p->of_bytes / GIB);
	if (p->of_bytes > p->bytes && p->bytes > 0)
		show(stderr, lang("，约需 %s", ", about %s left"),
		     text_duration((double)spent_us / US_PER_S * (double)(p->of_bytes - p->bytes) / (double)p->bytes));
}

/* What cameras sent is decoded here, perhaps by root: from now on this process can only read. */
static void confine(const struct conf *conf)
{
	static const char *const paths[] = {"/etc/localtime", "/usr/share/zoneinfo", "/proc/self", "/usr/lib", "/lib"};
	struct sandbox s = {.alone = true};
	struct sandbox_result reached;
	struct err e;

	for (unsigned i = 0; i < conf->root_count; i++)
		sandbox_allow(&s, SANDBOX_READ, "%s", conf->roots[i].path);
	sandbox_allow(&s, SANDBOX_READ, "%s", conf->state);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		sandbox_allow(&s, SANDBOX_READ, "%s", paths[i]);
	int rc = sandbox_enter(&s, &reached, &e);
	sandbox_finish(&s);
	if (rc == 0)
		return;
	show(stderr, "holdfast: %s\n", e.text);
	exit(CLI_CANNOT);
}

/* Not before the first file: the catalogue is open by then, and SQLite may have to make what lies beside it. */
static void on_decode(void *arg, int fd, int64_t bytes, struct fsck_decoded *out)
{
	struct run *r = arg;

	if (!r->confined)
		confine(r->conf);
	r->confined = true;
	decode_video(fd, bytes, out);
}

static int check(const struct conf *conf, bool full)
{
	struct run r = {.conf = conf, .began = clock_mono(clock_real())};
	struct fsck f = {.fs = fs_real(), .conf = conf, .full = full, .finding = on_finding, .progress = on_progress, .arg = &r,
			 .decode = on_decode, .threads = THREADS};
	struct err e;
	int rc = fsck_run(&f, &e);

	clear_progress();
	if (rc < 0) {
		show(stderr, "holdfast: %s\n", e.text);
		return CLI_CANNOT;
	}
	if (full)
		show(stdout, lang("已解码 %lu 帧画面\n", "%lu pictures decoded\n"), f.pictures);
	show(stdout, lang("已核对 %lu 个文件，发现 %lu 处问题\n", "%lu files checked, %lu violations\n"), f.files, f.findings);
	if (f.stored)
		show(stdout, lang("其中 %lu 个只在对象存储中\n", "%lu of these are in the object store only\n"), f.stored);
	if (f.known)
		show(stdout, lang("%lu 个文件的损坏已记录为缺口\n", "%lu files have damage that is known: its time is a gap\n"), f.known);
	return f.findings ? CLI_NO : CLI_YES;
}

int command_fsck(const struct options *o)
{
	struct conf *conf;
	int rc = options_conf(o, &conf);

	if (rc != CLI_YES)
		return rc;
	rc = check(conf, o->full);
	conf_destroy(conf);
	return rc;
}
