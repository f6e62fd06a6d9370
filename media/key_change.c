#include "media/key_change.h"

#include "base/buf.h"
#include "media/key_handover.h"
#include "media/seal_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct step { struct key_change *c; struct key *old, *fresh; struct err *e; };

char *key_change_path(const char *state, const char *name, const char *suffix)
{
	return xasprintf("%s/keys/%s%s", state, name, suffix);
}

static char *overlap_path(const char *state, const uint8_t id[8])
{
	char hex[17];

	hex_encode(id, 8, hex);
	return xasprintf("%s/keys/site-%s.key", state, hex);
}

static int keep_public(struct step *s, const struct key *k)
{
	uint8_t id[8];
	seal_key_id(k, id);
	char *path = key_path_known(s->c->state, s->c->name, id, ".pub");
	int rc = key_save_public(s->c->fs, path, k, s->e);

	free(path);
	return rc;
}

static int keep_private(struct step *s)
{
	uint8_t id[8];

	if (strcmp(s->c->name, "site") != 0)
		return 0; /* a seal is made by one key: the old one has nothing left to sign */
	seal_key_id(s->old, id);
	char *path = overlap_path(s->c->state, id);
	int rc = key_save(s->c->fs, path, s->old, s->e);
	free(path);
	return rc;
}

static int hand_over(struct step *s)
{
	char at[WALL_TEXT_MAX];
	uint8_t id[8];
	struct key_handover h = {.name = s->c->name, .site = s->c->site, .by = s->c->by, .at = wall_format(s->c->at, at)};

	key_public(s->old, h.old);
	key_public(s->fresh, h.fresh);
	seal_key_id(s->old, id);
	json_t *json = key_handover_sign(&h, s->old);
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS), *path = key_path_known(s->c->state, s->c->name, id, ".json");
	int rc = fs_replace(s->c->fs, path, text, strlen(text), 0644);
	if (rc < 0)
		err_set(s->e, rc, "write %s: %s", path, strerror(-rc));
	free(path);
	free(text);
	json_decref(json);
	return rc;
}

static int replace(struct step *s)
{
	char *private = key_change_path(s->c->state, s->c->name, ".key"), *public = key_change_path(s->c->state, s->c->name, ".pub");
	int rc = key_save(s->c->fs, private, s->fresh, s->e);

	if (rc == 0)
		rc = key_save_public(s->c->fs, public, s->fresh, s->e);
	free(private);
	free(public);
	return rc;
}

static int make_folder(struct step *s)
{
	char *path = xasprintf("%s/%s-keys", s->c->state, s->c->name);
	int rc = s->c->fs->mkdir(s->c->fs, path, 0755);

	if (rc == 0)
		rc = s->c->fs->sync_dir(s->c->fs, s->c->state);
	if (rc < 0)
		err_set(s->e, rc, "make %s: %s", path, strerror(-rc));
	free(path);
	return rc;
}

static int take_steps(struct step *s)
{
	int rc = make_folder(s);

	if (rc == 0)
		rc = keep_public(s, s->old);
	if (rc == 0)
		rc = keep_public(s, s->fresh);
	if (rc == 0)
		rc = keep_private(s);
	if (rc == 0)
		rc = hand_over(s);
	return rc < 0 ? rc : replace(s);
}

int key_change_lock(const char *state, bool wait, struct err *e)
{
	char *path = xasprintf("%s/keys", state);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0 ? -errno : 0;

	if (rc < 0)
		err_set(e, rc, "lock %s: %s", path, strerror(-rc));
	if (rc < 0 && fd >= 0)
		close(fd);
	free(path);
	return rc < 0 ? rc : fd;
}

bool key_change_is_under_way(const char *state)
{
	struct err e;
	int lock = key_change_lock(state, false, &e);

	if (lock >= 0)
		close(lock);
	return lock == -EWOULDBLOCK;
}

int key_change(struct key_change *c, struct err *e)
{
	struct step s = {.c = c, .e = e};
	int lock = key_change_lock(c->state, true, e), rc = lock;

	if (rc < 0)
		return rc;
	char *path = key_change_path(c->state, c->name, ".key");
	rc = key_load(c->fs, path, &s.old, e);
	if (rc == 0) {
		s.fresh = key_make();
		key_fingerprint(s.old, c->old);
		key_fingerprint(s.fresh, c->fresh);
		rc = take_steps(&s);
	}
	key_destroy(s.old);
	key_destroy(s.fresh);
	free(path);
	close(lock);
	return rc;
}
