#include "indexer/fsck_inner.h"

#include "base/buf.h"
#include "media/segment.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

struct again {
	const char *path;
	bool there;
};

static int on_again(void *arg, const struct catalog_segment *row)
{
	struct again *a = arg;
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", row->root, row->file);
	a->there = strcmp(path, a->path) == 0;
	return 1;
}

bool fsck_ask_again(struct fsck_walk *w, const char *camera, struct wall start, const char *path, bool *there)
{
	char *db = xasprintf("%s/catalog.db", w->f->conf->state);
	struct again again = {.path = path};
	struct catalog *fresh;
	struct err e;
	bool asked = w->running && catalog_open(db, &fresh, &e) == 0;

	if (asked) {
		asked = catalog_segments(fresh, camera, start, (struct wall){start.us + 1}, NULL, 1, on_again, &again) >= 0;
		catalog_close(fresh);
	}
	*there = again.there;
	free(db);
	return asked;
}

/* Sealed after all that the catalogue knows. The sequence tells, not the time: the clock may have been set back. */
static bool is_newer(struct fsck_walk *w, const char *camera, const char *path)
{
	json_int_t mark = json_integer_value(json_object_get(w->newest, camera));
	struct segment_scan scan;
	struct stat st;
	int fd = fs_open_regular(w->f->fs, path);

	if (fd < 0)
		return false;
	segment_scan_init(&scan, false);
	bool newer = fstat(fd, &st) == 0 && segment_scan(&scan, w->f->fs, fd, st.st_size, w->keys) == 0 && scan.sealed &&
		     (json_int_t)scan.seal.sequence > mark;
	segment_scan_finish(&scan);
	w->f->fs->close(w->f->fs, fd);
	return newer;
}

static void check_file(struct fsck_walk *w, const char *camera, const char *path, const char *name)
{
	char stem[64];
	struct wall start;
	size_t len = strlen(name);
	bool there = false;

	if (json_object_get(w->expected, path))
		return;
	bool named = len > 4 && len - 4 < sizeof stem && strcmp(name + len - 4, ".mp4") == 0;
	snprintf(stem, sizeof stem, "%.*s", named ? (int)(len - 4) : 0, name);
	named = named && wall_parse_name(stem, &start) == 0;
	if (named && !w->stopped_clean && is_newer(w, camera, path))
		return; /* published, and the keeper is about to take it up */
	if (named && fsck_ask_again(w, camera, start, path, &there) && there)
		return; /* taken up, or moved here, since */
	fsck_find(w->f, "%s: is in no catalogue", path);
}

static void cannot_look(struct fsck_walk *w, const char *path, int rc)
{
	fsck_find(w->f, "%s: cannot be looked into: %s", path, strerror(-rc));
}

static void walk_folder(struct fsck_walk *w, const char *path, const char *camera, int depth)
{
	DIR *d = opendir(path);
	int rc = 0;

	if (!d && errno == ENOTDIR)
		fsck_find(w->f, "%s: is in no catalogue", path);
	else if (!d && (depth > 0 || errno != ENOENT)) /* a new root has no archive yet */
		cannot_look(w, path, -errno);
	for (struct dirent *x; d && (x = fs_next(d, &rc)) != NULL;) {
		if (x->d_name[0] == '.')
			continue;
		char *sub = xasprintf("%s/%s", path, x->d_name);
		if (depth < 2)
			walk_folder(w, sub, depth == 0 ? x->d_name : camera, depth + 1);
		else
			check_file(w, camera, sub, x->d_name);
		free(sub);
	}
	if (rc < 0)
		cannot_look(w, path, rc);
	if (d)
		closedir(d);
}

static void check_incoming(struct fsck_walk *w, const char *root)
{
	char *path = xasprintf("%s/incoming", root);
	DIR *d = opendir(path);

	int rc = d || errno == ENOENT ? 0 : -errno;

	for (struct dirent *x; d && (x = fs_next(d, &rc)) != NULL;)
		if (x->d_name[0] != '.')
			fsck_find(w->f, "%s/%s: left over after a clean stop", path, x->d_name);
	if (rc < 0)
		cannot_look(w, path, rc);
	if (d)
		closedir(d);
	free(path);
}

void fsck_root(struct fsck_walk *w, const char *root)
{
	char *archive = xasprintf("%s/archive", root);

	walk_folder(w, archive, "", 0);
	free(archive);
	if (w->stopped_clean)
		check_incoming(w, root);
}
