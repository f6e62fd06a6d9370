#include "indexer/fsck_inner.h"

#include "base/buf.h"
#include "indexer/catalog.h"
#include "media/journal.h"
#include "media/seal_keys.h"
#include "media/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define CACHE_MIB 64 /* rows are read camera by camera, and those of all cameras lie among each other */
#define ALL_TIME (struct wall){0}, (struct wall){INT64_MAX}

void fsck_find(struct fsck *f, const char *fmt, ...)
{
	char text[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	f->findings++;
	f->finding(f->arg, text);
}

/* --- 1: rows → files ------------------------------------------------------------------------ */

/* Quick: a thousand files take no time. Full: each takes some. */
static void tell_progress(struct fsck_walk *w, const struct catalog_segment *s)
{
	struct fsck *f = w->f;

	w->progress.files = f->files;
	if (f->progress && (f->full || f->files % 1000 == 0))
		f->progress(f->arg, &w->progress);
	w->progress.bytes += (uint64_t)s->bytes;
}

/* Nothing of it is read here; its place in the chain is known. */
static int check_stored(struct fsck_walk *w, const struct catalog_segment *s)
{
	int rc = catalog_object_serves(w->catalog, s->camera, s->start, s->seal_digest);

	w->f->files++;
	w->f->stored++;
	if (rc == 0)
		fsck_find(w->f, "%s: is on no disk, and no copy of it is known to be in the object store", s->file);
	fsck_rows_judge(w);
	fsck_note_row(w, s->camera, s->sequence, s->seal_digest);
	return rc < 0 ? rc : 0;
}

static int on_row(void *arg, const struct catalog_segment *s)
{
	struct fsck_walk *w = arg;
	char path[PATH_MAX];

	if (s->stored)
		return check_stored(w, s);
	snprintf(path, sizeof path, "%s/%s", s->root, s->file);
	json_object_set_new(w->expected, path, json_integer(1));
	w->f->files++;
	tell_progress(w, s);
	fsck_row(w, s, path);
	return 0;
}

static int on_camera_rows(void *arg, const struct catalog_camera *camera)
{
	struct fsck_walk *w = arg;

	w->chained = false;
	int rc = catalog_segments(w->catalog, camera->id, ALL_TIME, NULL, UINT_MAX, on_row, w);
	fsck_rows_judge(w);
	return rc;
}

static int on_garbage(void *arg, const struct garbage_row *g)
{
	struct fsck_walk *w = arg;
	char name[256], path[PATH_MAX];

	segment_archive_name(name, g->camera, g->start);
	snprintf(path, sizeof path, "%s/archive/%s", g->root_path, name);
	if (json_object_get(w->expected, path))
		fsck_find(w->f, "%s: is both footage and garbage", path);
	json_object_set_new(w->expected, path, json_integer(2));
	if (w->stopped_clean)
		fsck_find(w->f, "%s: garbage after a clean stop", path);
	return 0;
}

static int on_copy(void *arg, const struct copy_row *c)
{
	struct fsck_walk *w = arg;
	struct stat st;
	char name[256], path[PATH_MAX];

	segment_archive_name(name, c->camera, c->start);
	snprintf(path, sizeof path, "%s/archive/%s", c->root_path, name);
	if (json_object_get(w->expected, path))
		fsck_find(w->f, "%s: is both a copy and something else", path);
	json_object_set_new(w->expected, path, json_integer(3));
	if (!c->kept)
		return 0; /* it is being made, or removed */
	int rc = w->f->fs->stat(w->f->fs, path, &st);
	if (rc < 0 && !w->running)
		fsck_find(w->f, "%s: the second copy of held footage: %s", path, strerror(-rc));
	else if (rc == 0 && st.st_size != c->bytes)
		fsck_find(w->f, "%s: has another size than the catalogue says", path);
	return 0;
}

/* --- 2: what the last run left ------------------------------------------------------------------ */

static bool is_stop(const json_t *record)
{
	const char *kind = json_string_value(json_object_get(record, "k"));

	return kind && strcmp(kind, "stop") == 0;
}

static void learn_state(struct fsck_walk *w)
{
	char *lock = xasprintf("%s/lock", w->f->conf->state), *dir = xasprintf("%s/journal", w->f->conf->state);
	int fd = open(lock, O_RDONLY | O_CLOEXEC);
	json_t *last = NULL;

	w->running = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
	if (!w->running && journal_last(w->f->fs, dir, &last) == 0)
		w->stopped_clean = is_stop(last);
	json_decref(last);
	if (fd >= 0)
		close(fd);
	free(lock);
	free(dir);
}

/* --- 3: tiling and ledger ----------------------------------------------------------------------- */

static int on_camera_tiles(void *arg, const struct catalog_camera *camera)
{
	struct fsck_walk *w = arg;
	struct err e = {0};

	if (catalog_check_tiling(w->catalog, camera->id, &e) < 0)
		fsck_find(w->f, "%s", e.text);
	if (catalog_check_claims(w->catalog, camera->id, &e) < 0)
		fsck_find(w->f, "%s", e.text);
	return 0;
}

static void check_ledger(struct fsck_walk *w)
{
	struct err e = {0};
	int64_t entries;

	if (catalog_check_ledger(w->catalog, &entries, &e) < 0)
		fsck_find(w->f, "%s", e.text);
}

/* --- the run -------------------------------------------------------------------------------------- */

static int add_volume(void *arg, const struct catalog_volume *row)
{
	*(uint64_t *)arg += (uint64_t)(row->bytes - row->stored_bytes);
	return 0;
}

static int look(struct fsck_walk *w)
{
	const struct conf *conf = w->f->conf;
	int rc = w->f->full ? catalog_volumes(w->catalog, add_volume, &w->progress.of_bytes) : 0;

	fsck_rows_begin(w);
	if (rc == 0)
		rc = catalog_cameras(w->catalog, NULL, on_camera_rows, w);
	fsck_rows_finish(w);
	if (rc == 0)
		rc = garbage_list(w->catalog, UINT_MAX, on_garbage, w);
	if (rc == 0)
		rc = copy_list(w->catalog, on_copy, w);
	for (unsigned i = 0; rc == 0 && i < conf->root_count; i++)
		fsck_root(w, conf->roots[i].path);
	if (rc == 0)
		rc = catalog_cameras(w->catalog, NULL, on_camera_tiles, w);
	if (rc == 0)
		check_ledger(w);
	return rc;
}

static int load_keys(struct fsck_walk *w, struct err *e)
{
	if (!w->f->full)
		return 0;
	w->keys = seal_keys_create();
	int rc = seal_keys_load(w->keys, w->f->fs, w->f->conf->state);
	if (rc < 0)
		return err_set(e, rc, "the public seal keys in %s: %s", w->f->conf->state, strerror(-rc));
	return seal_keys_count(w->keys) ? 0 : err_set(e, -ENOENT, "no public seal key in %s/keys nor %s/seal-keys", w->f->conf->state,
						       w->f->conf->state);
}

int fsck_run(struct fsck *f, struct err *e)
{
	struct fsck_walk w = {.f = f, .expected = json_object(), .newest = json_object()};
	char *path = xasprintf("%s/catalog.db", f->conf->state);
	int rc = load_keys(&w, e);

	if (rc == 0)
		rc = catalog_open(path, &w.catalog, e);
	if (rc == 0) {
		rc = catalog_cache(w.catalog, CACHE_MIB);
		learn_state(&w);
		if (rc == 0)
			rc = catalog_begin_read(w.catalog);
		if (rc == 0) {
			rc = look(&w);
			int ended = catalog_end_read(w.catalog);
			rc = rc < 0 ? rc : ended;
		}
		if (rc < 0)
			err_set(e, rc, "read the catalogue: %s", strerror(-rc));
	}
	catalog_close(w.catalog);
	seal_keys_destroy(w.keys);
	json_decref(w.expected);
	json_decref(w.newest);
	free(path);
	return rc;
}
