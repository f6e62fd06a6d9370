#include "media/key_change.h"

#include "base/buf.h"
#include "base/log.h"
#include "media/seal_keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HANDOVER_MAX_BYTES 4096
#define OVERLAP_US (KEY_OVERLAP_DAYS * US_PER_DAY)

/* --- a hand-over ------------------------------------------------------------------------------ */

static char *handover_text(const struct key_handover *h)
{
	char old[2 * PUBKEY_BYTES + 1], fresh[2 * PUBKEY_BYTES + 1];

	hex_encode(h->old, PUBKEY_BYTES, old);
	hex_encode(h->fresh, PUBKEY_BYTES, fresh);
	return xasprintf("holdfast key handover\n%s\n%s\n%s\n%s\n%s\n%s\n", h->name, h->site, old, fresh, h->at, h->by);
}

static void fingerprint(const uint8_t raw[PUBKEY_BYTES], char out[SHA256_HEX_MAX])
{
	uint8_t digest[SHA256_BYTES];

	sha256(raw, PUBKEY_BYTES, digest);
	hex_encode(digest, sizeof digest, out);
}

static json_t *handover_json(const struct key_handover *h, const struct key *signer)
{
	char old[2 * PUBKEY_BYTES + 1], fresh[2 * PUBKEY_BYTES + 1], old_print[SHA256_HEX_MAX], fresh_print[SHA256_HEX_MAX];
	char signature[2 * SIG_BYTES + 1], *text = handover_text(h);
	uint8_t sig[SIG_BYTES];

	key_sign(signer, text, strlen(text), sig);
	hex_encode(sig, sizeof sig, signature);
	hex_encode(h->old, PUBKEY_BYTES, old);
	hex_encode(h->fresh, PUBKEY_BYTES, fresh);
	fingerprint(h->old, old_print);
	fingerprint(h->fresh, fresh_print);
	free(text);
	return json_pack("{ss ss ss ss ss ss ss ss ss}", "name", h->name, "site", h->site, "at", h->at, "by", h->by, "public", fresh,
			 "fingerprint", fresh_print, "previous", old, "previous_fingerprint", old_print, "signature", signature);
}

static bool text_is(const json_t *json, const char *key, const char *want)
{
	const char *t = json_string_value(json_object_get(json, key));

	return t && strcmp(t, want) == 0;
}

static bool raw_of(const json_t *json, const char *key, const char *print_key, uint8_t raw[PUBKEY_BYTES])
{
	const char *hex = json_string_value(json_object_get(json, key));
	char print[SHA256_HEX_MAX];

	if (!hex || hex_decode(hex, raw, PUBKEY_BYTES) < 0)
		return false;
	fingerprint(raw, print);
	return text_is(json, print_key, print);
}

/* A line break in a field would move what the next one says. */
static const char *line_of(const json_t *json, const char *key)
{
	const json_t *v = json_object_get(json, key);
	const char *t = json_string_value(v);

	return t && *t && !strchr(t, '\n') && strlen(t) == json_string_length(v) ? t : NULL;
}

bool key_handover_read(const json_t *json, struct key_handover *out)
{
	const char *signature = json_string_value(json_object_get(json, "signature"));
	uint8_t sig[SIG_BYTES];

	*out = (struct key_handover){.name = line_of(json, "name"), .site = line_of(json, "site"), .at = line_of(json, "at"),
				     .by = line_of(json, "by")};
	if (!out->name || !out->site || !out->at || !out->by || !signature || hex_decode(signature, sig, sizeof sig) < 0 ||
	    !raw_of(json, "previous", "previous_fingerprint", out->old) || !raw_of(json, "public", "fingerprint", out->fresh))
		return false;
	struct key *k = key_from_public(out->old);
	char *text = handover_text(out);
	bool ok = k && key_verify(k, text, strlen(text), sig);
	free(text);
	key_destroy(k);
	return ok;
}

/* --- many --------------------------------------------------------------------------------------- */

json_t *key_handovers_load(const char *state, const char *name)
{
	char *folder = xasprintf("%s/%s-keys", state, name);
	json_t *list = json_array();
	DIR *d = opendir(folder);

	for (struct dirent *x; d && (x = readdir(d)) != NULL;) {
		char *path = xasprintf("%s/%s", folder, x->d_name), *text;
		size_t len;
		if (text_ends_with(x->d_name, ".json") && fs_read_all(fs_real(), path, HANDOVER_MAX_BYTES, &text, &len) == 0) {
			json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
			if (json)
				json_array_append_new(list, json);
			free(text);
		}
		free(path);
	}
	if (d)
		closedir(d);
	free(folder);
	return list;
}

/* A key hands over once: what it says last is the one file that stands. */
static json_t *next_of(const json_t *handovers, const char *name, const uint8_t from[PUBKEY_BYTES], struct key_handover *out)
{
	json_t *json;
	size_t i;

	json_array_foreach(handovers, i, json)
		if (key_handover_read(json, out) && strcmp(out->name, name) == 0 && memcmp(out->old, from, PUBKEY_BYTES) == 0)
			return json;
	return NULL;
}

