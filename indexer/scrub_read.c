/* The reading half of scrub.h: any thread, at idle priority, past the page cache. */
#include "scrub.h"

#include "base/buf.h"
#include "media/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_BYTES (256u << 10)

/* -EBADMSG: shorter than it should be. Once more if the disk refuses: it may pass. */
static int read_full(struct scrub_job *j, int fd, uint8_t *out, size_t len, int64_t at)
{
	bool again = true;

	for (size_t done = 0; done < len;) {
		ssize_t n = j->fs->pread(j->fs, fd, out + done, len - done, at + (int64_t)done);
		if (n < 0 && again) {
			again = false;
			continue;
		}
		if (n <= 0)
			return n < 0 ? (int)n : -EBADMSG;
		done += (size_t)n;
		j->read_bytes += n;
	}
	return 0;
}

static bool is_bad(struct scrub_job *j, int fd, uint8_t *window, const struct fragment *f)
{
	uint32_t crc = 0;
	size_t len;

	for (uint32_t done = 0; done < f->bytes; done += (uint32_t)len) {
		len = f->bytes - done < WINDOW_BYTES ? f->bytes - done : WINDOW_BYTES;
		if (read_full(j, fd, window, len, f->offset + done) < 0)
			return true;
		crc = crc32c(crc, window, len);
	}
	return crc != f->crc;
}

static bool init_is_bad(struct scrub_job *j, int fd)
{
	struct moov_info moov;
	struct box ftyp;
	size_t len = (size_t)j->init_bytes;

	if (j->init_bytes < 16 || j->init_bytes > SEGMENT_HEAD_MAX)
		return true;
	uint8_t *init = xcalloc(1, len);
	bool bad = read_full(j, fd, init, len, 0) < 0 || box_read(init, len, &ftyp) < 0 || ftyp.type != BOX_FTYP ||
		   ftyp.size >= len || moov_parse(init + ftyp.size, len - (size_t)ftyp.size, &moov) < 0 ||
		   memcmp(moov.stsd_digest, j->init_digest, SHA256_BYTES) != 0;
	free(init);
	return bad;
}

static bool seal_is_bad(struct scrub_job *j, int fd)
{
	const struct fragment *last = &j->index.items[j->index.count - 1];
	int64_t at = last->offset + last->bytes;
	uint8_t box[SEAL_MAX_BYTES], digest[SHA256_BYTES];

	if (j->bytes - at <= 0 || j->bytes - at > (int64_t)sizeof box ||
	    read_full(j, fd, box, (size_t)(j->bytes - at), at) < 0)
		return true;
	seal_digest(box, (size_t)(j->bytes - at), digest);
	return memcmp(digest, j->seal_digest, SHA256_BYTES) != 0;
}

static void read_slice(struct scrub_job *j, int fd)
{
	uint8_t *window = xcalloc(1, WINDOW_BYTES);
	const struct fragment *first = &j->index.items[j->from];
	int64_t from = j->from == 0 ? 0 : first->offset;

	posix_fadvise(fd, from, 0, POSIX_FADV_DONTNEED); /* from the disk, not from memory */
	j->bad = xcalloc(j->to - j->from, sizeof *j->bad);
	j->bad_init = j->from == 0 && init_is_bad(j, fd);
	for (unsigned i = j->from; i < j->to; i++)
		if (j->index.items[i].frames > 0) /* others are known */
			j->bad[i - j->from] = j->bad_init || is_bad(j, fd, window, &j->index.items[i]);
	j->bad_seal = j->to == j->index.count && seal_is_bad(j, fd);
	posix_fadvise(fd, from, 0, POSIX_FADV_DONTNEED);
	free(window);
}

static void all_bad(struct scrub_job *j)
{
	j->bad = xcalloc(j->to - j->from, sizeof *j->bad);
	for (unsigned i = j->from; i < j->to; i++)
		j->bad[i - j->from] = true;
}

/* Once more if the disk refuses: it may pass. */
static int open_file(const struct scrub_job *j)
{
	int fd = fs_open_regular(j->fs, j->path);

	return fd == -EIO || fd == -EUCLEAN ? fs_open_regular(j->fs, j->path) : fd;
}

void scrub_read(struct scrub_job *j)
{
	fs_be_idle();
	if (j->index.count == 0 || j->from >= j->to) {
		j->rc = -EINVAL;
		return;
	}
	int fd = open_file(j);
	j->rc = fd < 0 ? fd : 0;
	if (fd == -EIO || fd == -EUCLEAN) { /* the disk has lost the file, if not its name */
		j->rc = 0;
		all_bad(j);
	}
	if (fd < 0)
		return;
	read_slice(j, fd);
	j->fs->close(j->fs, fd);
}
