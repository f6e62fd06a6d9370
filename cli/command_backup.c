#include "base/lang.h"
#include "base/show.h"
#include "cli/commands.h"
#include "indexer/backup.h"

#include <stdio.h>
#include <sys/stat.h>

static int run(const struct conf *conf, const struct options *o)
{
	struct backup b = {.fs = fs_real(), .clock = clock_real(), .conf = conf, .dir = o->words[0],
			   .with_keys = o->with_keys};
	struct err e = {0};

	umask(0077);
	if (backup_run(&b, &e) < 0) {
		show(stderr, "holdfast backup: %s\n", e.text);
		return CLI_CANNOT;
	}
	show(stdout, lang("已备份 %.1f MB，台账到第 %lld 条%s\n", "backed up %.1f MB, the ledger up to entry %lld%s\n"),
	     (double)b.bytes / 1e6, (long long)b.ledger_seq,
	     b.with_keys ? lang("；含私钥，请妥善保管", "; with private keys: lock it away") : "");
	return CLI_YES;
}

int command_backup(const struct options *o)
{
	struct conf *conf;

	if (o->word_count != 1) {
		show(stderr, "holdfast backup DIR [--with-keys] [-c FILE]\n");
		return CLI_USAGE;
	}
	int rc = options_conf(o, &conf);
	if (rc != CLI_YES)
		return rc;
	rc = run(conf, o);
	conf_destroy(conf);
	return rc;
}
