#include "catalog_closed.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define STAMP_MAX 400

/* The change of its inode betrays also who sets the time of modification back. Of the WAL it says nothing: SQLite gives
 * that its owner anew whenever root opens it. */
static int stamp_file(struct fs *fs, const char *path, bool with_inode, struct buf *out)
{
	struct stat st;
	int rc = fs->stat(fs, path, &st);

	if (rc < 0)
		return rc;
	buf_printf(out, "%llu %llu %lld %lld.%09ld", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
		   (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	if (with_inode)
		buf_printf(out, " %lld.%09ld", (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	buf_add_text(out, "\n");
	return 0;
}

static int stamp(const struct catalog_closed *k, struct buf *out)
{
	int rc = stamp_file(k->fs, k->db, true, out);

	return rc < 0 ? rc : stamp_file(k->fs, k->wal, false, out);
}

static bool is_as_left(const struct catalog_closed *k)
{
	struct buf now = {0};
	char left[STAMP_MAX];
	ssize_t n = k->fs->pread(k->fs, k->fd, left, sizeof left, 0);
	bool same = stamp(k, &now) == 0 && n > 0 && (size_t)n == now.len && memcmp(left, now.data, now.len) == 0;

	buf_finish(&now);
	return same;
}

int catalog_closed_take(struct fs *fs, const char *db, struct catalog_closed *out, bool *clean)
{
	char *path = xasprintf("%s-closed", db);

	*clean = false;
	*out = (struct catalog_closed){.fs = fs, .db = xstrdup(db), .wal = xasprintf("%s-wal", db)};
	out->fd = fs->open(fs, path, O_RDWR | O_CREAT, 0600);
	free(path);
	if (out->fd < 0)
		return out->fd;
	bool as_left = is_as_left(out);
	int rc = fs->truncate(fs, out->fd, 0);
	if (rc == 0)
		rc = fs->datasync(fs, out->fd);
	*clean = rc == 0 && as_left;
	return rc;
}

int catalog_closed_mark(struct catalog_closed *k)
{
	struct buf text = {0};
	int rc = k->fd < 0 ? -EBADF : stamp(k, &text);

	if (rc == 0)
		rc = k->fs->write(k->fs, k->fd, text.data, text.len);
	if (rc == 0)
		rc = k->fs->datasync(k->fs, k->fd);
	buf_finish(&text);
	return rc;
}

void catalog_closed_finish(struct catalog_closed *k)
{
	if (k->fs && k->fd >= 0)
		k->fs->close(k->fs, k->fd);
	free(k->db);
	free(k->wal);
	*k = (struct catalog_closed){.fd = -1};
}
