/* holdfast-sickdisk BACKING MOUNTPOINT CONTROL: a folder as a file system of its own (FUSE), healthy until
 * it is told otherwise (sickness.h). Prints "mounted" when it can be used; SIGTERM heals and unmounts it. */
#define FUSE_USE_VERSION 31
#include "sickness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *backing;

/* A folder that is still open when the disk vanishes is never released: libfuse keeps its handle. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfuse3\n"; }

struct path { char text[4096]; };

static struct path below(const char *path)
{
	struct path p;

	snprintf(p.text, sizeof p.text, "%s%s", backing, path);
	return p;
}

static int result(int rc) { return rc < 0 ? -errno : 0; }

#define FEEL(op, bytes)                                                                             \
	do {                                                                                        \
		int felt = sickness_feel(op, bytes);                                                \
		if (felt < 0)                                                                       \
			return felt;                                                                \
	} while (0)

/* --- names ------------------------------------------------------------------------ */

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	FEEL(OP_LOOK, 0);
	return result(fi ? fstat((int)fi->fh, st) : lstat(below(path).text, st));
}

static int on_mkdir(const char *path, mode_t mode)
{
	FEEL(OP_OPEN, 0);
	return result(mkdir(below(path).text, mode));
}

static int on_unlink(const char *path)
{
	FEEL(OP_UNLINK, 0);
	return result(unlink(below(path).text));
}

static int on_rmdir(const char *path)
{
	FEEL(OP_UNLINK, 0);
	return result(rmdir(below(path).text));
}

static int on_rename(const char *from, const char *to, unsigned flags)
{
	FEEL(OP_RENAME, 0);
	return flags ? -EINVAL : result(rename(below(from).text, below(to).text));
}

static int on_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	(void)fi;
	FEEL(OP_OPEN, 0);
	return result(chmod(below(path).text, mode));
}

static int on_readdir(const char *path, void *out, fuse_fill_dir_t fill, off_t at, struct fuse_file_info *fi,
		      enum fuse_readdir_flags flags)
{
	(void)at, (void)fi, (void)flags;
	FEEL(OP_LOOK, 0);
	DIR *d = opendir(below(path).text);
	if (!d)
		return -errno;
	for (struct dirent *x; (x = readdir(d)) != NULL;)
		fill(out, x->d_name, NULL, 0, 0);
	closedir(d);
	return 0;
}

static int on_statfs(const char *path, struct statvfs *st)
{
	uint64_t bytes;

	FEEL(OP_LOOK, 0);
	int rc = result(statvfs(below(path).text, st));
	if (rc == 0 && sickness_space(&bytes))
		st->f_bavail = st->f_bfree = (fsblkcnt_t)(bytes / st->f_frsize);
	return rc;
}

/* --- files -------------------------------------------------------------------------- */

/* The kernel says where each write goes, so that appending is its matter. */
static int open_at(const char *path, int flags, mode_t mode, struct fuse_file_info *fi)
{
	int fd = open(below(path).text, (flags & ~O_APPEND) | O_CLOEXEC, mode);

	fi->fh = (uint64_t)fd;
	return result(fd);
}

static int on_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	FEEL(OP_OPEN, 0);
	return open_at(path, fi->flags | O_CREAT, mode, fi);
}

static int on_open(const char *path, struct fuse_file_info *fi)
{
	FEEL((fi->flags & O_ACCMODE) == O_RDONLY ? OP_READ : OP_OPEN, 0);
	return open_at(path, fi->flags, 0, fi);
}

static int on_read(const char *path, char *out, size_t len, off_t at, struct fuse_file_info *fi)
{
	(void)path;
	FEEL(OP_READ, 0);
	ssize_t n = pread((int)fi->fh, out, len, at);
	return n < 0 ? -errno : (int)n;
}

static int on_write(const char *path, const char *data, size_t len, off_t at, struct fuse_file_info *fi)
{
	(void)path;
	FEEL(OP_WRITE, len);
	ssize_t n = pwrite((int)fi->fh, data, len, at);
	return n < 0 ? -errno : (int)n;
}

static int on_truncate(const char *path, off_t len, struct fuse_file_info *fi)
{
	FEEL(OP_WRITE, 0);
	return result(fi ? ftruncate((int)fi->fh, len) : truncate(below(path).text, len));
}

static int on_fsync(const char *path, int data_only, struct fuse_file_info *fi)
{
	(void)path;
	FEEL(OP_SYNC, 0);
	return result(data_only ? fdatasync((int)fi->fh) : fsync((int)fi->fh));
}

static int on_fsyncdir(const char *path, int data_only, struct fuse_file_info *fi)
{
	(void)data_only, (void)fi;
	FEEL(OP_SYNC, 0);
	int fd = open(below(path).text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = result(fsync(fd));
	close(fd);
	return rc;
}

static int on_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	return result(close((int)fi->fh));
}

static void *on_init(struct fuse_conn_info *conn, struct fuse_config *conf)
{
	(void)conn;
	conf->use_ino = 1;
	conf->attr_timeout = conf->entry_timeout = conf->negative_timeout = 0; /* a sick disk hides nothing */
	printf("mounted\n");
	fflush(stdout);
	return NULL;
}

static void on_destroy(void *arg)
{
	(void)arg;
	sickness_heal();
}

static const struct fuse_operations operations = {
	.getattr = on_getattr, .mkdir = on_mkdir, .unlink = on_unlink, .rmdir = on_rmdir, .rename = on_rename,
	.chmod = on_chmod, .readdir = on_readdir, .statfs = on_statfs, .create = on_create, .open = on_open,
	.read = on_read, .write = on_write, .truncate = on_truncate, .fsync = on_fsync,
	.fsyncdir = on_fsyncdir, .release = on_release, .init = on_init, .destroy = on_destroy};

int main(int argc, char **argv)
{
	static char foreground[] = "-f", option[] = "-o", values[] = "default_permissions,fsname=sickdisk";

	if (argc != 4) {
		fprintf(stderr, "usage: holdfast-sickdisk BACKING MOUNTPOINT CONTROL\n");
		return 2;
	}
	backing = argv[1];
	int rc = sickness_listen(argv[3]);
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", argv[3], strerror(-rc));
		return 3;
	}
	char *words[] = {argv[0], foreground, option, values, argv[2], NULL};
	return fuse_main(5, words, &operations, NULL);
}
