#include "recorder/segment_file.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* --- lifetime ---------------------------------------------------------------------- */

struct segment_file *segment_file_make(struct fs *fs, const char *root, const char *camera, struct wall start,
				       const uint8_t run[UUID_BYTES], uint8_t flags)
{
	struct segment_file *f = xcalloc(1, sizeof *f);

	f->fs = fs;
	f->root = root;
	snprintf(f->camera, sizeof f->camera, "%s", camera);
	f->start = start;
	memcpy(f->run, run, UUID_BYTES);
	f->flags = flags;
	f->fd = -1;
	pthread_mutex_init(&f->promise.lock, NULL);
	f->promise.end = start;
	segment_scan_init(&f->scan, true);
	return f;
}

void segment_file_destroy(struct segment_file *f)
{
	if (!f)
		return;
	segment_file_leave(f);
	pthread_mutex_destroy(&f->promise.lock);
	segment_scan_finish(&f->scan);
	free(f->digests);
	free(f);
}

void segment_file_name(const struct segment_file *f, const char *suffix, char out[256])
{
	segment_incoming_name(out, f->camera, f->start, suffix);
}

static char *incoming_path(const char *root, const char *name)
{
	return xasprintf("%s/incoming/%s", root, name);
}

static int fail(struct segment_file *f, int rc)
{
	if (rc < 0 && f->error == 0)
		f->error = rc;
	return rc;
}

void segment_file_leave(struct segment_file *f)
{
	if (f->fd >= 0)
		f->fs->close(f->fs, f->fd);
	f->fd = -1;
}

/* --- reading what goes by --------------------------------------------------------------- */

/* Whether the bytes that are next to be written are wholly what they should be. */
static int scan(struct segment_file *f, const void *data, size_t len)
{
	unsigned before = f->scan.index.count;
	int rc = segment_scan_bytes(&f->scan, data, len);

	if (rc < 0)
		return rc == -EBADMSG ? rc : -EPROTO; /* nothing here is the disk's fault */
	bool whole = f->scan.whole_bytes == f->bytes + (int64_t)len && !f->scan.sealed;
	return whole && f->scan.index.count - before == (f->bytes > 0) ? 0 : -EBADMSG;
}

/* --- writing ------------------------------------------------------------------------- */

/* The rename at the end must never replace footage. */
static bool name_is_taken(const struct segment_file *f)
{
	char name[256];
	struct stat st;

	segment_file_name(f, ".mp4", name);
	char *path = incoming_path(f->root, name);
	int rc = f->fs->stat(f->fs, path, &st);
	free(path);
	return rc == 0;
}

int segment_file_open(struct segment_file *f, const void *init, size_t len)
{
	char name[256];

	segment_file_name(f, ".open", name);
	char *path = incoming_path(f->root, name);
	int fd = name_is_taken(f) ? -EEXIST
				  : f->fs->open(f->fs, path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0640);
	free(path);
	if (fd < 0)
		return fail(f, fd);
	f->fd = fd;
	int rc = scan(f, init, len);
	if (rc == 0)
		rc = f->fs->write(f->fs, fd, init, len);
	if (rc < 0)
		return fail(f, rc);
	f->bytes = (int64_t)len;
	return 0;
}

static void remember_digest(struct segment_file *f)
{
	unsigned n = f->scan.index.count;

	if (n > f->digest_room) {
		f->digest_room = f->digest_room ? 2 * f->digest_room : 64;
		f->digests = xrealloc(f->digests, f->digest_room * sizeof *f->digests);
	}
	hash_peek(f->scan.content, f->digests[n - 1]);
}

int segment_file_add(struct segment_file *f, const void *data, size_t len)
{
	int rc = f->error;

	if (rc == 0)
		rc = scan(f, data, len);
	if (rc == 0)
		rc = f->fs->write(f->fs, f->fd, data, len);
	if (rc < 0)
		return fail(f, rc);
	f->bytes += (int64_t)len;
	remember_digest(f);
	return 0;
}

bool segment_file_is_dirty(struct segment_file *f)
{
	if (f->sealing)
		return !f->sealed;
	return f->fd >= 0 && !f->error && f->bytes > f->confirmed_bytes && !segment_file_is_condemned(f);
}

int segment_file_sync(struct segment_file *f)
{
	int rc = f->error && !f->sealing ? f->error : f->fs->datasync(f->fs, f->fd);

	f->sync_error = rc;
	return fail(f, rc);
}

