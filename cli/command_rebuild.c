#include "base/buf.h"
#include "base/lang.h"
#include "cli/commands.h"
#include "indexer/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The server's own lock: while it runs, nobody may take its catalogue away. */
static int take_lock(const char *state)
{
	char *path = xasprintf("%s/lock", state);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc = fd < 0 ? -errno : flock(fd, LOCK_EX | LOCK_NB);

	free(path);
	if (rc == 0)
		return fd;
	fprintf(stderr, "holdfast: %s\n", lang("请先停止服务：目录数据库正在使用", "stop the server first: its catalogue is in use"));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The work itself is done by the keeper when it starts beside an archive without a catalogue, while recording
 * goes on (indexer/rebuild.c). */
int command_rebuild(const struct options *o)
{
	char aside[4096];
	struct err e = {0};
	int fd = take_lock(o->state);

	if (fd < 0)
		return CLI_CANNOT;
	int rc = catalog_put_aside(o->state, clock_wall(clock_real()), aside, &e);
	close(fd);
	if (rc < 0) {
		fprintf(stderr, "holdfast: %s\n", e.text);
		return CLI_CANNOT;
	}
	if (*aside)
		printf(lang("原目录已移至 %s\n", "the old catalogue lies in %s now\n"), aside);
	puts(lang("请启动服务：它一边录像，一边由录像文件重建目录；保全、说明和此前的台账只能由备份恢复",
		  "start the server: it records, and makes the catalogue again from the files meanwhile; holds, explanations and the "
		  "ledger until now come back from a backup only"));
	return CLI_YES;
}
