#include "offload/store_file.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEP_BYTES (4u << 20)

/* The next bytes follow those at hand, of which the last are kept. */
static int step(struct store_file *f)
{
	int64_t left = f->bytes - f->end, have = f->end - f->window_at, keep = have < STORE_FILE_BACK ? have : STORE_FILE_BACK;
	uint32_t len = left < STEP_BYTES ? (uint32_t)left : STEP_BYTES;

	if (left <= 0)
		return -EIO;
	memmove(f->window, f->window + (have - keep), (size_t)keep);
	f->window_at = f->end - keep;
	f->trouble = store_get_range(f->store, f->key, f->version, f->bytes, f->end, len, f->window + keep);
	if (f->trouble != STORE_FINE)
		return -EIO;
	hash_add(f->hash, f->window + keep, len);
	f->end += len;
	return 0;
}

static ssize_t file_pread(struct fs *fs, int fd, void *data, size_t len, int64_t at)
{
	struct store_file *f = (struct store_file *)fs;

	(void)fd;
	while (at >= f->end && at < f->bytes)
		if (step(f) < 0)
			return -EIO;
	if (at < f->window_at)
		return -EIO;
	int64_t there = at < f->end ? f->end - at : 0;
	size_t n = there < (int64_t)len ? (size_t)there : len;
	memcpy(data, f->window + (at - f->window_at), n);
	return (ssize_t)n;
}

void store_file_init(struct store_file *f, struct store *s, const char *key, const char *version, int64_t bytes)
{
	*f = (struct store_file){.fs.pread = file_pread, .store = s, .key = key, .version = version, .bytes = bytes,
				 .window = xcalloc(1, STORE_FILE_BACK + STEP_BYTES), .hash = hash_create()};
}

enum store_trouble store_file_digest(struct store_file *f, uint8_t out[SHA256_BYTES])
{
	int rc = 0;

	while (rc == 0 && f->end < f->bytes)
		rc = step(f);
	hash_peek(f->hash, out);
	return f->trouble;
}

void store_file_finish(struct store_file *f)
{
	hash_destroy(f->hash);
	free(f->window);
}
