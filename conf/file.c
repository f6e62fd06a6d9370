#include "conf/file.h"

#include "base/buf.h"
#include "base/lang.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_to_end(int fd, char *data, size_t max, size_t *len)
{
	size_t got = 0;

	while (got <= max) {
		ssize_t n = read(fd, data + got, max + 1 - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	if (got > max)
		return -EFBIG;
	data[got] = '\0';
	*len = got;
	return 0;
}

static int read_open(int fd, size_t max, char **data, size_t *len)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	if (st.st_size > (off_t)max)
		return -EFBIG;
	*data = xcalloc(1, max + 2);
	int rc = read_to_end(fd, *data, max, len);
	if (rc < 0) {
		explicit_bzero(*data, max);
		free(*data);
		*data = NULL;
	}
	return rc;
}

const char *file_reason(int error)
{
	if (error == ENOENT || error == ENOTDIR)
		return lang("文件不存在", "there is no such file");
	if (error == EACCES || error == EPERM)
		return lang("没有权限", "not permitted");
	return strerror(error);
}

int file_read(const char *path, size_t max, char **data, size_t *len)
{
	/* O_NONBLOCK: a FIFO in the place of the file must not hang the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*data = NULL;
	if (fd < 0)
		return -errno;
	int rc = read_open(fd, max, data, len);
	close(fd);
	return rc;
}
