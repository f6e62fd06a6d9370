#include "segment.h"

#include <string.h>

bool segment_is_whole(struct fs *fs, const char *path, int64_t bytes, const uint8_t digest[SHA256_BYTES])
{
	struct segment_scan scan;
	struct stat st;
	int fd = fs_open_regular(fs, path);

	if (fd < 0)
		return false;
	segment_scan_init(&scan, true);
	bool whole = fstat(fd, &st) == 0 && st.st_size == bytes && segment_scan(&scan, fs, fd, bytes, NULL) == 0 &&
		     scan.sealed && scan.content_ok && memcmp(scan.seal_digest, digest, SHA256_BYTES) == 0;
	segment_scan_finish(&scan);
	fs->close(fs, fd);
	return whole;
}
