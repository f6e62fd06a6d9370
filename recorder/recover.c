#include "recorder/recover.h"

#include "base/buf.h"
#include "base/log.h"
#include "media/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* --- the survey -------------------------------------------------------------------- */

struct tail {
	struct seal seal;
	uint8_t digest[SHA256_BYTES];
	int64_t file_bytes;
};

static bool find_seal(struct seal_keys *keys, const uint8_t *p, size_t len, struct tail *out)
{
	size_t at;

	if (seal_find(p, len, &out->seal, &at) < 0)
		return false;
	const struct key *key = seal_keys_find(keys, out->seal.key_id);
	if (!key || !seal_verify(p + at, len - at, &out->seal, key))
		return false;
	seal_digest(p + at, len - at, out->digest);
	return true;
}

static bool seal_is_ours(const struct recover_env *env, const struct seal *s, const char *camera)
{
	return strcmp(s->site, env->site) == 0 && strcmp(s->camera, camera) == 0;
}

/* The seal that ends the file, if one does and it is signed by a key of ours for this camera. */
static bool read_tail(const struct recover_env *env, const char *name, const char *camera, struct tail *out)
{
	uint8_t end[SEAL_MAX_BYTES];
	struct stat st;
	char *path = xasprintf("%s/incoming/%s", env->root, name);
	int fd = fs_open_regular(env->fs, path),
	    rc = fd < 0 ? fd : env->fs->stat(env->fs, path, &st);
	bool found = false;

	free(path);
	if (rc >= 0) {
		size_t want = st.st_size < (off_t)sizeof end ? (size_t)st.st_size : sizeof end;
		ssize_t n = env->fs->pread(env->fs, fd, end, want, st.st_size - (off_t)want);
		out->file_bytes = st.st_size;
		found = n == (ssize_t)want && find_seal(env->keys, end, want, out) &&
			seal_is_ours(env, &out->seal, camera);
	}
	if (fd >= 0)
		env->fs->close(env->fs, fd);
	return found;
}

static bool goes_before(const struct recover_item *a, const struct recover_item *b)
{
	if (a->sealed_sequence && b->sealed_sequence)
		return a->sealed_sequence < b->sealed_sequence;
	if (a->sealed_sequence || b->sealed_sequence)
		return a->sealed_sequence != 0;
	return a->start.us < b->start.us;
}

static struct recover_item *item_make(const struct recover_env *env, const char *name)
{
	struct recover_item *x = xcalloc(1, sizeof *x);
	struct tail tail;

	x->env = env;
	if (strlen(name) >= sizeof x->name ||
	    (segment_parse_incoming(name, ".open", x->camera, &x->start) < 0 &&
	     segment_parse_incoming(name, ".mp4", x->camera, &x->start) < 0)) {
		char quoted[256];
		log_warn("recover", "root=%s file=\"%s\" note=\"not ours: left alone\"", env->root,
			 log_quote(quoted, sizeof quoted, name));
		free(x);
		return NULL;
	}
	snprintf(x->name, sizeof x->name, "%s", name);
	if (read_tail(env, name, x->camera, &tail))
		x->sealed_sequence = tail.seal.sequence;
	return x;
}

static void learn_head(const struct recover_env *env, const char *dir, const char *name)
{
	const char *camera = name + strlen(SEGMENT_HEAD_PREFIX);
	char *path = xasprintf("%s/%s", dir, name), *data = NULL;
	struct tail tail;
	size_t len = 0;

	if (fs_read_all(env->fs, path, SEAL_MAX_BYTES, &data, &len) == 0 &&
	    find_seal(env->keys, (const uint8_t *)data, len, &tail) && seal_is_ours(env, &tail.seal, camera)) {
		struct chain_head head = {.sequence = tail.seal.sequence};
		memcpy(head.digest, tail.digest, sizeof head.digest);
		chain_learn(env->chain, camera, &head);
	}
	free(data);
	free(path);
}

void recover_heads(const struct recover_env *env)
{
	char *dir = xasprintf("%s/incoming", env->root);
	DIR *d = opendir(dir);
	int rc = 0;

	for (struct dirent *x; d && (x = fs_next(d, &rc)) != NULL;)
		if (strncmp(x->d_name, SEGMENT_HEAD_PREFIX, strlen(SEGMENT_HEAD_PREFIX)) == 0 && !strstr(x->d_name, ".tmp"))
			learn_head(env, dir, x->d_name);
	if (rc < 0 || !d)
		log_warn("recover", "root=%s error=\"heads of chains cannot be read\"", env->root);
	if (d)
		closedir(d);
	free(dir);
}

static bool is_open_file(const struct recover_item *x)
{
	size_t len = strlen(x->name);

	return len > 5 && strcmp(x->name + len - 5, ".open") == 0;
}

static int compare_items(const void *a, const void *b)
{
	const struct recover_item *x = *(struct recover_item *const *)a,
				  *y = *(struct recover_item *const *)b;

	return goes_before(x, y) ? -1 : goes_before(y, x) ? 1 : 0;
}

