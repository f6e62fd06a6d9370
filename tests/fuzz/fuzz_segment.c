/* Hostile segment files: whatever the bytes, the readers stay inside them and keep their word. */
#include "base/require.h"
#include "media/segment.h"

#include <errno.h>
#include <string.h>

#define STEP_BYTES 97 /* by which the limit grows */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file system of one file, which lies in memory and is read in small pieces. */
struct memory_fs { struct fs base; const uint8_t *data; size_t size; };

static ssize_t memory_pread(struct fs *fs, int fd, void *out, size_t len, int64_t at)
{
	struct memory_fs *m = (struct memory_fs *)fs;

	(void)fd;
	if (at < 0 || (uint64_t)at >= m->size)
		return 0;
	size_t n = m->size - (size_t)at;
	n = n < len ? n : len;
	memcpy(out, m->data + at, n);
	return (ssize_t)n;
}

static void check(const struct segment_scan *s, int64_t limit, int rc)
{
	int64_t at = s->init_bytes;

	REQUIRE(rc == 0 || rc == -EBADMSG);
	REQUIRE(s->whole_bytes <= limit && s->init_bytes <= s->whole_bytes);
	for (unsigned i = 0; i < s->index.count; i++) {
		const struct fragment *f = &s->index.items[i];
		REQUIRE(f->offset == at && f->duration_us > 0 && f->frames > 0);
		at += f->bytes;
	}
	REQUIRE(at == s->whole_bytes);
}

/* In one go, and by increments of the limit: both must find the same. */
static void scan(const uint8_t *data, size_t size)
{
	struct memory_fs fs = {.base = {.pread = memory_pread}, .data = data, .size = size};
	struct segment_scan once, slow;
	int64_t limit = (int64_t)size;

	segment_scan_init(&once, true);
	int rc = segment_scan(&once, &fs.base, 0, limit, NULL);
	check(&once, limit, rc);
	segment_scan_init(&slow, true);
	int last = 0;
	for (int64_t at = limit / 3; at < limit && last == 0; at += STEP_BYTES)
		last = segment_scan(&slow, &fs.base, 0, at, NULL);
	if (last == 0)
		last = segment_scan(&slow, &fs.base, 0, limit, NULL);
	check(&slow, limit, last);
	REQUIRE(last == rc && slow.index.count == once.index.count && slow.whole_bytes == once.whole_bytes);
	segment_scan_finish(&once);
	segment_scan_finish(&slow);
}

static void index_round_trip(const uint8_t *data, size_t size)
{
	struct fragment_index x;
	struct buf packed = {0};

	if (fragment_index_unpack(data, size, (struct wall){0}, 0, &x) == 0) {
		fragment_index_pack(&x, &packed);
		REQUIRE(packed.len == size && (size == 0 || memcmp(packed.data, data, size) == 0));
		buf_finish(&packed);
	}
	fragment_index_finish(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct moov_info moov;
	struct moof moof;
	struct prft prft;
	struct seal seal;

	(void)moov_parse(data, size, &moov);
	(void)moof_parse(data, size, &moof);
	(void)prft_parse(data, size, &prft);
	(void)seal_parse(data, size, &seal);
	index_round_trip(data, size);
	scan(data, size);
	return 0;
}
