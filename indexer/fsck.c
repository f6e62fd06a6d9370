#include "indexer/fsck.h"

#include "base/buf.h"
#include "indexer/catalog.h"
#include "media/journal.h"
#include "media/seal_keys.h"
#include "media/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define ALL_TIME (struct wall){0}, (struct wall){INT64_MAX}

struct walk {
	struct fsck *f;
	struct catalog *catalog;
	struct seal_keys *keys;         /* full only */
	struct fsck_progress progress;
	bool running, stopped_clean;
	json_t *expected;               /* path → 1 (row), 2 (garbage) or 3 (copy) */
	json_t *newest;                 /* camera → start of its newest row: the index mark */
	uint64_t sequence;              /* of the row before, of the same camera */
	uint8_t digest[SHA256_BYTES];
	bool chained;                   /* the two above are set */
};

__attribute__((format(printf, 2, 3)))
static void find(struct fsck *f, const char *fmt, ...)
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

/* NULL: it holds. */
static const char *what_is_wrong(struct walk *w, const struct catalog_segment *s, const struct segment_scan *scan, int rc)
{
	if (rc < 0)
		return "damaged";
	if (!scan->sealed)
		return "the seal is missing";
	if (!scan->content_ok || memcmp(scan->seal_digest, s->seal_digest, SHA256_BYTES) != 0)
		return "the bytes are not those that were sealed";
	if (!scan->signature_ok)
		return "the seal is not signed by a key of this box";
	if (w->chained && s->sequence == w->sequence + 1 && memcmp(scan->seal.previous, w->digest, SHA256_BYTES) != 0)
		return "does not follow the segment before it";
	return NULL;
}

static void check_video(struct walk *w, const struct catalog_segment *s, const char *path, int fd)
{
	struct fsck_decoded d = {0};
	char at[WALL_TEXT_MAX];

	if (!w->f->decode)
		return;
	w->f->decode(w->f->arg, fd, s->bytes, &d);
	w->f->pictures += d.pictures;
	if (d.faults > 0)
		find(w->f, "%s: its video does not decode at %s: %s (%lu faults, %lu pictures)", path,
		     wall_format((struct wall){s->start.us + d.first_us}, at), d.why, d.faults, d.pictures);
}

static void check_seal(struct walk *w, const struct catalog_segment *s, const char *path, int fd)
{
	struct segment_scan scan;

	segment_scan_init(&scan, true);
	int rc = segment_scan(&scan, w->f->fs, fd, s->bytes, w->keys);
	const char *wrong = what_is_wrong(w, s, &scan, rc);
	if (wrong && catalog_is_damaged(w->catalog, s->camera, s->start) > 0)
		w->f->known++;
	else if (wrong)
		find(w->f, "%s: %s (byte %lld)", path, wrong, (long long)scan.whole_bytes);
	else
		check_video(w, s, path, fd);
	segment_scan_finish(&scan);
}

static void note_row(struct walk *w, const struct catalog_segment *s)
{
	w->chained = true;
	w->sequence = s->sequence;
	memcpy(w->digest, s->seal_digest, SHA256_BYTES);
	json_object_set_new(w->newest, s->camera, json_integer(s->start.us));
}

static int on_again(void *arg, const struct catalog_segment *row)
{
	*(bool *)arg = row->start.us > 0;
	return 1;
}

/* While the server runs, retention may have taken the row and the file since the view was opened. */
static bool row_is_gone(struct walk *w, const struct catalog_segment *s)
{
	bool there = false;
	struct wall start = s->start, end = {s->start.us + 1};
	char *path = xasprintf("%s/catalog.db", w->f->conf->state);
	struct catalog *fresh;
	struct err e;

	if (w->running && catalog_open(path, &fresh, &e) == 0) {
		catalog_segments(fresh, s->camera, start, end, NULL, 1, on_again, &there);
		catalog_close(fresh);
	} else {
		there = true;
	}
	free(path);
	return !there;
}

/* Quick: a thousand files take no time. Full: each takes some. */
static void tell_progress(struct walk *w, const struct catalog_segment *s)
{
	struct fsck *f = w->f;

	w->progress.files = f->files;
	if (f->progress && (f->full || f->files % 1000 == 0))
		f->progress(f->arg, &w->progress);
	w->progress.bytes += (uint64_t)s->bytes;
}

