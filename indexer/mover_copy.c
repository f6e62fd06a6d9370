/* The copying half of mover.h: any thread, at idle priority. */
#include "mover.h"

#include "base/buf.h"
#include "indexer_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_BYTES (1u << 20)

/* Reads all of fd; to < 0: it is only digested. -EBADMSG: it is shorter than the row says. */
static int digest(struct mover_job *j, int fd, int to, uint8_t out[SHA256_BYTES])
{
	uint8_t *window = xcalloc(1, WINDOW_BYTES);
	struct hash *h = hash_create();
	int64_t at = 0;
	int rc = 0;

	while (rc == 0 && at < j->from.bytes) {
		int64_t left = j->from.bytes - at;
		ssize_t n = j->fs->pread(j->fs, fd, window, left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES, at);
		rc = n < 0 ? (int)n : n == 0 ? -EBADMSG : 0;
		if (rc == 0 && to >= 0)
			rc = j->fs->write(j->fs, to, window, (size_t)n);
		if (rc == 0)
			hash_add(h, window, (size_t)n);
		at += rc == 0 ? n : 0;
	}
	hash_peek(h, out);
	hash_destroy(h);
	free(window);
	return rc;
}

static int write_part(struct mover_job *j, const char *part, uint8_t out[SHA256_BYTES])
{
	char *file = copy_path(j->from.root_path, j->from.camera, j->from.start);
	int fd = fs_open_regular(j->fs, file), to = -1;
	int rc = fd < 0 ? fd : 0;

	free(file);
	if (rc == 0) {
		to = j->fs->open(j->fs, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0640);
		rc = to < 0 ? to : digest(j, fd, to, out);
	}
	if (rc == 0)
		rc = j->fs->datasync(j->fs, to);
	if (fd >= 0) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		j->fs->close(j->fs, fd);
	}
	int closed = to >= 0 ? j->fs->close(j->fs, to) : 0;
	return rc < 0 ? rc : closed;
}

/* From the disk, not from memory. */
static int read_again(struct mover_job *j, const char *part, const uint8_t want[SHA256_BYTES])
{
	uint8_t found[SHA256_BYTES];
	int fd = fs_open_regular(j->fs, part);

	if (fd < 0)
		return fd;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	int rc = digest(j, fd, -1, found);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	j->fs->close(j->fs, fd);
	return rc == 0 && memcmp(found, want, sizeof found) != 0 ? -EIO : rc;
}

static char *parent_of(const char *path) { return xasprintf("%.*s", (int)(strrchr(path, '/') - path), path); }

static int put_in_place(struct mover_job *j, const char *part)
{
	char *file = copy_path(j->root_path, j->from.camera, j->from.start), *day = parent_of(file);
	char *camera = parent_of(day), *archive = parent_of(camera), *moving = parent_of(part);
	int rc = archive_make_day(j->fs, day);

	if (rc == 0)
		rc = j->fs->rename(j->fs, part, file);
	/* the folders too: who made them may have died before they were synced */
	const char *const folders[] = {day, camera, archive, moving};
	for (unsigned i = 0; rc == 0 && i < sizeof folders / sizeof *folders; i++)
		rc = j->fs->sync_dir(j->fs, folders[i]);
	free(file);
	free(day);
	free(camera);
	free(archive);
	free(moving);
	return rc;
}

void mover_copy(struct mover_job *j)
{
	char *part = copy_path_part(j->root_path, j->from.camera, j->from.start);
	struct mono began = clock_mono(j->clock);
	uint8_t sum[SHA256_BYTES];

	fs_be_idle();
	int rc = j->fs->unlink(j->fs, part); /* of an earlier try */
	if (rc == 0 || rc == -ENOENT)
		rc = write_part(j, part, sum);
	if (rc == 0)
		rc = read_again(j, part, sum);
	if (rc == 0)
		rc = put_in_place(j, part);
	j->rc = rc;
	j->took_us = clock_mono(j->clock).us - began.us;
	free(part);
}
