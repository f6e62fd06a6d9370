#include "footage_file.h"

#include "footage_join.h"

#include "media/box.h"
#include "media/segment.h"

#include <errno.h>
#include <string.h>

int footage_file_read(struct footage_reader *r, void *out, size_t len, int64_t at)
{
	if (r->from_store)
		return remote_file_read(&r->remote, out, len, at);
	for (size_t done = 0; done < len;) {
		ssize_t n = r->fs->pread(r->fs, r->fd, (uint8_t *)out + done, len - done, at + (int64_t)done);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EBADMSG; /* shorter than the catalogue says */
		done += (size_t)n;
	}
	return 0;
}

/* --- files ------------------------------------------------------------------------- */

static int open_at(struct footage_reader *r, const char *root, const char *below)
{
	char path[4096];

	if (snprintf(path, sizeof path, "%s/%s", root, below) >= (int)sizeof path)
		return -ENAMETOOLONG;
	return fs_open_regular(r->fs, path);
}

static unsigned other_roots(const struct footage_reader *r) { return r->conf ? r->conf->root_count : 0; }

static int open_archived(struct footage_reader *r, const struct footage_part *p, const char *root)
{
	char name[256], path[300];

	segment_archive_name(name, r->plan->camera, p->start);
	snprintf(path, sizeof path, "archive/%s", name);
	return open_at(r, root, path);
}

static int open_on(struct footage_reader *r, const struct footage_part *p, unsigned nth)
{
	const char *root = r->conf->roots[nth].path;

	return strcmp(root, p->root) == 0 ? -ENOENT : open_archived(r, p, root);
}

/* Meanwhile the file may have been sealed and published; it moves in this order only. Then to another disk, or
 * there is a second one of it. */
static int open_file(struct footage_reader *r, const struct footage_part *p)
{
	char name[256], path[300];
	int fd = open_at(r, p->root, p->file);

	if (fd == -ENOENT) {
		segment_incoming_name(name, r->plan->camera, p->start, ".mp4");
		snprintf(path, sizeof path, "incoming/%s", name);
		fd = open_at(r, p->root, path);
	}
	if (fd == -ENOENT)
		fd = open_archived(r, p, p->root);
	for (unsigned i = 0; fd < 0 && i < other_roots(r); i++) {
		int other = open_on(r, p, i);
		fd = other >= 0 ? other : fd;
	}
	return fd;
}

static int read_init(struct footage_reader *r, const struct footage_part *p, struct moov_info *moov)
{
	struct footage_plan *plan = r->plan;
	struct box ftyp;

	buf_clear(&r->head);
	buf_reserve(&r->head, (size_t)p->init_bytes);
	int rc = footage_file_read(r, r->head.data, (size_t)p->init_bytes, 0);
	if (rc < 0)
		return rc;
	r->head.len = (size_t)p->init_bytes;
	if (box_read(r->head.data, r->head.len, &ftyp) < 0 || ftyp.type != BOX_FTYP || ftyp.size >= r->head.len)
		return -EBADMSG;
	rc = moov_parse(r->head.data + ftyp.size, r->head.len - (size_t)ftyp.size, moov);
	if (rc == 0 && plan->timescale && !footage_takes(plan, moov))
		rc = -EBADMSG;
	return rc;
}

/* Its bytes are those that were published. */
static bool init_holds(const struct footage_reader *r, const struct footage_part *p)
{
	return p->init_crc == (int64_t)crc32c(0, r->head.data, r->head.len);
}

/* Whether there may be a copy in the object store. */
static bool open_remote(struct footage_reader *r, const struct footage_part *p)
{
	const struct fragment *last = &r->index.items[r->index.count - 1];

	if (!p->sealed || !remote_file_is_configured(&r->remote))
		return false;
	remote_file_open(&r->remote, r->plan->camera, p->start, p->seal_digest, last->offset + last->bytes);
	return true;
}

/* rc: of the disks here, which stays the answer where there is no copy. */
static int init_from_store(struct footage_reader *r, const struct footage_part *p, struct moov_info *moov, int rc)
{
	if (!open_remote(r, p))
		return rc;
	int there = remote_file_load(&r->remote, 0, (size_t)p->init_bytes);
	if (there < 0)
		return there == -ENODATA ? rc : there;
	r->from_store = true;
	there = read_init(r, p, moov);
	return there < 0 || !init_holds(r, p) ? remote_file_differs(&r->remote) : 0;
}

/* Of the file here, unless that is gone, or damaged and a better one is in the store. */
int footage_file_open(struct footage_reader *r, const struct footage_part *p, struct moov_info *moov)
{
	r->from_store = false;
	r->fd = open_file(r, p);
	int here = r->fd < 0 ? r->fd : read_init(r, p, moov);
	if (here == 0 && (p->init_crc < 0 || init_holds(r, p)))
		return 0;
	int there = init_from_store(r, p, moov, here < 0 ? here : -ENODATA);
	if (here < 0 || there == 0 || there == -EBUSY)
		return there;
	r->from_store = false;
	return read_init(r, p, moov);
}

/* --- a fragment, verified ----------------------------------------------------------------- */

/* Reads all of it, block by block; the first one stays in the window. */
static int verify(struct footage_reader *r, const struct fragment *f)
{
	uint32_t crc = 0, len;

	for (uint32_t done = 0; done < f->bytes; done += len) {
		uint8_t *block = r->window + (done ? FOOTAGE_BLOCK_BYTES : 0);
		len = footage_at_most(f->bytes - done, FOOTAGE_BLOCK_BYTES);
		int rc = footage_file_read(r, block, len, f->offset + done);
		if (rc < 0)
			return rc;
		crc = crc32c(crc, block, len);
	}
	return crc == f->crc ? 0 : -EBADMSG;
}

/* Held footage has a second file: what the first does not give any more, that one may. */
static int verify_on_disks(struct footage_reader *r, const struct fragment *f)
{
	const struct footage_part *p = &r->plan->parts[r->part];
	int rc = r->fd < 0 ? r->fd : verify(r, f), first = r->fd;

	for (unsigned i = 0; first >= 0 && rc < 0 && i < other_roots(r); i++) {
		r->fd = open_on(r, p, i);
		if (r->fd >= 0 && verify(r, f) == 0) {
			r->fs->close(r->fs, first);
			return 0;
		}
		if (r->fd >= 0)
			r->fs->close(r->fs, r->fd);
		r->fd = first;
	}
	return rc;
}

/* rc: of the disks here, which stays the answer where there is no copy. */
static int verify_in_store(struct footage_reader *r, const struct fragment *f, int rc)
{
	if (!open_remote(r, &r->plan->parts[r->part]))
		return rc;
	int there = remote_file_load(&r->remote, f->offset, f->bytes);
	if (there < 0)
		return there == -ENODATA ? rc : there;
	r->from_store = true;
	return verify(r, f) < 0 ? remote_file_differs(&r->remote) : 0;
}

int footage_file_verify(struct footage_reader *r, const struct fragment *f)
{
	r->from_store = false;
	int rc = verify_on_disks(r, f);
	return rc < 0 ? verify_in_store(r, f, rc) : 0;
}