static int on_row(void *arg, const struct catalog_segment *s)
{
	struct walk *w = arg;
	struct stat st;
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", s->root, s->file);
	json_object_set_new(w->expected, path, json_integer(1));
	w->f->files++;
	tell_progress(w, s);
	int fd = w->f->fs->open(w->f->fs, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0) {
		if (!row_is_gone(w, s))
			find(w->f, "%s: %s", path, strerror(-fd));
		return 0;
	}
	if (fstat(fd, &st) < 0 || st.st_size != s->bytes) {
		if (catalog_is_damaged(w->catalog, s->camera, s->start) > 0)
			w->f->known++;
		else
			find(w->f, "%s: has another size than the catalogue says", path);
	} else if (w->f->full) {
		check_seal(w, s, path, fd);
	}
	w->f->fs->close(w->f->fs, fd);
	note_row(w, s);
	return 0;
}

static int on_camera_rows(void *arg, const struct catalog_camera *camera)
{
	struct walk *w = arg;

	w->chained = false;
	return catalog_segments(w->catalog, camera->id, ALL_TIME, NULL, UINT_MAX, on_row, w);
}

static int on_garbage(void *arg, const struct garbage_row *g)
{
	struct walk *w = arg;
	char name[256], path[PATH_MAX];

	segment_archive_name(name, g->camera, g->start);
	snprintf(path, sizeof path, "%s/archive/%s", g->root_path, name);
	if (json_object_get(w->expected, path))
		find(w->f, "%s: is both footage and garbage", path);
	json_object_set_new(w->expected, path, json_integer(2));
	if (w->stopped_clean)
		find(w->f, "%s: garbage after a clean stop", path);
	return 0;
}

static int on_copy(void *arg, const struct copy_row *c)
{
	struct walk *w = arg;
	struct stat st;
	char name[256], path[PATH_MAX];

	segment_archive_name(name, c->camera, c->start);
	snprintf(path, sizeof path, "%s/archive/%s", c->root_path, name);
	if (json_object_get(w->expected, path))
		find(w->f, "%s: is both a copy and something else", path);
	json_object_set_new(w->expected, path, json_integer(3));
	if (!c->kept)
		return 0; /* it is being made, or removed */
	int rc = w->f->fs->stat(w->f->fs, path, &st);
	if (rc < 0 && !w->running)
		find(w->f, "%s: the second copy of held footage: %s", path, strerror(-rc));
	else if (rc == 0 && st.st_size != c->bytes)
		find(w->f, "%s: has another size than the catalogue says", path);
	return 0;
}

/* --- 2: files → rows ------------------------------------------------------------------------ */

static void check_file(struct walk *w, const char *camera, const char *path, const char *name)
{
	char stem[64];
	struct wall start;
	size_t len = strlen(name);
	json_int_t mark = json_integer_value(json_object_get(w->newest, camera));

	if (json_object_get(w->expected, path))
		return;
	bool named = len > 4 && len - 4 < sizeof stem && strcmp(name + len - 4, ".mp4") == 0;
	snprintf(stem, sizeof stem, "%.*s", named ? (int)(len - 4) : 0, name);
	if (named && wall_parse_name(stem, &start) == 0 && start.us > mark && !w->stopped_clean)
		return; /* published after the index mark: the keeper takes it up */
	find(w->f, "%s: is in no catalogue", path);
}

static void walk_folder(struct walk *w, const char *path, const char *camera, int depth)
{
	DIR *d = opendir(path);

	if (!d && errno == ENOTDIR)
		find(w->f, "%s: is in no catalogue", path);
	else if (!d && (depth > 0 || errno != ENOENT)) /* a new root has no archive yet */
		find(w->f, "%s: cannot be looked into: %s", path, strerror(errno));
	for (struct dirent *x; d && (x = readdir(d)) != NULL;) {
		if (x->d_name[0] == '.')
			continue;
		char *sub = xasprintf("%s/%s", path, x->d_name);
		if (depth < 2)
			walk_folder(w, sub, depth == 0 ? x->d_name : camera, depth + 1);
		else
			check_file(w, camera, sub, x->d_name);
		free(sub);
	}
	if (d)
		closedir(d);
}

