#include "base/lang.h"
#include "base/show.h"
#include "cli/commands.h"
#include "cli/state_lock.h"
#include "indexer/catalog.h"

#include <stdio.h>
#include <unistd.h>

/* The work itself is done by the keeper when it starts beside an archive without a catalogue, while recording
 * goes on (indexer/rebuild.c). */
int command_rebuild(const struct options *o)
{
	char aside[4096];
	struct err e = {0};
	int fd = state_lock(o->state);

	if (fd < 0)
		return CLI_CANNOT;
	int rc = catalog_put_aside(o->state, clock_wall(clock_real()), aside, &e);
	close(fd);
	if (rc < 0) {
		show(stderr, "holdfast: %s\n", e.text);
		return CLI_CANNOT;
	}
	if (*aside)
		show(stdout, lang("原目录已移至 %s\n", "the old catalogue lies in %s now\n"), aside);
	puts(lang("请启动服务：它一边录像，一边由录像文件重建目录；保全、说明和此前的台账只能由备份恢复",
		  "start the server: it records, and makes the catalogue again from the files meanwhile; holds, explanations and the "
		  "ledger until now come back from a backup only"));
	return CLI_YES;
}
