#include "journal_file.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CRC_DIGITS 8
#define READ_BYTES (64u << 10)
#define NAME_DIGITS 10

/* --- files --------------------------------------------------------------------- */

void journal_file_name(uint32_t number, char out[JOURNAL_FILE_MAX])
{
	snprintf(out, JOURNAL_FILE_MAX, "%010lu.jnl", (unsigned long)number);
}

int journal_file_number(const char *name, uint32_t *out)
{
	uint64_t v = 0;

	for (int i = 0; i < NAME_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -EINVAL;
		v = v * 10 + (uint64_t)(name[i] - '0');
	}
	if (strcmp(name + NAME_DIGITS, ".jnl") != 0 || v > JOURNAL_NUMBER_MAX)
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int journal_file_list(const char *dir, uint32_t **out, unsigned *count)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	unsigned room = 0;
	uint32_t number;

	*out = NULL;
	*count = 0;
	if (!d)
		return -errno;
	errno = 0;
	while ((entry = readdir(d))) {
		if (journal_file_number(entry->d_name, &number) < 0)
			continue;
		if (*count == room) {
			room = room ? room * 2 : 16;
			*out = xrealloc(*out, room * sizeof **out);
		}
		(*out)[(*count)++] = number;
	}
	int rc = -errno;
	closedir(d);
	if (rc < 0) {
		free(*out);
		*out = NULL;
		return rc;
	}
	if (*count > 0)
		qsort(*out, *count, sizeof **out, compare);
	return 0;
}

/* --- lines --------------------------------------------------------------------- */

char *journal_line_make(const json_t *record, size_t *len)
{
	char *json = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);

	if (!json)
		return NULL;
	char *line = xasprintf("%08lx %s\n", (unsigned long)crc32c(0, json, strlen(json)), json);
	free(json);
	*len = strlen(line);
	return line;
}

json_t *journal_line_parse(const char *line, size_t len)
{
	uint8_t crc[4];
	char digits[CRC_DIGITS + 1] = {0};

	if (len <= CRC_DIGITS + 1 || line[CRC_DIGITS] != ' ')
		return NULL;
	memcpy(digits, line, CRC_DIGITS);
	line += CRC_DIGITS + 1;
	len -= CRC_DIGITS + 1;
	if (hex_decode(digits, crc, sizeof crc) < 0 || get_u32be(crc) != crc32c(0, line, len))
		return NULL;
	json_t *record = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_string(json_object_get(record, "k")) && json_is_integer(json_object_get(record, "at")) &&
	    json_is_integer(json_object_get(record, "up")))
		return record;
	json_decref(record);
	return NULL;
}

/* --- the walk ------------------------------------------------------------------ */

struct walk {
	struct fs *fs;
	int fd;
	const char *name;
	int64_t *offset;       /* behind the last whole record */
	int64_t at;            /* where buf begins in the file */
	struct buf buf;
	bool over_long;        /* the line at hand was dropped so far: it is broken */
	journal_fn *fn;
	void *arg;
};

/* One line, without its newline. *whole tells whether it was a record. */
static int take_line(struct walk *w, const uint8_t *line, size_t len, bool *whole)
{
	json_t *record = w->over_long ? NULL : journal_line_parse((const char *)line, len);
	int64_t begin = w->at;

	w->over_long = false;
	w->at += (int64_t)len + 1;
	*whole = record != NULL;
	if (!record)
		return 0;
	if (begin > *w->offset)
		log_warn("journal", "file=%s offset=%lld bytes=%lld note=\"broken line skipped\"", w->name,
			 (long long)*w->offset, (long long)(begin - *w->offset));
	int rc = w->fn(w->arg, record);
	json_decref(record);
	if (rc == 0)
		*w->offset = w->at;
	return rc;
}

/* Takes the lines that are whole in the buffer. */
static int take_lines(struct walk *w, unsigned *left)
{
	size_t done = 0;
	int rc = 0;

	while (rc == 0 && *left > 0 && done < w->buf.len) {
		const uint8_t *line = w->buf.data + done;
		const uint8_t *newline = memchr(line, '\n', w->buf.len - done);
		bool whole;
		if (!newline)
			break;
		rc = take_line(w, line, (size_t)(newline - line), &whole);
		done += (size_t)(newline - line) + 1;
		*left -= whole && rc == 0;
	}
	buf_drop_front(&w->buf, done);
	return rc;
}

/* *more tells whether anything came. */
static int read_more(struct walk *w, bool *more)
{
	if (w->buf.len > JOURNAL_LINE_MAX) {
		w->over_long = true;
		w->at += (int64_t)w->buf.len;
		buf_clear(&w->buf);
	}
	buf_reserve(&w->buf, READ_BYTES);
	ssize_t n = w->fs->pread(w->fs, w->fd, w->buf.data + w->buf.len, READ_BYTES,
				 w->at + (int64_t)w->buf.len);
	if (n < 0)
		return (int)n;
	w->buf.len += (size_t)n;
	*more = n > 0;
	return 0;
}

int journal_file_walk(struct fs *fs, int fd, const char *name, int64_t *offset, unsigned *left,
		      journal_fn *fn, void *arg)
{
	struct walk w = {.fs = fs, .fd = fd, .name = name, .offset = offset, .at = *offset, .fn = fn, .arg = arg};
	bool more = true;
	int rc = 0;

	while (rc == 0 && more && *left > 0) {
		rc = read_more(&w, &more);
		if (rc == 0)
			rc = take_lines(&w, left);
	}
	buf_finish(&w.buf);
	return rc;
}