/* A finished file that the journal does not know of: the journal learns it. */
static void learn_sealed(const struct recover_env *env, const struct recover_item *x)
{
	struct chain_head head;
	struct tail tail;

	chain_head(env->chain, x->camera, &head);
	if (x->sealed_sequence <= head.sequence || !read_tail(env, x->name, x->camera, &tail))
		return;
	struct chain_entry entry = {
	    .root = env->root, .file = x->name, .seal = &tail.seal, .bytes = tail.file_bytes, .forced = true};
	memcpy(entry.digest, tail.digest, sizeof entry.digest);
	log_warn("recover", "camera=%s sequence=%llu note=\"sealed, but not in the journal\"", x->camera,
		 (unsigned long long)x->sealed_sequence);
	if (chain_sealed(env->chain, &entry, &head) == 0)
		chain_sync(env->chain);
}

struct recover_item *recover_survey(const struct recover_env *env, const json_t *names)
{
	size_t n = json_array_size(names), count = 0;
	struct recover_item **items = xcalloc(n, sizeof *items), *first = NULL, **last = &first;

	for (size_t i = 0; i < n; i++)
		if ((items[count] = item_make(env, json_string_value(json_array_get(names, i)))) != NULL)
			count++;
	if (count)
		qsort(items, count, sizeof *items, compare_items);
	for (size_t i = 0; i < count; i++) {
		if (is_open_file(items[i])) {
			*last = items[i];
			last = &items[i]->next;
		} else {
			learn_sealed(env, items[i]);
			free(items[i]);
		}
	}
	free(items);
	return first;
}

/* --- one file ------------------------------------------------------------------------ */

struct recovery {
	struct recover_item *x;
	const struct recover_env *env;
	struct fs *fs;
	int fd;
	int64_t size;
	struct segment_scan scan;
	char final[256];
};

/* 0: the scan tells; negative: the disk does. */
static int scan_to(struct recovery *r, int64_t limit)
{
	segment_scan_finish(&r->scan);
	segment_scan_init(&r->scan, true);
	int rc = segment_scan(&r->scan, r->fs, r->fd, limit, r->env->keys);
	return rc == -EBADMSG ? 0 : rc;
}

static bool is_sealed_well(const struct recovery *r)
{
	const struct segment_scan *s = &r->scan;

	return s->sealed && s->content_ok && s->signature_ok && seal_is_ours(r->env, &s->seal, r->x->camera);
}

static enum segment_fate publish(struct recovery *r)
{
	int rc = segment_file_rename(r->fs, r->env->root, r->x->name, r->final);

	return rc < 0 ? SEGMENT_LEFT : SEGMENT_SEALED;
}

static bool in_chain_already(const struct recovery *r)
{
	const struct chain_head *head = &r->x->head;

	if (r->scan.seal.sequence > head->sequence)
		return false;
	return memcmp(r->scan.seal_digest, head->digest, SHA256_BYTES) == 0 ||
	       chain_knows(r->env->chain, r->scan.seal_digest);
}

/* The seal that ends the file, as the head of its chain. */
static int keep_head(struct recovery *r)
{
	uint8_t end[SEAL_MAX_BYTES];
	struct seal seal;
	struct stat st;
	size_t at;

	if (fstat(r->fd, &st) < 0)
		return -errno;
	size_t want = st.st_size < (off_t)sizeof end ? (size_t)st.st_size : sizeof end;
	ssize_t n = r->fs->pread(r->fs, r->fd, end, want, st.st_size - (off_t)want);
	if (n != (ssize_t)want || seal_find(end, want, &seal, &at) < 0)
		return n < 0 ? (int)n : -EBADMSG;
	return segment_head_keep(r->fs, r->env->root, r->x->camera, end + at, want - at);
}

/* Durable on return, there or here. */
static int journal(struct recovery *r, const struct chain_entry *x)
{
	int rc = chain_sealed(r->env->chain, x, &r->x->head);

	if (rc == 0 && chain_sync(r->env->chain) < 0)
		rc = keep_head(r);
	return rc;
}

/* The seal that stands in the file, made the head. */
static int adopt(struct recovery *r, bool forced)
{
	struct chain_entry entry = {.root = r->env->root,
				    .file = r->final,
				    .seal = &r->scan.seal,
				    .bytes = r->size,
				    .forced = forced};

	memcpy(entry.digest, r->scan.seal_digest, SHA256_BYTES);
	int rc = r->fs->datasync(r->fs, r->fd); /* it may have been read from memory only */
	if (rc < 0)
		return rc;
	return journal(r, &entry);
}

static void fill_seal(struct recovery *r, struct seal *out)
{
	const struct segment_scan *s = &r->scan;
	struct wall_range range = segment_scan_range(s);

	*out = (struct seal){.sequence = r->x->head.sequence + 1,
			     .start = range.start,
			     .end = range.end,
			     .fragments = s->index.count};
	snprintf(out->site, sizeof out->site, "%s", r->env->site);
	snprintf(out->camera, sizeof out->camera, "%s", r->x->camera);
	chain_run_of(r->env->chain, r->env->root, r->x->name, out->run, &out->flags);
	out->flags |= SEAL_RECOVERED;
	for (unsigned i = 0; i < s->index.count; i++)
		out->frames += s->index.items[i].frames;
	memcpy(out->previous, r->x->head.digest, SHA256_BYTES);
	hash_peek(s->content, out->content);
}