void segment_file_confirm(struct segment_file *f)
{
	unsigned n = f->sealing ? f->keep : f->scan.index.count;

	f->named = true;
	f->sealed = f->sealing;
	f->sync_error = 0;
	if (n >= f->confirmed) {
		f->confirmed = n;
		f->confirmed_bytes = segment_file_end(f, n);
	}
}

/* --- the promise ------------------------------------------------------------------------- */

bool segment_file_promise(struct segment_file *f, unsigned n)
{
	struct segment_promise *p = &f->promise;

	pthread_mutex_lock(&p->lock);
	bool free_to = !p->condemned || n <= p->fragments;
	if (free_to && n > p->fragments) {
		p->fragments = n;
		p->end = segment_file_end_time(f, n);
	}
	pthread_mutex_unlock(&p->lock);
	return free_to;
}

void segment_file_condemn(struct segment_file *f, unsigned *fragments, struct wall *end)
{
	struct segment_promise *p = &f->promise;

	pthread_mutex_lock(&p->lock);
	p->condemned = true;
	*fragments = p->fragments;
	*end = p->end;
	pthread_mutex_unlock(&p->lock);
}

bool segment_file_is_condemned(struct segment_file *f)
{
	pthread_mutex_lock(&f->promise.lock);
	bool condemned = f->promise.condemned;
	pthread_mutex_unlock(&f->promise.lock);
	return condemned;
}

/* --- ending ---------------------------------------------------------------------------- */

int segment_file_rename(struct fs *fs, const char *root, const char *from, const char *to)
{
	char *a = incoming_path(root, from), *b = incoming_path(root, to);
	int rc = fs->rename(fs, a, b);

	free(a);
	free(b);
	return rc;
}

static int sync_incoming(struct fs *fs, const char *root)
{
	char *dir = xasprintf("%s/incoming", root);
	int rc = fs->sync_dir(fs, dir);

	free(dir);
	return rc;
}

int segment_file_remove(struct fs *fs, struct chain *chain, const char *root, const char *camera,
			const char *name)
{
	char *path = incoming_path(root, name);
	int rc = fs->unlink(fs, path);

	free(path);
	if (rc == 0 || rc == -ENOENT)
		rc = sync_incoming(fs, root);
	if (rc < 0)
		return rc;
	rc = chain_fact(chain, "dropped",
			json_pack("{s:s,s:s,s:s}", "camera", camera, "root", root, "file", name));
	chain_sync(chain); /* if it cannot be told, it is found to be gone */
	return rc;
}

int64_t segment_file_end(const struct segment_file *f, unsigned n)
{
	if (n == 0)
		return f->scan.init_bytes;
	const struct fragment *last = &f->scan.index.items[n - 1];
	return last->offset + last->bytes;
}

struct wall segment_file_end_time(const struct segment_file *f, unsigned n)
{
	if (n == 0)
		return f->start;
	const struct fragment *last = &f->scan.index.items[n - 1];
	return (struct wall){last->start.us + last->duration_us};
}

static unsigned keep_count(struct segment_file *f)
{
	unsigned keep = f->error ? f->confirmed : f->scan.index.count;

	if (segment_file_is_condemned(f) && f->promise.fragments < keep)
		return f->promise.fragments; /* it does not change any more */
	return keep;
}

static void fill_seal(const struct segment_file *f, struct segment_seal *s, unsigned keep)
{
	struct seal *out = &s->seal;

	*out = (struct seal){.flags = f->flags,
			     .sequence = s->head.sequence + 1,
			     .start = f->scan.index.items[0].start,
			     .end = segment_file_end_time(f, keep),
			     .fragments = keep};
	snprintf(out->site, sizeof out->site, "%s", s->site);
	memcpy(out->camera, f->camera, sizeof out->camera);
	memcpy(out->run, f->run, UUID_BYTES);
	for (unsigned i = 0; i < keep; i++)
		out->frames += f->scan.index.items[i].frames;
	memcpy(out->previous, s->head.digest, SHA256_BYTES);
	memcpy(out->content, f->digests[keep - 1], SHA256_BYTES);
}

