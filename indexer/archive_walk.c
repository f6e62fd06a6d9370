#include "indexer_inner.h"

#include "base/buf.h"
#include "base/crew.h"
#include "catalog_internal.h"

#include <errno.h>
#include <stdlib.h>

#define WALK_AHEAD 16

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
	free(dir);
}

/* --- reading ahead ----------------------------------------------------------------------------- */

static void read_ahead(void *piece)
{
	struct archive_reading *r = piece;

	r->rc = archive_read(r->fs, r->keys, r->path, &r->bytes, &r->scan);
}

static void drop_reading(void *piece)
{
	struct archive_reading *r = piece;

	segment_scan_finish(&r->scan);
	free(r->path);
	free(r);
}

static void give(struct indexer *ix, const char *name)
{
	struct archive_walk *w = &ix->walk;
	struct archive_reading *r = xcalloc(1, sizeof *r);
	char *dir = day_path(ix, &w->days[w->at]);

	*r = (struct archive_reading){.fs = ix->fs, .keys = ix->seal_keys, .day = w->at};
	r->path = xasprintf("%s/%s.mp4", dir, name);
	snprintf(r->name, sizeof r->name, "%s", name);
	crew_give(w->readers, r);
	free(dir);
}

/* The file is read unless it has its row, or no time for a name. */
static int consider(struct indexer *ix, char *name)
{
	struct archive_walk *w = &ix->walk;
	const struct archive_day *d = &w->days[w->at];
	struct wall start;
	int64_t known = 1;

	name[strlen(name) - strlen(".mp4")] = '\0';
	int rc = wall_parse_name(name, &start) < 0 ? 0 : segment_row_is_here(ix->catalog, d->camera, start.us, ix->roots[d->root].id, &known);
	if (rc == 0 && !known)
		give(ix, name);
	return rc;
}

static int64_t left_us(struct indexer *ix, struct mono until)
{
	return until.us - clock_mono(ix->clock).us;
}

static int next_name(struct indexer *ix)
{
	struct archive_walk *w = &ix->walk;

	if (!w->files)
		list_files(ix);
	if (w->file < w->file_count)
		return consider(ix, w->files[w->file++]);
	drop_files(w);
	w->at++;
	return 0;
}

/* However late it is, by one name. */
static int keep_reading(struct indexer *ix, struct mono until)
{
	struct archive_walk *w = &ix->walk;
	int rc = 0;

	while (rc == 0 && w->at < w->count && crew_has_room(w->readers)) {
		rc = next_name(ix);
		if (left_us(ix, until) < 0)
			break;
	}
	return rc;
}

/* --- taking up ------------------------------------------------------------------------------------ */

/* All at once what publish() would do for each: a crash may have come between rename and sync. At the day's first file without
 * a row: most days have none. */
static bool names_are_durable(struct indexer *ix, unsigned day)
{
	struct archive_walk *w = &ix->walk;

	if (w->sync_tried == day + 1)
		return w->synced;
	char *dir = day_path(ix, &w->days[day]), *incoming = xasprintf("%s/incoming", ix->roots[w->days[day].root].path);
	w->sync_tried = day + 1;
	w->synced = ix->fs->sync_dir(ix->fs, dir) == 0 && ix->fs->sync_dir(ix->fs, incoming) == 0;
	free(dir);
	free(incoming);
	return w->synced;
}

static int take(struct indexer *ix, struct archive_reading *r)
{
	struct archive_walk *w = &ix->walk;
	char stem[STEM_MAX];

	snprintf(stem, sizeof stem, "%s-%s", w->days[r->day].camera, r->name);
	int rc = publish_among(ix, &ix->roots[w->days[r->day].root], stem, names_are_durable(ix, r->day), r, &w->failed);
	w->taken += rc == 0;
	drop_reading(r);
	return rc;
}

/* 1: there is no more. */
static int take_some(struct indexer *ix, int64_t budget_us)
{
	struct archive_walk *w = &ix->walk;
	struct mono until = {clock_mono(ix->clock).us + budget_us};
	int rc = 0;

	while (rc == 0 && left_us(ix, until) >= 0) {
		rc = keep_reading(ix, until);
		if (rc < 0)
			return rc;
		if (crew_out(w->readers) == 0 && w->at == w->count)
			return 1;
		struct archive_reading *r = crew_take(w->readers, left_us(ix, until));
		if (r)
			rc = take(ix, r);
	}
	return rc;
}

/* --- all of it ------------------------------------------------------------------------------------ */

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
	w->readers = crew_create(ix->readers, WALK_AHEAD, read_ahead);
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
	crew_destroy(w->readers, drop_reading);
	drop_files(w);
	free(w->days);
	*w = (struct archive_walk){.tries = w->tries};
}
