#include "indexer_inner.h"

#include "base/buf.h"
#include "catalog_internal.h"

#include <errno.h>
#include <stdlib.h>

/* --- the days ------------------------------------------------------------------------------ */

/* The walk goes on, and is made again (indexer.c). */
static void note_failure(struct archive_walk *w, int rc)
{
	if (rc < 0 && w->failed == 0)
		w->failed = rc;
}

static void add_days(struct indexer *ix, unsigned root, const char *camera, bool all)
{
	char *dir = xasprintf("%s/archive/%s", ix->roots[root].path, camera), from[WALL_TEXT_MAX] = "";
	struct archive_walk *w = &ix->walk;
	struct wall last = {0};
	struct list days;

	if (!all && db_int(ix->catalog->db, &last.us, "SELECT max(start) FROM segment WHERE camera = ?", "t", camera) == 0 &&
	    last.us > US_PER_DAY)
		wall_format_day((struct wall){last.us - US_PER_DAY}, from);
	note_failure(w, list_dir(dir, "", &days));
	for (unsigned i = 0; i < days.count; i++) {
		if (strcmp(days.names[i], from) < 0 || strlen(days.names[i]) >= sizeof w->days->day)
			continue;
		w->days = xrealloc(w->days, (w->count + 1) * sizeof *w->days);
		struct archive_day *d = &w->days[w->count++];
		*d = (struct archive_day){.root = root};
		snprintf(d->camera, sizeof d->camera, "%s", camera);
		snprintf(d->day, sizeof d->day, "%s", days.names[i]);
	}
	list_finish(&days);
	free(dir);
}

static int newest_first(const void *x, const void *y)
{
	const struct archive_day *a = x, *b = y;
	int by_day = strcmp(b->day, a->day);

	return by_day ? by_day : strcmp(a->camera, b->camera);
}

void archive_walk_begin(struct indexer *ix, bool all)
{
	struct archive_walk *w = &ix->walk;

	w->running = true;
	for (unsigned i = 0; i < ix->root_count; i++) {
		struct list cameras;
		if (!ix->roots[i].present)
			continue;
		char *dir = xasprintf("%s/archive", ix->roots[i].path);
		note_failure(w, list_dir(dir, "", &cameras));
		for (unsigned n = 0; n < cameras.count; n++)
			if (seal_name_ok(cameras.names[n]))
				add_days(ix, i, cameras.names[n], all);
		list_finish(&cameras);
		free(dir);
	}
	if (w->count)
		qsort(w->days, w->count, sizeof *w->days, newest_first);
}

/* --- the files of a day ----------------------------------------------------------------------- */

static void drop_files(struct archive_walk *w)
{
	struct list l = {w->files, w->file_count, w->file_count};

	list_finish(&l);
	w->files = NULL;
	w->file_count = w->file = 0;
}

static char *day_path(struct indexer *ix, const struct archive_day *d)
{
	return xasprintf("%s/archive/%s/%s", ix->roots[d->root].path, d->camera, d->day);
}

static void list_files(struct indexer *ix)
{
	struct archive_walk *w = &ix->walk;
	char *dir = day_path(ix, &w->days[w->at]);
	struct list files;

	note_failure(w, list_dir(dir, ".mp4", &files));
	w->files = files.names;
	w->file_count = files.count;
	w->file = 0;
	w->sync_tried = w->synced = false;
	free(dir);
}

/* All at once what publish() would do for each: a crash may have come between rename and sync. At the day's first file without
 * a row: most days have none. */
static bool names_are_durable(struct indexer *ix)
{
	struct archive_walk *w = &ix->walk;
	const struct archive_day *d = &w->days[w->at];

	if (w->sync_tried)
		return w->synced;
	char *day = day_path(ix, d), *incoming = xasprintf("%s/incoming", ix->roots[d->root].path);
	w->sync_tried = true;
	w->synced = ix->fs->sync_dir(ix->fs, day) == 0 && ix->fs->sync_dir(ix->fs, incoming) == 0;
	free(day);
	free(incoming);
	return w->synced;
}

/* One of many in a transaction: what fails is undone alone. Only the catalogue's own trouble is returned. */
static int publish_among(struct indexer *ix, const struct root *r, const char *stem)
{
	struct db *db = ix->catalog->db;
	int rc = db_run(db, "SAVEPOINT file", "");

	if (rc < 0)
		return rc;
	int done = names_are_durable(ix) ? publish_synced(ix, r, stem) : publish(ix, r, stem);
	publish_note(stem, done, &ix->walk.failed);
	if (done < 0 && done != -EBADMSG) {
		open_file_forget(ix, NULL);
		rc = db_run(db, "ROLLBACK TO file", "");
	}
	return rc < 0 ? rc : db_run(db, "RELEASE file", "");
}

static int take(struct indexer *ix, char *name)
{
	struct archive_walk *w = &ix->walk;
	const struct archive_day *d = &w->days[w->at];
	const struct root *r = &ix->roots[d->root];
	char stem[STEM_MAX];
	struct wall start;
	int64_t known = 1; /* what has no time for a name is left alone */

	name[strlen(name) - strlen(".mp4")] = '\0';
	int rc = wall_parse_name(name, &start) < 0 ? 0 : segment_row_is_here(ix->catalog, d->camera, start.us, r->id, &known);
	if (rc < 0 || known)
		return rc;
	snprintf(stem, sizeof stem, "%s-%s", d->camera, name);
	rc = publish_among(ix, r, stem);
	w->taken += rc == 0;
	return rc;
}

/* 1: there is no more. */
static int take_some(struct indexer *ix, int64_t budget_us)
{
	struct archive_walk *w = &ix->walk;
	struct mono began = clock_mono(ix->clock);

	for (; w->at < w->count; w->at++, drop_files(w)) {
		if (!w->files)
			list_files(ix);
		while (w->file < w->file_count) {
			if (clock_mono(ix->clock).us - began.us > budget_us)
				return 0;
			int rc = take(ix, w->files[w->file++]);
			if (rc < 0)
				return rc;
		}
	}
	return 1;
}

/* A commit is durable, which takes as long as many small files. Until then they have no rows and are met again. */
bool archive_walk_step(struct indexer *ix, int64_t budget_us)
{
	struct archive_walk *w = &ix->walk;
	int rc = transaction_begin(ix), some;

	note_failure(w, rc);
	if (rc < 0)
		return true;
	some = take_some(ix, budget_us);
	note_failure(w, some);
	note_failure(w, transaction_end(ix, some < 0 ? some : 0));
	return some > 0;
}

void archive_walk_finish(struct archive_walk *w)
{
	drop_files(w);
	free(w->days);
	*w = (struct archive_walk){.tries = w->tries};
}
