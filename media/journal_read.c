#include "base/buf.h"
#include "base/log.h"
#include "journal_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TAIL_BYTES (2 * (off_t)JOURNAL_LINE_MAX)

static int read_one(struct fs *fs, const char *dir, struct journal_pos *pos, unsigned *left,
		    journal_fn *fn, void *arg)
{
	char *path = xasprintf("%s/%s", dir, pos->file);
	int fd = fs_open_regular(fs, path);

	free(path);
	if (fd < 0)
		return fd;
	int rc = journal_file_walk(fs, fd, pos->file, &pos->offset, left, fn, arg);
	fs->close(fs, fd);
	return rc;
}

/* The file of pos, or the oldest after it when that one is gone; all are before it when the journal was lost and begun anew. */
static int begin(struct journal_pos *pos, const uint32_t *numbers, unsigned count, unsigned *first)
{
	uint32_t number = 0;
	unsigned i = 0;

	if (pos->file[0] && journal_file_number(pos->file, &number) < 0)
		return -EINVAL;
	while (i < count && numbers[i] < number)
		i++;
	*first = i;
	if (pos->file[0] && i < count && numbers[i] == number)
		return 0;
	if (pos->file[0] && count > 0)
		log_warn("journal", "file=%s note=\"gone before it was read to its end\"", pos->file);
	if (i == count && count > 0)
		*first = i = 0;
	if (i < count) {
		journal_file_name(numbers[i], pos->file);
		pos->offset = 0;
	}
	return 0;
}

static int read_files(struct fs *fs, const char *dir, struct journal_pos *pos, const uint32_t *numbers,
		      unsigned count, unsigned left, journal_fn *fn, void *arg)
{
	unsigned i;
	int rc = begin(pos, numbers, count, &i);

	while (rc == 0 && i < count && left > 0) {
		rc = read_one(fs, dir, pos, &left, fn, arg);
		if (rc != 0 || left == 0 || ++i == count)
			break;
		journal_file_name(numbers[i], pos->file);
		pos->offset = 0;
	}
	return rc;
}

int journal_read(struct fs *fs, const char *dir, struct journal_pos *pos, unsigned max,
		 journal_fn *fn, void *arg)
{
	uint32_t *numbers;
	unsigned count;
	int rc = journal_file_list(dir, &numbers, &count);

	if (rc < 0)
		return rc;
	rc = read_files(fs, dir, pos, numbers, count, max, fn, arg);
	free(numbers);
	return rc;
}

/* --- the last word ------------------------------------------------------------------ */

/* From its end backwards; what follows the last newline was never finished. */
static json_t *last_line(const char *tail, size_t len)
{
	const char *newline = memrchr(tail, '\n', len);
	json_t *record = NULL;

	while (newline && !record) {
		const char *before = memrchr(tail, '\n', (size_t)(newline - tail)), *line = before ? before + 1 : tail;
		record = journal_line_parse(line, (size_t)(newline - line));
		newline = before;
	}
	return record;
}

static int read_last(struct fs *fs, const char *path, json_t **out)
{
	struct stat st;
	int fd = fs_open_regular(fs, path);

	if (fd < 0)
		return fd;
	struct buf tail = {0};
	int64_t rc = fstat(fd, &st) < 0 ? -errno : 0;
	if (rc == 0) {
		off_t want = st.st_size < TAIL_BYTES ? st.st_size : TAIL_BYTES;
		buf_reserve(&tail, (size_t)want + 1);
		rc = fs->pread(fs, fd, tail.data, (size_t)want, st.st_size - want);
	}
	*out = rc > 0 ? last_line((const char *)tail.data, (size_t)rc) : NULL;
	buf_finish(&tail);
	fs->close(fs, fd);
	return rc < 0 ? (int)rc : 0;
}

int journal_last(struct fs *fs, const char *dir, json_t **out)
{
	char name[JOURNAL_FILE_MAX];
	uint32_t *numbers;
	unsigned count;
	int rc = journal_file_list(dir, &numbers, &count);

	*out = NULL;
	if (rc < 0 || count == 0)
		return rc;
	journal_file_name(numbers[count - 1], name);
	free(numbers);
	char *path = xasprintf("%s/%s", dir, name);
	rc = read_last(fs, path, out);
	free(path);
	return rc;
}
