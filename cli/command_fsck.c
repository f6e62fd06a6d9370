#include "base/lang.h"
#include "cli/commands.h"
#include "conf/conf.h"
#include "indexer/fsck.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_finding(void *arg, const char *text)
{
	(void)arg;
	printf("%s\n", text);
}

static void on_progress(void *arg, unsigned long files)
{
	(void)arg;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%lu", files);
}

static int check(const struct conf *conf, bool full)
{
	struct fsck f = {.fs = fs_real(), .conf = conf, .full = full, .finding = on_finding, .progress = on_progress};
	struct err e;
	int rc = fsck_run(&f, &e);

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r");
	if (rc < 0) {
		fprintf(stderr, "holdfast: %s\n", e.text);
		return CLI_CANNOT;
	}
	printf(lang("已核对 %lu 个文件，发现 %lu 处问题\n", "%lu files checked, %lu violations\n"), f.files, f.findings);
	if (f.known)
		printf(lang("%lu 个文件的损坏已记录为缺口\n", "%lu files have damage that is known: its time is a gap\n"), f.known);
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
