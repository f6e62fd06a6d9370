#include "api/access.h"
#include "base/buf.h"
#include "base/lang.h"
#include "base/show.h"
#include "cli/commands.h"
#include "cli/state_lock.h"
#include "indexer/catalog.h"
#include "indexer/db_format.h"

#include <stdio.h>
#include <unistd.h>

/* 1: it was put back, 0: nothing was to be done, negative: it could not be. */
static int put_back(const struct options *o, const char *name, int version)
{
	char aside[4096];
	struct err e = {0};

	if (db_format_put_back(o->state, name, version, clock_wall(clock_real()), aside, &e) < 0) {
		show(stderr, "holdfast: %s\n", e.text);
		return -1;
	}
	if (!*aside)
		return 0;
	show(stdout, lang("%s：已放回升级前的副本；较新的版本移至 %s\n", "%s: the copy from before is back; the newer one lies in %s now\n"), name, aside);
	return 1;
}

/* For who has gone back to an older program: what the newer one made of the databases, it cannot use. */
int command_downgrade(const struct options *o)
{
	int fd = state_lock(o->state);

	if (fd < 0)
		return CLI_CANNOT;
	int catalog = put_back(o, "catalog.db", CATALOG_FORMAT), access = put_back(o, "access.db", ACCESS_FORMAT);
	close(fd);
	if (catalog < 0 || access < 0)
		return CLI_CANNOT;
	if (catalog == 0 && access == 0)
		puts(lang("无需放回：本程序可以使用这两个数据库", "nothing to put back: this program can use both databases"));
	else
		puts(lang("请启动服务：此后的录像由文件重新编入目录；台账会注明恢复前缺失的部分",
			  "start the server: footage since then is entered again from the files; the ledger names what it lost"));
	return CLI_YES;
}
