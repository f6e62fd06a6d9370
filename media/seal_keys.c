#include "media/seal_keys.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/require.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct known { uint8_t id[8]; struct key *key; };

struct seal_keys {
	pthread_mutex_t lock;
	struct known *items;
	unsigned count;
	const struct key *signer; /* one of items */
};

struct seal_keys *seal_keys_create(void)
{
	struct seal_keys *s = xcalloc(1, sizeof *s);

	REQUIRE(pthread_mutex_init(&s->lock, NULL) == 0);
	return s;
}

void seal_keys_destroy(struct seal_keys *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->count; i++)
		key_destroy(s->items[i].key);
	free(s->items);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Under the lock. */
static struct known *find(struct seal_keys *s, const uint8_t id[8])
{
	for (unsigned i = 0; i < s->count; i++)
		if (memcmp(s->items[i].id, id, sizeof s->items[i].id) == 0)
			return &s->items[i];
	return NULL;
}

/* Under the lock. */
static void add(struct seal_keys *s, struct key *k)
{
	s->items = xrealloc(s->items, (s->count + 1) * sizeof *s->items);
	s->items[s->count].key = k;
	seal_key_id(k, s->items[s->count++].id);
}

void seal_keys_add(struct seal_keys *s, struct key *k)
{
	uint8_t id[8];

	seal_key_id(k, id);
	pthread_mutex_lock(&s->lock);
	if (find(s, id))
		key_destroy(k);
	else
		add(s, k);
	pthread_mutex_unlock(&s->lock);
}

/* A private key stands beside the public one that may be known: both give the same answers. */
void seal_keys_sign_with(struct seal_keys *s, struct key *k)
{
	pthread_mutex_lock(&s->lock);
	add(s, k);
	s->signer = k;
	pthread_mutex_unlock(&s->lock);
}

const struct key *seal_keys_signer(struct seal_keys *s)
{
	pthread_mutex_lock(&s->lock);
	const struct key *k = s->signer;
	pthread_mutex_unlock(&s->lock);
	return k;
}

const struct key *seal_keys_find(struct seal_keys *s, const uint8_t id[8])
{
	pthread_mutex_lock(&s->lock);
	struct known *k = find(s, id);
	const struct key *key = k ? k->key : NULL; /* the list may move, the key does not */
	pthread_mutex_unlock(&s->lock);
	return key;
}

unsigned seal_keys_count(struct seal_keys *s)
{
	pthread_mutex_lock(&s->lock);
	unsigned n = s->count;
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* --- where they lie -------------------------------------------------------------------------- */

char *key_path_known(const char *state, const char *name, const uint8_t id[8], const char *suffix)
{
	char hex[17];

	hex_encode(id, 8, hex);
	return xasprintf("%s/%s-keys/%s%s", state, name, hex, suffix);
}

/* -EIO, or 0. */
static int load_file(struct seal_keys *s, struct fs *fs, const char *path)
{
	struct key *k;
	struct err e;
	int rc = key_load_public(fs, path, &k, &e);

	if (rc == 0)
		seal_keys_add(s, k);
	else if (rc != -EACCES) /* a confined process may not look everywhere */
		log_warn("key", "text=\"%s\"", e.text);
	return rc == -EIO ? rc : 0;
}

/* Where there is none yet, none is missing. */
static int load_present(struct seal_keys *s, struct fs *fs, const char *path)
{
	struct stat st;
	int rc = fs->stat(fs, path, &st);

	if (rc == 0)
		return load_file(s, fs, path);
	return rc == -ENOENT || rc == -EACCES ? 0 : rc;
}

int seal_keys_load(struct seal_keys *s, struct fs *fs, const char *state)
{
	char *folder = xasprintf("%s/seal-keys", state), *now = xasprintf("%s/keys/seal.pub", state);
	DIR *d = opendir(folder);
	int rc = d || errno == ENOENT || errno == EACCES ? 0 : -errno;

	for (struct dirent *x; d && rc == 0 && (x = fs_next(d, &rc)) != NULL;) {
		if (x->d_name[0] == '.' || !text_ends_with(x->d_name, ".pub"))
			continue;
		char *path = xasprintf("%s/%s", folder, x->d_name);
		rc = load_file(s, fs, path);
		free(path);
	}
	if (d)
		closedir(d);
	int present = load_present(s, fs, now);
	free(folder);
	free(now);
	return rc < 0 ? rc : present;
}