/* Brings the file to `keep` fragments and a seal. */
static int write_seal(struct segment_file *f, struct segment_seal *s, unsigned keep)
{
	bool cut = f->error || f->sealing || keep < f->scan.index.count;
	int rc = cut ? f->fs->truncate(f->fs, f->fd, segment_file_end(f, keep)) : 0;

	f->sealed = false;
	if (rc < 0)
		return rc;
	f->sealing = true;
	f->keep = keep;
	fill_seal(f, s, keep);
	s->box_bytes = seal_encode(&s->seal, s->key, s->box);
	seal_digest(s->box, s->box_bytes, s->digest);
	s->bytes = segment_file_end(f, keep) + (int64_t)s->box_bytes;
	return f->fs->write(f->fs, f->fd, s->box, s->box_bytes);
}

static enum segment_fate leave(struct segment_file *f)
{
	segment_file_leave(f);
	return SEGMENT_LEFT;
}

static enum segment_fate drop(struct segment_file *f, struct chain *chain)
{
	char name[256];

	if (f->fd < 0)
		return SEGMENT_DROPPED; /* it was never created */
	segment_file_name(f, ".open", name);
	segment_file_leave(f);
	return fail(f, segment_file_remove(f->fs, chain, f->root, f->camera, name)) < 0 ? SEGMENT_LEFT
											: SEGMENT_DROPPED;
}

#define CUTS_MAX 2 /* the disk, and then the loop, may take some of it back */

/* Less than was asked for, because the disk refused that or it was condemned meanwhile. */
static enum segment_fate seal_less(struct segment_file *f, struct chain *chain, struct segment_seal *s)
{
	unsigned keep = keep_count(f);

	if (keep == 0)
		return drop(f, chain);
	if (f->cuts++ == CUTS_MAX)
		return leave(f);
	return fail(f, write_seal(f, s, keep)) < 0 ? leave(f) : SEGMENT_WAITS;
}

enum segment_fate segment_file_seal(struct segment_file *f, struct chain *chain, struct segment_seal *s)
{
	if (f->fd < 0 || keep_count(f) == 0)
		return drop(f, chain);
	f->cuts = f->error != 0;
	if (fail(f, write_seal(f, s, keep_count(f))) == 0)
		return SEGMENT_WAITS;
	return seal_less(f, chain, s);
}

/* A seal that lost the race is no part of the chain: off with it. */
static enum segment_fate unseal(struct segment_file *f)
{
	f->sealing = f->sealed = false;
	return fail(f, f->fs->truncate(f->fs, f->fd, segment_file_end(f, keep_count(f)))) == 0 ? SEGMENT_STALE : leave(f);
}

enum segment_fate segment_file_journal(struct segment_file *f, struct chain *chain, struct segment_seal *s)
{
	char name[256];

	if (!f->sealed || !segment_file_promise(f, f->keep))
		return seal_less(f, chain, s);
	segment_file_name(f, ".mp4", name);
	struct chain_entry x = {.root = f->root, .file = name, .seal = &s->seal, .bytes = s->bytes};
	memcpy(x.digest, s->digest, sizeof x.digest);
	int rc = chain_sealed(chain, &x, &s->head);
	if (rc == -ESTALE)
		return unseal(f);
	return fail(f, rc) < 0 ? leave(f) : SEGMENT_WAITS;
}

enum segment_fate segment_file_publish(struct segment_file *f)
{
	char open_name[256], name[256];

	segment_file_name(f, ".open", open_name);
	segment_file_name(f, ".mp4", name);
	segment_file_leave(f);
	return fail(f, segment_file_rename(f->fs, f->root, open_name, name)) < 0 ? SEGMENT_LEFT : SEGMENT_SEALED;
}

/* --- beside a journal that cannot be written ------------------------------------------------ */

static int keep(struct fs *fs, const char *root, const char *name, const void *data, size_t len)
{
	char *path = incoming_path(root, name);
	int rc = fs_replace(fs, path, data, len, 0640);

	free(path);
	return rc;
}

int segment_head_keep(struct fs *fs, const char *root, const char *camera, const uint8_t *box, size_t len)
{
	char *name = xasprintf(SEGMENT_HEAD_PREFIX "%s", camera);
	int rc = keep(fs, root, name, box, len);

	free(name);
	return rc;
}

int segment_boot_keep(struct fs *fs, const char *root)
{
	char boot[BOOT_ID_MAX];

	clock_boot_id(boot);
	return keep(fs, root, SEGMENT_BOOT_NAME, boot, strlen(boot));
}
