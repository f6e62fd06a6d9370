/* The file seam: every call that changes footage goes through it, so that tests
 * can fail the Nth one, record the order, or tear what was not synced.
 *
 * Errors: 0 (or a count) or -errno. Short writes are completed or reported.
 * Threads: fs_real() any; a fake belongs to its test. */
#pragma once
#include "base/crypto.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct fs {
	int (*open)(struct fs *fs, const char *path, int flags, mode_t mode); /* fd; O_CLOEXEC is added */
	int (*close)(struct fs *fs, int fd);
	int (*write)(struct fs *fs, int fd, const void *data, size_t len); /* all of it, or an error */
	ssize_t (*pread)(struct fs *fs, int fd, void *data, size_t len, int64_t at);
	int (*datasync)(struct fs *fs, int fd);
	int (*truncate)(struct fs *fs, int fd, int64_t len);
	int (*rename)(struct fs *fs, const char *from, const char *to);
	int (*unlink)(struct fs *fs, const char *path);
	int (*mkdir)(struct fs *fs, const char *path, mode_t mode); /* an existing folder is fine */
	int (*sync_dir)(struct fs *fs, const char *path);
	int (*stat)(struct fs *fs, const char *path, struct stat *st);
	/* Bytes that may still be written below path, by its file system. */
	int (*free_bytes)(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes);
	/* How many files may still be made below path; UINT64_MAX where that has no bound of its own. */
	int (*free_files)(struct fs *fs, const char *path, uint64_t *files);
	/* All that was done in the file system of this open folder is durable, bytes and names, by one call whose cost does not
	 * grow with the files. An error of writing that any file had since fd was opened is told, once for each fd (Linux 5.8).
	 * -EROFS: it has become read-only, which an ext4 or btrfs does that erred; what was not durable by then may never be.
	 * -EOPNOTSUPP: not known to mean that here (ext4, xfs and btrfs are): sync each file and folder. */
	int (*sync_all)(struct fs *fs, int fd);
};

struct fs *fs_real(void);
/* The same, but free_bytes() is asked by a thread for each path and gives up after half a second
 * (-ETIMEDOUT): for who must not hang with a disk. */
struct fs *fs_patient(void);

/* Passes every call on to `inner`, unless its turn to fail has come (fault.h):
 * then the call is not made and returns -err. */
struct fault;
struct fs_fault { struct fs base; struct fs *inner; struct fault *fault; int err; };
void fs_fault_init(struct fs_fault *f, struct fs *inner, struct fault *fault, int err);

/* This thread's reading and writing comes after everybody else's. */
void fs_be_idle(void);

/* Built on the seam. */
/* For reading what lies where strangers may write: never waits (a FIFO) and follows no link. The descriptor, or negative:
 * FS_NO_FILE for what is there and is no regular file. */
#define FS_NO_FILE (-EMEDIUMTYPE)
int fs_open_regular(struct fs *fs, const char *path);
int fs_mkdirs(struct fs *fs, const char *path, mode_t mode);
/* Makes path hold exactly these bytes, whole and durable or not at all: temporary
 * file, sync, rename, sync of the folder. */
int fs_replace(struct fs *fs, const char *path, const void *data, size_t len, mode_t mode);
/* The next entry of a folder, "." and ".." too; NULL at its end, with *rc 0, or where it cannot be read any further, with
 * *rc -errno. Without this a folder that cannot be read looks like an empty one. */
struct dirent *fs_next(DIR *d, int *rc);
/* The SHA-256 of all that fd holds, and how much that is. */
int fs_digest(struct fs *fs, int fd, uint8_t digest[SHA256_BYTES], int64_t *bytes);
/* The whole file, at most max bytes (else -EFBIG), NUL-terminated beyond *len. malloc'd. */
int fs_read_all(struct fs *fs, const char *path, size_t max, char **data, size_t *len);