static int write_seal(struct recovery *r, const uint8_t *box, size_t len)
{
	int rc = r->fs->truncate(r->fs, r->fd, r->scan.whole_bytes);

	if (rc == 0)
		rc = r->fs->write(r->fs, r->fd, box, len);
	return rc == 0 ? r->fs->datasync(r->fs, r->fd) : rc;
}

static enum segment_fate cut_and_seal(struct recovery *r)
{
	struct seal seal;
	uint8_t box[SEAL_MAX_BYTES];

	fill_seal(r, &seal);
	size_t len = seal_encode(&seal, seal_keys_signer(r->env->keys), box);
	if (write_seal(r, box, len) < 0)
		return SEGMENT_LEFT;
	struct chain_entry entry = {.root = r->env->root,
				    .file = r->final,
				    .seal = &seal,
				    .bytes = r->scan.whole_bytes + (int64_t)len};
	seal_digest(box, len, entry.digest);
	int rc = journal(r, &entry);
	if (rc == -ESTALE)
		return r->fs->truncate(r->fs, r->fd, r->scan.whole_bytes) < 0 ? SEGMENT_LEFT : SEGMENT_STALE;
	return rc < 0 ? SEGMENT_LEFT : publish(r);
}

static enum segment_fate drop(struct recovery *r)
{
	int rc = segment_file_remove(r->fs, r->env->chain, r->env->root, r->x->camera, r->x->name);

	return rc < 0 ? SEGMENT_LEFT : SEGMENT_DROPPED;
}

/* What is older than a sync and the fragment in flight, and some patience, was synced while the file was written. */
#define SYNCED_AGE_US (10 * US_PER_S)

static int64_t synced_by_age(const struct recovery *r)
{
	const struct fragment_index *x = &r->scan.index;
	int64_t end = segment_scan_range(&r->scan).end.us - SYNCED_AGE_US;
	unsigned i = x->count;

	while (i > 0 && x->items[i - 1].start.us + x->items[i - 1].duration_us > end)
		i--;
	return i > 0 ? x->items[i - 1].offset + x->items[i - 1].bytes : 0;
}

/* It was begun while the journal could not be written, and the machine has not gone down since. */
static bool is_of_this_boot(const struct recovery *r)
{
	char boot[BOOT_ID_MAX], *kept = NULL, *path = xasprintf("%s/incoming/" SEGMENT_BOOT_NAME, r->env->root);
	size_t len;
	bool same;

	clock_boot_id(boot);
	same = fs_read_all(r->fs, path, BOOT_ID_MAX, &kept, &len) == 0 && strcmp(kept, boot) == 0;
	free(kept);
	free(path);
	return same;
}

/* The journal may be gone, or have lost its end to a power cut, and with it all it said of this file. */
static int64_t limit_of(const struct recovery *r)
{
	int64_t limit = chain_limit_of(r->env->chain, r->env->root, r->x->name);

	if (limit >= 0)
		return limit;
	return is_sealed_well(r) || is_of_this_boot(r) ? r->size : synced_by_age(r);
}

static enum segment_fate decide(struct recovery *r)
{
	int64_t limit = limit_of(r);

	if (is_sealed_well(r) && in_chain_already(r))
		return publish(r);
	if (limit < r->size) {
		if (scan_to(r, limit) < 0)
			return SEGMENT_LEFT;
	} else if (is_sealed_well(r) && r->scan.seal.sequence > r->x->head.sequence) {
		int rc = adopt(r, r->scan.seal.sequence > r->x->head.sequence + 1);
		if (rc != -ESTALE)
			return rc < 0 ? SEGMENT_LEFT : publish(r);
	}
	return r->scan.index.count ? cut_and_seal(r) : drop(r);
}

static enum segment_fate examine(struct recovery *r)
{
	char *path = xasprintf("%s/incoming/%s", r->env->root, r->x->name);
	struct stat st;

	r->fd = r->fs->open(r->fs, path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0);
	int rc = r->fd < 0 ? r->fd : r->fs->stat(r->fs, path, &st);
	free(path);
	if (rc < 0)
		return SEGMENT_LEFT;
	r->size = st.st_size;
	return scan_to(r, r->size) < 0 ? SEGMENT_LEFT : decide(r);
}

void recover_file(struct recover_item *x)
{
	struct recovery r = {.x = x, .env = x->env, .fs = x->env->fs, .fd = -1};

	segment_incoming_name(r.final, x->camera, x->start, ".mp4");
	segment_scan_init(&r.scan, true);
	x->fate = examine(&r);
	log_info("recover", "root=%s file=%s fate=%s fragments=%u sequence=%llu", x->env->root, x->name,
		 (const char *const[]){"sealed", "dropped", "again", "left"}[x->fate], r.scan.index.count,
		 (unsigned long long)x->head.sequence);
	segment_scan_finish(&r.scan);
	if (r.fd >= 0)
		r.fs->close(r.fs, r.fd);
}
