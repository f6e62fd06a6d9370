#include "indexer_inner.h"

#include "aside.h"
#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void list_add(struct list *l, const char *name)
{
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->names = xrealloc(l->names, l->room * sizeof *l->names);
	}
	l->names[l->count++] = xstrdup(name);
}

void list_finish(struct list *l)
{
	for (unsigned i = 0; i < l->count; i++)
		free(l->names[i]);
	free(l->names);
	*l = (struct list){0};
}

int list_dir(const char *path, const char *suffix, struct list *l)
{
	DIR *d = opendir(path);
	int rc = d || errno == ENOENT || errno == ENOTDIR ? 0 : -errno;

	*l = (struct list){0};
	for (struct dirent *x; d && (x = fs_next(d, &rc)) != NULL;) {
		size_t n = strlen(x->d_name), s = strlen(suffix);
		if (x->d_name[0] == '.' || n < s || strcmp(x->d_name + n - s, suffix) != 0)
			continue;
		list_add(l, x->d_name);
	}
	if (d)
		closedir(d);
	if (l->count)
		qsort(l->names, l->count, sizeof *l->names, by_name);
	if (rc < 0)
		log_warn("folder", "path=%s text=\"cannot be read whole: %s\"", path, strerror(-rc));
	return rc;
}

#define SCAN_BATCH 64          /* files in one transaction, */
#define SCAN_BATCH_US US_PER_S /* or as many as are read in this time */

/* *at: the next file. */
static int scan_some(struct indexer *ix, struct root *r, const struct list *files, unsigned *at, int *failed)
{
	struct mono began = clock_mono(ix->clock);
	char stem[STEM_MAX];
	int rc = transaction_begin(ix);

	if (rc < 0)
		return rc;
	for (unsigned n = 0; rc == 0 && *at < files->count && n < SCAN_BATCH; n++) {
		const char *name = files->names[(*at)++];
		snprintf(stem, sizeof stem, "%.*s", (int)(strlen(name) - 4), name);
		rc = publish_among(ix, r, stem, false, NULL, failed);
		if (clock_mono(ix->clock).us - began.us > SCAN_BATCH_US)
			break;
	}
	return transaction_end(ix, rc);
}

static int scan_sealed(struct indexer *ix, struct root *r, const char *dir)
{
	struct list files;
	int failed = list_dir(dir, ".mp4", &files), rc = 0;

	for (unsigned at = 0; rc == 0 && at < files.count;)
		rc = scan_some(ix, r, &files, &at, &failed);
	list_finish(&files);
	return failed < 0 ? failed : rc;
}

/* What a catalogue that was lost knew of them; how far they reach nobody knows: not beyond now. */
static int scan_aside(struct indexer *ix, const struct root *r, const char *dir)
{
	struct list files;
	char camera[SEAL_NAME_MAX];
	struct wall_range time = {.end = clock_wall(ix->clock)};
	int rc = list_dir(dir, ASIDE_SUFFIX, &files), began = files.count ? transaction_begin(ix) : 0;

	for (unsigned f = 0; f < files.count && began == 0 && rc == 0; f++)
		if (segment_parse_incoming(files.names[f], ASIDE_SUFFIX, camera, &time.start) == 0)
			rc = aside_note(ix->catalog, r->id, files.names[f], camera, time);
	if (files.count && began == 0)
		rc = transaction_end(ix, rc);
	list_finish(&files);
	return rc < 0 ? rc : began;
}

int scan_incoming(struct indexer *ix)
{
	int failed = 0;

	for (unsigned i = 0; i < ix->root_count; i++) {
		struct root *r = &ix->roots[i];
		r->barred = false;
		if (!root_look(ix, r))
			continue;
		char *dir = xasprintf("%s/incoming", r->path);
		int rc = scan_sealed(ix, r, dir), aside = scan_aside(ix, r, dir);
		free(dir);
		rc = rc < 0 ? rc : aside;
		failed = failed < 0 ? failed : rc;
	}
	return failed;
}

/* --- is anything written? ------------------------------------------------------------------------- */

#define WRITES_WITHIN_US (8 * US_PER_S) /* a fragment is never longer than 2 s */

static bool is_growing(struct indexer *ix, const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct stat st;
	bool there = ix->fs->stat(ix->fs, path, &st) == 0;

	free(path);
	int64_t age_us = there ? clock_wall(ix->clock).us - (int64_t)st.st_mtim.tv_sec * US_PER_S : INT64_MAX;
	return age_us < WRITES_WITHIN_US && age_us > -WRITES_WITHIN_US;
}

bool scan_finds_writing(struct indexer *ix)
{
	bool writes = false;

	for (unsigned i = 0; !writes && i < ix->root_count; i++) {
		struct root *r = &ix->roots[i];
		struct list files;
		if (!root_look(ix, r))
			continue;
		char *dir = xasprintf("%s/incoming", r->path);
		list_dir(dir, ".open", &files);
		for (unsigned f = 0; !writes && f < files.count; f++)
			writes = is_growing(ix, dir, files.names[f]);
		list_finish(&files);
		free(dir);
	}
	return writes;
}

/* --- open rows whose file is nowhere -------------------------------------------------------------- */

static bool exists(struct indexer *ix, const struct root *r, const char *stem, const char *suffix)
{
	char *path = xasprintf("%s/incoming/%s%s", r->path, stem, suffix);
	struct stat st;
	bool there = ix->fs->stat(ix->fs, path, &st) != -ENOENT;

	free(path);
	return there;
}

static int check_row(struct indexer *ix, const char *file)
{
	struct file_facts f;
	char stem[STEM_MAX], root[INDEXER_PATH_MAX];

	snprintf(stem, sizeof stem, "%.*s", (int)(strlen(file) - strlen(".open")), file);
	int rc = open_row_get(ix->catalog, stem, &f, root, sizeof root);
	if (rc < 0)
		return rc;
	struct root *r = root_present(ix, root);
	if (!r || exists(ix, r, stem, ".open") || exists(ix, r, stem, ".mp4"))
		return 0;
	rc = publish(ix, r, stem);
	if (rc != -ENOENT)
		return 0; /* it stands in archive/ */
	if (f.end.us <= f.start.us)
		return open_row_drop(ix->catalog, stem); /* not even its name was durable: nothing was believed of it */
	return file_lost(ix, "footage.missing", stem, &f, "the file is gone");
}

int scan_lost(struct indexer *ix)
{
	struct list rows = {0};
	struct db_query q;
	int rc = db_query(ix->catalog->db, &q, "SELECT file FROM open_segment", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		list_add(&rows, db_text(&q, 0));
	db_done(&q);
	for (unsigned i = 0; rc == 0 && i < rows.count; i++)
		rc = check_row(ix, rows.names[i]);
	list_finish(&rows);
	return rc;
}
