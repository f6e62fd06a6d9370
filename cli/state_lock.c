#include "cli/state_lock.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

int state_lock(const char *state)
{
	char *path = xasprintf("%s/lock", state);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc = fd < 0 ? -errno : flock(fd, LOCK_EX | LOCK_NB);

	free(path);
	if (rc == 0)
		return fd;
	show(stderr, "holdfast: %s\n", lang("请先停止服务：数据库正在使用", "stop the server first: its databases are in use"));
	if (fd >= 0)
		close(fd);
	return -1;
}
