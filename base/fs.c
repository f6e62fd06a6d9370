#include "fs.h"

#include "buf.h"
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- the real one ------------------------------------------------------------ */

static int result(int rc)
{
	return rc < 0 ? -errno : rc;
}

static int real_open(struct fs *fs, const char *path, int flags, mode_t mode)
{
	(void)fs;
	return result(open(path, flags | O_CLOEXEC, mode));
}

static int real_close(struct fs *fs, int fd)
{
	(void)fs;
	return result(close(fd));
}

static int real_write(struct fs *fs, int fd, const void *data, size_t len)
{
	const char *p = data;

	(void)fs;
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static ssize_t real_pread(struct fs *fs, int fd, void *data, size_t len, int64_t at)
{
	ssize_t n;

	(void)fs;
	do
		n = pread(fd, data, len, at);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int real_datasync(struct fs *fs, int fd)
{
	(void)fs;
	return result(fdatasync(fd));
}

static int real_truncate(struct fs *fs, int fd, int64_t len)
{
	(void)fs;
	return result(ftruncate(fd, len));
}

static int real_rename(struct fs *fs, const char *from, const char *to)
{
	(void)fs;
	return result(rename(from, to));
}

static int real_unlink(struct fs *fs, const char *path)
{
	(void)fs;
	return result(unlink(path));
}

static int real_mkdir(struct fs *fs, const char *path, mode_t mode)
{
	(void)fs;
	if (mkdir(path, mode) == 0)
		return 0;
	struct stat st;
	int err = errno;
	return err == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : -err;
}

static int real_sync_dir(struct fs *fs, const char *path)
{
	int fd = real_open(fs, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	int rc = result(fsync(fd));
	close(fd);
	return rc;
}

static int real_stat(struct fs *fs, const char *path, struct stat *st)
{
	(void)fs;
	return result(stat(path, st));
}

static int real_free_bytes(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
	struct statvfs v;

	(void)fs;
	if (statvfs(path, &v) < 0)
		return -errno;
	*free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	*total_bytes = (uint64_t)v.f_blocks * v.f_frsize;
	return 0;
}

static int real_free_files(struct fs *fs, const char *path, uint64_t *files)
{
	struct statvfs v;

	(void)fs;
	if (statvfs(path, &v) < 0)
		return -errno;
	*files = v.f_files ? (uint64_t)v.f_favail : UINT64_MAX; /* btrfs counts none */
	return 0;
}

/* FUSE, for one, answers and passes nothing on. */
static bool answers_for_all(unsigned long type)
{
	return type == EXT4_SUPER_MAGIC || type == XFS_SUPER_MAGIC || type == BTRFS_SUPER_MAGIC;
}

/* syncfs() does nothing, and is glad, where the file system is read-only, also when that came of an error. */
static int real_sync_all(struct fs *fs, int fd)
{
	struct statfs s;

	(void)fs;
	if (fstatfs(fd, &s) < 0)
		return -errno;
	if (!answers_for_all((unsigned long)s.f_type))
		return -EOPNOTSUPP;
	if (syncfs(fd) < 0 || fstatfs(fd, &s) < 0)
		return -errno;
	return s.f_flags & ST_RDONLY ? -EROFS : 0;
}

struct fs *fs_real(void)
{
	static struct fs real = {real_open,   real_close, real_write, real_pread,
				 real_datasync, real_truncate, real_rename, real_unlink,
				 real_mkdir,  real_sync_dir, real_stat, real_free_bytes,
				 real_free_files, real_sync_all};

	return &real;
}

/* --- the failing one ----------------------------------------------------------- */

#define FAULT_OR(call)                                                                             \
	struct fs_fault *f = (struct fs_fault *)fs;                                                \
	return fault_here(f->fault) ? -f->err : f->inner->call

static int faulty_open(struct fs *fs, const char *p, int fl, mode_t m) { FAULT_OR(open(f->inner, p, fl, m)); }
static int faulty_write(struct fs *fs, int fd, const void *d, size_t n) { FAULT_OR(write(f->inner, fd, d, n)); }
static ssize_t faulty_pread(struct fs *fs, int fd, void *d, size_t n, int64_t at) { FAULT_OR(pread(f->inner, fd, d, n, at)); }
static int faulty_datasync(struct fs *fs, int fd) { FAULT_OR(datasync(f->inner, fd)); }
static int faulty_truncate(struct fs *fs, int fd, int64_t n) { FAULT_OR(truncate(f->inner, fd, n)); }
static int faulty_rename(struct fs *fs, const char *a, const char *b) { FAULT_OR(rename(f->inner, a, b)); }
static int faulty_unlink(struct fs *fs, const char *p) { FAULT_OR(unlink(f->inner, p)); }
static int faulty_mkdir(struct fs *fs, const char *p, mode_t m) { FAULT_OR(mkdir(f->inner, p, m)); }
static int faulty_sync_dir(struct fs *fs, const char *p) { FAULT_OR(sync_dir(f->inner, p)); }
static int faulty_stat(struct fs *fs, const char *p, struct stat *st) { FAULT_OR(stat(f->inner, p, st)); }
static int faulty_free(struct fs *fs, const char *p, uint64_t *a, uint64_t *b) { FAULT_OR(free_bytes(f->inner, p, a, b)); }

static int faulty_files(struct fs *fs, const char *p, uint64_t *n) { FAULT_OR(free_files(f->inner, p, n)); }
static int faulty_sync_all(struct fs *fs, int fd) { FAULT_OR(sync_all(f->inner, fd)); }

/* A failing close(2) still closes: the fault is told after the fact. */
static int faulty_close(struct fs *fs, int fd)
{
	struct fs_fault *f = (struct fs_fault *)fs;
	int rc = f->inner->close(f->inner, fd);

	return fault_here(f->fault) ? -f->err : rc;
}

void fs_fault_init(struct fs_fault *f, struct fs *inner, struct fault *fault, int err)
{
	*f = (struct fs_fault){
		.base = {faulty_open, faulty_close, faulty_write, faulty_pread, faulty_datasync,
			 faulty_truncate, faulty_rename, faulty_unlink, faulty_mkdir, faulty_sync_dir,
			 faulty_stat, faulty_free, faulty_files, faulty_sync_all},
		.inner = inner, .fault = fault, .err = err};
}

/* --- built on the seam ----------------------------------------------------------- */

#define DIGEST_PIECE_BYTES (64u << 10)

void fs_be_idle(void)
{
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

int fs_mkdirs(struct fs *fs, const char *path, mode_t mode)
{
	char *copy = xstrdup(path);
	int rc = 0;

	for (char *p = copy + 1; rc == 0 && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		rc = fs->mkdir(fs, copy, mode);
		*p = '/';
	}
	if (rc == 0)
		rc = fs->mkdir(fs, copy, mode);
	free(copy);
	return rc;
}

static int write_and_sync(struct fs *fs, const char *path, const void *data, size_t len, mode_t mode)
{
	int fd = fs->open(fs, path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	if (fd < 0)
		return fd;
	int rc = fs->write(fs, fd, data, len);
	if (rc == 0)
		rc = fs->datasync(fs, fd);
	int closed = fs->close(fs, fd);
	return rc < 0 ? rc : closed;
}

static int sync_parent(struct fs *fs, const char *path)
{
	char *copy = xstrdup(path), *slash = strrchr(copy, '/');

	if (slash)
		*(slash == copy ? slash + 1 : slash) = '\0';
	int rc = fs->sync_dir(fs, slash ? copy : ".");
	free(copy);
	return rc;
}

int fs_replace(struct fs *fs, const char *path, const void *data, size_t len, mode_t mode)
{
	char *tmp = xasprintf("%s.tmp", path);
	int rc = write_and_sync(fs, tmp, data, len, mode);

	if (rc == 0)
		rc = fs->rename(fs, tmp, path);
	if (rc == 0)
		rc = sync_parent(fs, path);
	free(tmp);
	return rc;
}

struct dirent *fs_next(DIR *d, int *rc)
{
	errno = 0;
	struct dirent *x = readdir(d);
	*rc = x ? 0 : -errno;
	return x;
}

int fs_digest(struct fs *fs, int fd, uint8_t digest[SHA256_BYTES], int64_t *bytes)
{
	struct hash *h = hash_create();
	uint8_t *piece = xcalloc(1, DIGEST_PIECE_BYTES);
	ssize_t n;

	*bytes = 0;
	while ((n = fs->pread(fs, fd, piece, DIGEST_PIECE_BYTES, *bytes)) > 0) {
		hash_add(h, piece, (size_t)n);
		*bytes += n;
	}
	hash_peek(h, digest);
	hash_destroy(h);
	free(piece);
	return n < 0 ? (int)n : 0;
}

static int read_fd(struct fs *fs, int fd, size_t max, struct buf *b)
{
	for (;;) {
		buf_reserve(b, 64 << 10);
		ssize_t n = fs->pread(fs, fd, b->data + b->len, (64 << 10) - 1, (int64_t)b->len);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return 0;
		b->len += (size_t)n;
		if (b->len > max)
			return -EFBIG;
	}
}

int fs_open_regular(struct fs *fs, const char *path)
{
	struct stat st;
	int fd = fs->open(fs, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);

	if (fd == -ELOOP || fd == -ENXIO) /* a link; a socket, or a device without a driver */
		return FS_NO_FILE;
	if (fd < 0)
		return fd;
	int rc = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : FS_NO_FILE;
	if (rc == 0)
		return fd;
	fs->close(fs, fd);
	return rc;
}

int fs_read_all(struct fs *fs, const char *path, size_t max, char **data, size_t *len)
{
	struct buf b = {0};
	int fd = fs->open(fs, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0); /* a FIFO is an error, no wait */

	if (fd < 0)
		return fd;
	int rc = read_fd(fs, fd, max, &b);
	fs->close(fs, fd);
	if (rc < 0) {
		buf_finish(&b);
		return rc;
	}
	buf_add(&b, "", 1);
	*data = (char *)b.data;
	*len = b.len - 1;
	return 0;
}