/* --- 3: after a clean stop -------------------------------------------------------------------- */

static void check_incoming(struct walk *w, const char *root)
{
	char *path = xasprintf("%s/incoming", root);
	DIR *d = opendir(path);

	for (struct dirent *x; d && (x = readdir(d)) != NULL;)
		if (x->d_name[0] != '.')
			find(w->f, "%s/%s: left over after a clean stop", path, x->d_name);
	if (d)
		closedir(d);
	free(path);
}

static int on_record(void *arg, const json_t *record)
{
	const char *kind = json_string_value(json_object_get(record, "k"));

	*(bool *)arg = kind && strcmp(kind, "stop") == 0;
	return 0;
}

static void learn_state(struct walk *w)
{
	char *lock = xasprintf("%s/lock", w->f->conf->state), *dir = xasprintf("%s/journal", w->f->conf->state);
	int fd = open(lock, O_RDONLY | O_CLOEXEC);
	struct journal_pos from = {0};

	w->running = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
	if (!w->running)
		journal_read(w->f->fs, dir, &from, UINT_MAX, on_record, &w->stopped_clean);
	if (fd >= 0)
		close(fd);
	free(lock);
	free(dir);
}

/* --- 4: tiling and ledger ----------------------------------------------------------------------- */

static int on_camera_tiles(void *arg, const struct catalog_camera *camera)
{
	struct walk *w = arg;
	struct err e = {0};

	if (catalog_check_tiling(w->catalog, camera->id, &e) < 0)
		find(w->f, "%s", e.text);
	if (catalog_check_claims(w->catalog, camera->id, &e) < 0)
		find(w->f, "%s", e.text);
	return 0;
}

static void check_ledger(struct walk *w)
{
	struct err e = {0};
	int64_t entries;

	if (catalog_check_ledger(w->catalog, &entries, &e) < 0)
		find(w->f, "%s", e.text);
}

/* --- the run -------------------------------------------------------------------------------------- */

static int add_volume(void *arg, const struct catalog_volume *row)
{
	*(uint64_t *)arg += (uint64_t)row->bytes;
	return 0;
}

static int look(struct walk *w)
{
	const struct conf *conf = w->f->conf;
	int rc = w->f->full ? catalog_volumes(w->catalog, add_volume, &w->progress.of_bytes) : 0;

	if (rc == 0)
		rc = catalog_cameras(w->catalog, NULL, on_camera_rows, w);

	if (rc == 0)
		rc = garbage_list(w->catalog, UINT_MAX, on_garbage, w);
	if (rc == 0)
		rc = copy_list(w->catalog, on_copy, w);
	for (unsigned i = 0; rc == 0 && i < conf->root_count; i++) {
		char *archive = xasprintf("%s/archive", conf->roots[i].path);
		walk_folder(w, archive, "", 0);
		free(archive);
		if (w->stopped_clean)
			check_incoming(w, conf->roots[i].path);
	}
	if (rc == 0)
		rc = catalog_cameras(w->catalog, NULL, on_camera_tiles, w);
	if (rc == 0)
		check_ledger(w);
	return rc;
}

static int load_keys(struct walk *w, struct err *e)
{
	if (!w->f->full)
		return 0;
	w->keys = seal_keys_create();
	seal_keys_load(w->keys, w->f->conf->state);
	return seal_keys_count(w->keys) ? 0 : err_set(e, -ENOENT, "no public seal key in %s/keys nor %s/seal-keys", w->f->conf->state,
						       w->f->conf->state);
}

int fsck_run(struct fsck *f, struct err *e)
{
	struct walk w = {.f = f, .expected = json_object(), .newest = json_object()};
	char *path = xasprintf("%s/catalog.db", f->conf->state);
	int rc = load_keys(&w, e);

	if (rc == 0)
		rc = catalog_open(path, &w.catalog, e);
	if (rc == 0) {
		learn_state(&w);
		catalog_begin_read(w.catalog);
		rc = look(&w);
		catalog_end_read(w.catalog);
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
