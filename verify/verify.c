#include "verify_inner.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/lang.h"
#include "media/key_handover.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_EVERY_BYTES (16u << 20)
#define TEXT_MAX 800

/* --- telling ------------------------------------------------------------------------------- */

void verify_tell(struct verify *v, enum verify_kind kind, const char *code, const char *file, const char *camera,
		 const char *fmt, ...)
{
	char text[TEXT_MAX];
	struct verify_finding f = {kind, code, file, camera, text};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	v->result.wrong += kind == VERIFY_WRONG;
	v->result.facts += kind == VERIFY_FACT;
	v->result.open += kind == VERIFY_OPEN;
	v->result.unproven += kind == VERIFY_UNPROVEN;
	v->setup.finding(v->setup.arg, &f);
}

void verify_progress(struct verify *v)
{
	if (!v->setup.progress || v->result.bytes - v->told_bytes < PROGRESS_EVERY_BYTES)
		return;
	v->told_bytes = v->result.bytes;
	v->setup.progress(v->setup.arg, &v->result);
}

/* --- names and records ------------------------------------------------------------------------ */

uint32_t names_add(struct names *n, const char *name)
{
	if (n->count == n->room) {
		n->room = n->room ? n->room * 2 : 16;
		n->items = xrealloc(n->items, n->room * sizeof *n->items);
	}
	n->items[n->count] = xstrdup(name);
	return n->count++;
}

uint32_t names_intern(struct names *n, const char *name)
{
	for (uint32_t i = 0; i < n->count; i++)
		if (strcmp(n->items[i], name) == 0)
			return i;
	return names_add(n, name);
}

static void names_finish(struct names *n)
{
	for (uint32_t i = 0; i < n->count; i++)
		free(n->items[i]);
	free(n->items);
}

char *record_path(const struct verify *v, const struct record *r)
{
	char time[WALL_TEXT_MAX];

	if (r->name)
		return xasprintf("%s/%s", v->folders.items[r->folder], r->name);
	return xasprintf("%s/%s.mp4", v->folders.items[r->folder], wall_format_name(r->named, time));
}

/* --- keys ------------------------------------------------------------------------------------- */

/* Takes key. False: it was known, perhaps under another name. */
static bool add_key(struct verify *v, struct key *key)
{
	struct verify_key k = {.key = key};

	seal_key_id(k.key, k.id);
	key_fingerprint(k.key, k.fingerprint);
	if (verify_key_by_id(v, k.id)) {
		key_destroy(k.key);
		return false;
	}
	v->keys = xrealloc(v->keys, (v->key_count + 1) * sizeof *v->keys);
	v->keys[v->key_count++] = k;
	return true;
}

static int add_file(struct verify *v, const char *path, struct err *e)
{
	struct key *key;
	int rc = key_load_public(v->setup.fs, path, &key, e);

	if (rc == 0)
		add_key(v, key);
	return rc;
}

bool verify_follow(struct verify *v, const json_t *handover)
{
	const char *previous = json_string_value(json_object_get(handover, "previous_fingerprint"));
	struct key_handover h;

	if (!key_handover_read(handover, &h))
		return false;
	for (unsigned i = 0; i < v->key_count; i++)
		if (strcmp(v->keys[i].fingerprint, previous) == 0) {
			struct key *fresh = key_from_public(h.fresh);
			return fresh && add_key(v, fresh);
		}
	return false;
}

static bool is_public(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 4 && strcmp(name + n - 4, ".pub") == 0;
}

int verify_add_key(struct verify *v, const char *path, struct err *e)
{
	DIR *d = opendir(path);
	unsigned found = 0;
	int rc = 0, read = 0;

	if (!d)
		return add_file(v, path, e);
	for (struct dirent *x; rc == 0 && (x = fs_next(d, &read)) != NULL;) {
		if (!is_public(x->d_name))
			continue;
		char *file = xasprintf("%s/%s", path, x->d_name);
		rc = add_file(v, file, e);
		found++;
		free(file);
	}
	closedir(d);
	if (rc == 0 && read < 0)
		return err_set(e, read, "%s: %s", path, strerror(-read));
	if (rc == 0 && found == 0)
		return err_set(e, -ENOENT, lang("文件夹 %s 中没有公钥 (*.pub)", "the folder %s holds no public key (*.pub)"), path);
	return rc;
}

struct verify_key *verify_key_by_id(struct verify *v, const uint8_t id[8])
{
	for (unsigned i = 0; i < v->key_count; i++)
		if (memcmp(v->keys[i].id, id, sizeof v->keys[i].id) == 0)
			return &v->keys[i];
	return NULL;
}

const struct verify_key *verify_keys(const struct verify *v, unsigned *count)
{
	*count = v->key_count;
	return v->keys;
}

/* --- lifetime ------------------------------------------------------------------------------------ */

struct verify *verify_create(const struct verify_setup *setup)
{
	struct verify *v = xcalloc(1, sizeof *v);

	v->setup = *setup;
	return v;
}

void verify_destroy(struct verify *v)
{
	if (!v)
		return;
	for (unsigned i = 0; i < v->key_count; i++)
		key_destroy(v->keys[i].key);
	for (size_t i = 0; i < v->record_count; i++)
		free(v->records[i].name);
	for (unsigned i = 0; i < v->head_count; i++)
		verify_head_finish(&v->heads[i]);
	for (unsigned i = 0; i < v->dump_count; i++)
		free(v->dumps[i].file);
	free(v->heads);
	free(v->dumps);
	free(v->tails);
	free(v->keys);
	free(v->records);
	names_finish(&v->folders);
	names_finish(&v->cameras);
	names_finish(&v->sites);
	free(v);
}

const struct verify_result *verify_result(const struct verify *v)
{
	return &v->result;
}
