#include "indexer_inner.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

static struct open_file *find(struct indexer *ix, const char *stem)
{
	for (struct open_file *f = ix->open_files; f; f = f->next)
		if (strcmp(f->stem, stem) == 0)
			return f;
	struct open_file *f = xcalloc(1, sizeof *f);
	snprintf(f->stem, sizeof f->stem, "%s", stem);
	segment_scan_init(&f->scan, false);
	f->next = ix->open_files;
	ix->open_files = f;
	return f;
}

void open_file_forget(struct indexer *ix, const char *stem)
{
	for (struct open_file **at = &ix->open_files; *at;) {
		struct open_file *f = *at;
		if (stem && strcmp(f->stem, stem) != 0) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		segment_scan_finish(&f->scan);
		free(f);
	}
}

/* The recorder may have sealed and renamed it since it told. */
static int open_either(struct indexer *ix, const struct root *r, const char *stem)
{
	static const char *const suffix[] = {".open", ".mp4"};
	int fd = -ENOENT;

	for (int i = 0; fd == -ENOENT && i < 2; i++) {
		char *path = xasprintf("%s/incoming/%s%s", r->path, stem, suffix[i]);
		fd = fs_open_regular(ix->fs, path);
		free(path);
	}
	return fd;
}

static int scan_on(struct indexer *ix, struct open_file *f, int fd, int64_t limit)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (limit > st.st_size)
		limit = st.st_size;
	return segment_scan(&f->scan, ix->fs, fd, limit, NULL);
}

int file_covers(struct indexer *ix, const char *camera, int64_t sequence, struct wall start, struct wall end)
{
	return account_covered_by_file(&ix->acc, camera, sequence, start, end);
}

int open_file_absorb(struct indexer *ix, const struct root *r, const char *stem, int64_t limit)
{
	struct file_facts known;
	char root[INDEXER_PATH_MAX];
	int rc = open_row_get(ix->catalog, stem, &known, root, sizeof root);

	if (rc < 0)
		return rc;
	int fd = open_either(ix, r, stem);
	if (fd < 0)
		return fd;
	struct open_file *f = find(ix, stem);
	rc = scan_on(ix, f, fd, limit);
	ix->fs->close(ix->fs, fd);
	if (rc < 0) {
		log_warn("open_segment", "file=%s error=%d whole_bytes=%lld", stem, rc, (long long)f->scan.whole_bytes);
		return rc;
	}
	struct wall_range range = segment_scan_range(&f->scan);
	if (f->scan.index.count > 0 && range.start.us != known.start.us)
		return log_error("open_segment", "file=%s text=\"its footage does not begin where its name says\"", stem), 0;
	rc = open_row_update(ix->catalog, stem, &f->scan);
	return rc < 0 ? rc : file_covers(ix, known.camera, INT64_MAX, range.start, range.end);
}
