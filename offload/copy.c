#include "offload/copy.h"

#include "base/buf.h"
#include "media/segment.h"
#include "retention/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES (256u << 10)
#define VERSIONS_MAX 16 /* of one segment; what is left then is found at the next try */

void copy_key(char out[256], const char *site, const char *camera, struct wall start)
{
	char name[256];

	segment_archive_name(name, camera, start);
	snprintf(out, 256, "%.64s/%.190s", site, name);
}

void copy_job_init(struct copy_job *j, const struct catalog_object *o)
{
	const struct retention_item item = {.start = o->start, .end = o->end, .offset_us = clock_zone_offset_us(o->end)};

	j->start = o->start;
	j->end = o->end;
	j->bytes = o->bytes;
	j->root = xstrdup(o->root);
	j->retain_until = retention_floor_end(&item, j->floor_days, clock_zone_offset_us);
	snprintf(j->camera, sizeof j->camera, "%s", o->camera);
	memcpy(j->seal_digest, o->seal_digest, sizeof j->seal_digest);
	copy_key(j->key, j->site, j->camera, j->start);
}

void copy_job_init_removal(struct copy_job *j, const struct object_kept *k)
{
	j->remove = true;
	j->start = k->start;
	j->end = k->end;
	j->bytes = k->bytes;
	j->retain_until = k->retain_until;
	snprintf(j->camera, sizeof j->camera, "%s", k->camera);
	snprintf(j->key, sizeof j->key, "%s", k->key);
	snprintf(j->version, sizeof j->version, "%s", k->version);
	memcpy(j->sha256, k->sha256, sizeof j->sha256);
	memcpy(j->seal_digest, k->seal_digest, sizeof j->seal_digest);
}

struct object_kept copy_job_object(const struct copy_job *j, const char *place)
{
	struct object_kept k = {.camera = j->camera, .place = place, .key = j->key, .version = j->version, .start = j->start,
				.end = j->end, .retain_until = j->retain_until, .bytes = j->bytes};

	memcpy(k.sha256, j->sha256, sizeof k.sha256);
	memcpy(k.seal_digest, j->seal_digest, sizeof k.seal_digest);
	return k;
}

void copy_job_finish(struct copy_job *j)
{
	free(j->root);
	j->root = NULL;
}

/* --- here -------------------------------------------------------------------------------- */

static int digest_file(struct copy_job *j, int fd)
{
	int64_t bytes;
	int rc = fs_digest(j->fs, fd, j->sha256, &bytes);

	return rc < 0 ? rc : bytes == j->bytes ? 0 : -EBADMSG;
}

/* The open file; negative: it is not what the catalogue says. Its bytes are judged before they leave. */
static int open_whole(struct copy_job *j)
{
	char name[256];

	segment_archive_name(name, j->camera, j->start);
	char *path = xasprintf("%s/archive/%s", j->root, name);
	int fd = fs_open_regular(j->fs, path);
	int rc = fd < 0 ? fd : segment_is_whole(j->fs, path, j->bytes, j->seal_digest) ? digest_file(j, fd) : -EBADMSG;

	free(path);
	if (rc < 0 && fd >= 0)
		j->fs->close(j->fs, fd);
	return rc < 0 ? rc : fd;
}

/* --- there ------------------------------------------------------------------------------- */

struct compare { struct hash *hash; int64_t bytes, most; };

static size_t on_bytes(void *arg, const void *data, size_t len)
{
	struct compare *c = arg;

	if (c->bytes + (int64_t)len > c->most)
		return 0; /* longer than what was sent: no need to read on */
	hash_add(c->hash, data, len);
	c->bytes += (int64_t)len;
	return len;
}

static enum store_trouble read_back(struct copy_job *j)
{
	struct compare c = {.hash = hash_create(), .most = j->bytes};
	struct store_object o;
	uint8_t found[SHA256_BYTES];
	enum store_trouble t = store_get(j->store, j->key, j->version, &o, on_bytes, &c);

	hash_peek(c.hash, found);
	hash_destroy(c.hash);
	if (t == STORE_ENDED || t == STORE_ABSENT)
		return STORE_DIFFERS;
	if (t != STORE_FINE)
		return t;
	bool same = c.bytes == j->bytes && memcmp(found, j->sha256, sizeof found) == 0;
	return same && store_object_is_locked(&o, j->retain_until) ? STORE_FINE : STORE_DIFFERS;
}

/* STORE_ABSENT: it has to be sent. */
static enum store_trouble find(struct copy_job *j)
{
	struct store_object o;
	enum store_trouble t = store_head(j->store, j->key, &o);

	if (t != STORE_FINE)
		return t;
	if (o.bytes != j->bytes || !store_object_is_locked(&o, j->retain_until) || !o.version[0])
		return STORE_ABSENT;
	memcpy(j->version, o.version, sizeof j->version);
	t = read_back(j);
	return t == STORE_DIFFERS ? STORE_ABSENT : t;
}

static enum store_trouble send_file(struct copy_job *j, int fd)
{
	enum store_trouble t = store_put(j->store, j->key, fd, j->bytes, j->sha256, j->retain_until, j->version);

	j->sent = t == STORE_FINE;
	if (t != STORE_FINE)
		return t == STORE_ABSENT ? STORE_NO_BUCKET : t;
	return j->version[0] ? read_back(j) : STORE_NO_LOCK;
}

/* A crash may have left a second version of the same bytes, which no catalogue knows: it goes with the first. */
static enum store_trouble remove_all(struct copy_job *j)
{
	struct store_object o;
	enum store_trouble t = store_delete(j->store, j->key, j->version);

	for (int i = 0; t == STORE_FINE && i < VERSIONS_MAX; i++) {
		t = store_head(j->store, j->key, &o);
		if (t == STORE_ABSENT)
			return STORE_FINE;
		if (t == STORE_FINE)
			t = store_delete(j->store, j->key, o.version);
	}
	return t == STORE_FINE ? STORE_REFUSED : t;
}

void copy_run(struct copy_job *j)
{
	fs_be_idle();
	j->trouble = j->bucket_known ? STORE_FINE : store_check_bucket(j->store);
	if (j->trouble != STORE_FINE)
		return;
	j->bucket_known = true;
	if (j->remove) {
		j->trouble = remove_all(j);
		return;
	}
	int fd = open_whole(j);
	if (fd < 0) {
		j->local = fd;
		return;
	}
	j->trouble = find(j);
	if (j->trouble == STORE_ABSENT)
		j->trouble = send_file(j, fd);
	j->fs->close(j->fs, fd);
}
