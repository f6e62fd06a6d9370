#include "media/key_overlap.h"

#include "base/buf.h"
#include "base/log.h"
#include "media/key_change.h"
#include "media/key_handover.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OVERLAP_US (KEY_OVERLAP_DAYS * US_PER_DAY)

struct overlap { char *path; struct key *key; int64_t since_us; };
struct overlaps { struct overlap *items; unsigned count; json_t *handovers; struct key *in_force; };

/* The hand-over by which the key that `path` holds was followed, if that is not over. */
static bool still_signs(const struct overlap *o, const json_t *handovers, const struct key *now_in_force, struct wall now)
{
	uint8_t raw[PUBKEY_BYTES], to[PUBKEY_BYTES];

	key_public(o->key, raw);
	key_public(now_in_force, to);
	json_t *path = key_handovers_path(handovers, "site", raw, to);
	bool over = json_array_size(path) == 0 || now.us - o->since_us >= OVERLAP_US;
	json_decref(path);
	return !over;
}

static void learn_since(struct overlap *o, const json_t *handovers)
{
	struct key_handover h;
	struct wall at = {0};
	uint8_t raw[PUBKEY_BYTES];

	key_public(o->key, raw);
	if (key_handover_from(handovers, "site", raw, &h) && wall_parse(h.at, &at, NULL) == 0)
		o->since_us = at.us;
}

/* One that cannot be used signs nothing, and is left where it is. */
static void overlaps_add(struct overlaps *o, struct fs *fs, const char *path)
{
	struct overlap one = {0};
	struct err e;

	if (key_load(fs, path, &one.key, &e) < 0) {
		log_warn("key", "text=\"%s\"", e.text);
		return;
	}
	one.path = xstrdup(path);
	learn_since(&one, o->handovers);
	o->items = xrealloc(o->items, (o->count + 1) * sizeof *o->items);
	o->items[o->count++] = one;
}

static int overlaps_list(struct overlaps *o, struct fs *fs, const char *state)
{
	char *folder = xasprintf("%s/keys", state);
	DIR *d = opendir(folder);
	int rc = d ? 0 : -errno;

	for (struct dirent *x; d && (x = fs_next(d, &rc)) != NULL;) {
		if (strncmp(x->d_name, "site-", 5) != 0 || !text_ends_with(x->d_name, ".key"))
			continue;
		char *path = xasprintf("%s/%s", folder, x->d_name);
		overlaps_add(o, fs, path);
		free(path);
	}
	if (d)
		closedir(d);
	free(folder);
	return rc;
}

static int newest_first(const void *a, const void *b)
{
	const struct overlap *x = a, *y = b;

	return (x->since_us < y->since_us) - (x->since_us > y->since_us);
}

/* overlaps_finish() in any case. */
static int overlaps_read(struct overlaps *o, struct fs *fs, const char *state)
{
	char *path = key_change_path(state, "site", ".key");
	struct err e;
	int rc = key_load(fs, path, &o->in_force, &e);

	free(path);
	if (rc == 0)
		rc = key_handovers_load(fs, state, "site", &o->handovers);
	if (rc == 0)
		rc = overlaps_list(o, fs, state);
	if (o->count > 1)
		qsort(o->items, o->count, sizeof *o->items, newest_first);
	return rc;
}

static void overlaps_finish(struct overlaps *o)
{
	for (unsigned i = 0; i < o->count; i++) {
		key_destroy(o->items[i].key);
		free(o->items[i].path);
	}
	free(o->items);
	json_decref(o->handovers);
	key_destroy(o->in_force);
}

int key_overlap_load(struct fs *fs, const char *state, struct wall now, struct key **out, unsigned max, unsigned *count)
{
	struct overlaps o = {0};
	int rc = overlaps_read(&o, fs, state);

	*count = 0;
	for (unsigned i = 0; rc == 0 && i < o.count && *count < max; i++)
		if (still_signs(&o.items[i], o.handovers, o.in_force, now)) {
			out[(*count)++] = o.items[i].key;
			o.items[i].key = NULL;
		}
	overlaps_finish(&o);
	return rc;
}

/* Without the lock, a copy that `key rotate` has just made would look as if nothing explained it. Nobody is waited for: there is a next time. */
int key_overlap_end(struct fs *fs, const char *state, struct wall now, unsigned *count)
{
	struct overlaps o = {0};
	struct err e;
	int lock = key_change_lock(state, false, &e), rc = lock;

	*count = 0;
	if (rc < 0)
		return rc;
	rc = overlaps_read(&o, fs, state);
	for (unsigned i = 0; i < o.count && rc == 0; i++)
		if (!still_signs(&o.items[i], o.handovers, o.in_force, now)) {
			rc = fs->unlink(fs, o.items[i].path);
			*count += rc == 0;
		}
	if (rc == 0 && *count) {
		char *folder = xasprintf("%s/keys", state);
		rc = fs->sync_dir(fs, folder);
		free(folder);
	}
	overlaps_finish(&o);
	close(lock);
	return rc;
}