json_t *key_handovers_path(const json_t *handovers, const char *name, const uint8_t from[PUBKEY_BYTES],
			   const uint8_t to[PUBKEY_BYTES])
{
	json_t *path = json_array();
	uint8_t at[PUBKEY_BYTES];

	memcpy(at, from, sizeof at);
	while (memcmp(at, to, sizeof at) != 0) {
		struct key_handover h;
		json_t *json = json_array_size(path) < json_array_size(handovers) ? next_of(handovers, name, at, &h) : NULL;
		if (!json) {
			json_decref(path);
			return NULL;
		}
		json_array_append(path, json);
		memcpy(at, h.fresh, sizeof at);
	}
	return path;
}

/* --- the change ----------------------------------------------------------------------------------- */

struct step { struct key_change *c; struct key *old, *fresh; struct err *e; };

static char *in_force(const char *state, const char *name, const char *suffix)
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
	json_t *json = handover_json(&h, s->old);
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
	char *private = in_force(s->c->state, s->c->name, ".key"), *public = in_force(s->c->state, s->c->name, ".pub");
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

static int lock_keys(const char *state, int how, struct err *e)
{
	char *path = xasprintf("%s/keys", state);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || flock(fd, LOCK_EX | how) < 0 ? -errno : 0;

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
	int lock = lock_keys(state, LOCK_NB, &e);

	if (lock >= 0)
		close(lock);
	return lock == -EWOULDBLOCK;
}

int key_change(struct key_change *c, struct err *e)
{
	struct step s = {.c = c, .e = e};
	int lock = lock_keys(c->state, 0, e), rc = lock;

	if (rc < 0)
		return rc;
	char *path = in_force(c->state, c->name, ".key");
	rc = key_load(path, &s.old, e);
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

/* --- the overlap -------------------------------------------------------------------------------------- */

struct overlap { char *path; struct key *key; int64_t since_us; };

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
	if (next_of(handovers, "site", raw, &h) && wall_parse(h.at, &at, NULL) == 0)
		o->since_us = at.us;
}

static struct overlap *list_overlaps(const char *state, const json_t *handovers, unsigned *count)
{
	char *folder = xasprintf("%s/keys", state);
	struct overlap *list = NULL;
	DIR *d = opendir(folder);

	*count = 0;
	for (struct dirent *x; d && (x = readdir(d)) != NULL;) {
		struct overlap o = {0};
		struct err e;
		if (strncmp(x->d_name, "site-", 5) != 0 || !text_ends_with(x->d_name, ".key"))
			continue;
		o.path = xasprintf("%s/%s", folder, x->d_name);
		if (key_load(o.path, &o.key, &e) < 0) {
			log_warn("key", "text=\"%s\"", e.text);
			free(o.path);
			continue;
		}
		learn_since(&o, handovers);
		list = xrealloc(list, (*count + 1) * sizeof *list);
		list[(*count)++] = o;
	}
	if (d)
		closedir(d);
	free(folder);
	return list;
}

static int newest_first(const void *a, const void *b)
{
	const struct overlap *x = a, *y = b;

	return (x->since_us < y->since_us) - (x->since_us > y->since_us);
}

struct overlaps { struct overlap *items; unsigned count; json_t *handovers; struct key *in_force; };

static int overlaps_read(struct overlaps *o, const char *state)
{
	char *path = in_force(state, "site", ".key");
	struct err e;
	int rc = key_load(path, &o->in_force, &e);

	free(path);
	if (rc < 0)
		return rc;
	o->handovers = key_handovers_load(state, "site");
	o->items = list_overlaps(state, o->handovers, &o->count);
	if (o->count > 1)
		qsort(o->items, o->count, sizeof *o->items, newest_first);
	return 0;
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

unsigned key_overlap_load(const char *state, struct wall now, struct key **out, unsigned max)
{
	struct overlaps o = {0};
	unsigned n = 0;

	if (overlaps_read(&o, state) < 0)
		return 0;
	for (unsigned i = 0; i < o.count && n < max; i++)
		if (still_signs(&o.items[i], o.handovers, o.in_force, now)) {
			out[n++] = o.items[i].key;
			o.items[i].key = NULL;
		}
	overlaps_finish(&o);
	return n;
}

/* Without the lock, a copy that `key rotate` has just made would look as if nothing explained it. Nobody is waited for: there is a next time. */
int key_overlap_end(struct fs *fs, const char *state, struct wall now, unsigned *count)
{
	struct overlaps o = {0};
	struct err e;
	int lock = lock_keys(state, LOCK_NB, &e), rc = lock;

	*count = 0;
	if (rc < 0)
		return rc;
	rc = overlaps_read(&o, state);
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
