/* A version of an object as a file that is read from its beginning to its end: for who reads files (media/segment.h). Going
 * back is possible within STORE_FILE_BACK bytes. Digests all of it on the way.
 *
 * Threads: one, blocking. Memory: store_file_finish(). Errors: -EIO; store_file.trouble says why. */
#pragma once
#include "base/fs.h"
#include "offload/store.h"

#define STORE_FILE_BACK (2u << 20)

struct store_file {
	struct fs fs;                   /* pread() alone; the fd does not matter */
	struct store *store;
	const char *key, *version;      /* borrowed */
	int64_t bytes;
	uint8_t *window;
	int64_t window_at, end;         /* what of the file is at hand: [window_at, end) */
	struct hash *hash;
	enum store_trouble trouble;
};

void store_file_init(struct store_file *f, struct store *s, const char *key, const char *version, int64_t bytes);
/* Reads what was not read yet. */
enum store_trouble store_file_digest(struct store_file *f, uint8_t out[SHA256_BYTES]);
void store_file_finish(struct store_file *f);
