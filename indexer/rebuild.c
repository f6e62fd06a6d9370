/* A new catalogue beside an archive that is not new: the old one was lost, or put aside because it was damaged.
 *
 * What is made again: segments, indexes, coverage (by the walk through the archive), cameras and obligations
 * (from the seals here), gaps (from the journal as far as it reaches; a hole of which nobody knows any more is
 * footage_missing), the age of footage (below). What is lost: holds, explanations, the ledger, what was expired;
 * the ledger says so. */
#include "indexer_inner.h"

#include "account_row.h"
#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

/* One camera's oldest and newest footage over all roots. */
struct found { char camera[SEAL_NAME_MAX]; int64_t oldest, newest_end; };
struct survey { struct indexer *ix; struct found *items; unsigned count; int64_t since; };

bool is_rebuilding(struct indexer *ix)
{
	return catalog_site(ix->catalog)->rebuilding != 0;
}

/* --- seals ------------------------------------------------------------------------------------- */

static bool seal_of(struct indexer *ix, const char *path, const char *camera, struct seal *out)
{
	uint8_t end[SEAL_MAX_BYTES];
	struct stat st;
	size_t at;
	int fd = fs_open_regular(ix->fs, path);

	if (fd < 0)
		return false;
	bool ok = fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof end &&
		  ix->fs->pread(ix->fs, fd, end, sizeof end, st.st_size - (off_t)sizeof end) == (ssize_t)sizeof end &&
		  seal_find(end, sizeof end, out, &at) == 0 && strcmp(out->camera, camera) == 0 &&
		  strcmp(out->site, ix->conf->site.id) == 0;
	ix->fs->close(ix->fs, fd);
	return ok;
}

static struct found *found_of(struct survey *s, const char *camera)
{
	for (unsigned i = 0; i < s->count; i++)
		if (strcmp(s->items[i].camera, camera) == 0)
			return &s->items[i];
	s->items = xrealloc(s->items, (s->count + 1) * sizeof *s->items);
	struct found *f = &s->items[s->count++];
	*f = (struct found){.oldest = INT64_MAX};
	snprintf(f->camera, sizeof f->camera, "%s", camera);
	return f;
}

static void note(struct found *f, const struct seal *seal)
{
	f->oldest = seal->start.us < f->oldest ? seal->start.us : f->oldest;
	f->newest_end = seal->end.us > f->newest_end ? seal->end.us : f->newest_end;
}

/* The first good file of the day from its beginning, or from its end. */
static bool look_at_day(struct survey *s, const char *dir, const char *camera, bool from_end)
{
	struct list files;
	bool found = false;

	list_dir(dir, ".mp4", &files);
	for (unsigned i = 0; i < files.count && !found; i++) {
		char *path = xasprintf("%s/%s", dir, files.names[from_end ? files.count - 1 - i : i]);
		struct seal seal;
		found = seal_of(s->ix, path, camera, &seal) && seal.start.us >= s->since;
		if (found)
			note(found_of(s, camera), &seal);
		free(path);
	}
	list_finish(&files);
	return found;
}

static void survey_camera(struct survey *s, const char *root, const char *camera)
{
	char *dir = xasprintf("%s/archive/%s", root, camera);
	struct list days;

	list_dir(dir, "", &days);
	for (int from_end = 0; from_end < 2; from_end++) {
		bool found = false;
		for (unsigned i = 0; i < days.count && !found; i++) {
			char *day = xasprintf("%s/%s", dir, days.names[from_end ? days.count - 1 - i : i]);
			found = look_at_day(s, day, camera, from_end);
			free(day);
		}
	}
	list_finish(&days);
	free(dir);
}

static int survey_root(struct survey *s, const char *root)
{
	char *dir = xasprintf("%s/archive", root);
	struct list cameras;
	int rc = list_dir(dir, "", &cameras);

	for (unsigned i = 0; i < cameras.count; i++)
		if (seal_name_ok(cameras.names[i]))
			survey_camera(s, root, cameras.names[i]);
	list_finish(&cameras);
	free(dir);
	return rc;
}

/* --- cameras ---------------------------------------------------------------------------------------- */

/* One that is no longer configured: its obligation ended with its last footage, as far as anybody knows. */
static int retire(struct indexer *ix, const struct found *f)
{
	struct catalog *c = ix->catalog;
	int rc = db_run(c->db, "UPDATE camera SET retired_at = max(coalesce(retired_at, 0), ?) WHERE id = ?", "it", f->newest_end,
			f->camera);

	return rc < 0 ? rc : db_run(c->db, "UPDATE obligation SET end = max(coalesce(end, 0), ?1) WHERE camera = ?2 AND start = "
				    "(SELECT max(start) FROM obligation WHERE camera = ?2)", "it", f->newest_end, f->camera);
}

/* It was enrolled by what a disk held that came before this one. */
static int enrol_earlier(struct indexer *ix, const struct account *acc, int64_t start)
{
	struct catalog *c = ix->catalog;
	int64_t first = 0;
	int rc = db_int(c->db, &first, "SELECT min(start) FROM obligation WHERE camera = ?", "t", acc->camera);

	if (rc < 0 || start >= first)
		return rc;
	rc = db_run(c->db, "UPDATE obligation SET start = ?3 WHERE camera = ?1 AND start = ?2", "tii", acc->camera, first, start);
	if (rc == 0)
		rc = db_run(c->db, "UPDATE camera SET enrolled_at = ?3 WHERE id = ?1 AND enrolled_at = ?2", "tii", acc->camera, first,
			    start);
	if (rc == 0)
		rc = account_set_frontier(c, acc->camera, acc->frontier < start ? acc->frontier : start);
	return rc < 0 ? rc : ledger_append(c, ix->acc.now, "camera.enrolled", acc->camera,
					   json_pack("{so so}", "configured_at", wall_json(acc->configured_at), "enrolled_at",
						     wall_json(start)), NULL);
}

static int enrol(struct indexer *ix, const struct found *f)
{
	struct account acc;
	int rc = account_load(ix->catalog, f->camera, &acc);
	bool configured = conf_camera_find(ix->conf, f->camera) != NULL;

	if (rc == -ENOENT)
		rc = db_run(ix->catalog->db, "INSERT INTO camera VALUES (?1, ?1, '', ?2, NULL, NULL)", "ti", f->camera, f->oldest);
	if (rc == 0)
		rc = db_run(ix->catalog->db, "UPDATE camera SET configured_at = min(configured_at, ?) WHERE id = ?", "it", f->oldest,
			    f->camera);
	if (rc == 0)
		rc = account_load(ix->catalog, f->camera, &acc);
	if (rc == 0 && acc.enrolled)
		rc = enrol_earlier(ix, &acc, f->oldest);
	else if (rc == 0)
		rc = account_enrol(&ix->acc, &acc, f->oldest);
	return rc < 0 || configured ? rc : retire(ix, f);
}

/* Whatever disk it was seen on, it is told once. */
static int tell_lost(struct indexer *ix, const struct survey *s)
{
	int64_t told = 0;
	int rc = db_int(ix->catalog->db, &told, "SELECT count(*) FROM ledger WHERE kind = 'catalog.lost'", "");

	log_warn("rebuild", "cameras=%u text=\"the catalogue is new and the archive is not: it is made again from the files\"",
		 s->count);
	if (rc < 0 || told > 0)
		return rc;
	return ledger_append(ix->catalog, ix->acc.now, "catalog.lost", NULL,
			     json_pack("{si ss}", "cameras", (int)s->count, "lost",
				       "holds, explanations, the ledger before this entry"), NULL);
}

static int use_survey(struct survey *s)
{
	struct indexer *ix = s->ix;
	int rc = 0;

	if (s->count > 0) {
		rc = catalog_set_state_int(ix->catalog, "rebuilding", 1);
		if (rc == 0)
			rc = tell_lost(ix, s);
	}
	for (unsigned i = 0; rc == 0 && i < s->count; i++)
		rc = enrol(ix, &s->items[i]);
	free(s->items);
	return rc;
}

/* Footage from before the days that are kept is held or left over: what lies between was lawfully deleted, and
 * no obligation can be told from it. */
static struct survey begin_survey(struct indexer *ix)
{
	return (struct survey){.ix = ix, .since = ix->acc.now.us - (int64_t)ix->conf->keep_days * US_PER_DAY};
}

int rebuild_found(struct indexer *ix, const struct seal *s)
{
	const struct survey kept = begin_survey(ix);
	struct found f = {.oldest = s->start.us, .newest_end = s->end.us};

	snprintf(f.camera, sizeof f.camera, "%s", s->camera);
	return s->start.us < kept.since ? 0 : enrol(ix, &f);
}

static void awaited_key(const struct root *r, char key[INDEXER_PATH_MAX + 16])
{
	snprintf(key, INDEXER_PATH_MAX + 16, "awaited:%s", r->path);
}

int rebuild_begin(struct indexer *ix)
{
	struct survey s = begin_survey(ix);
	char key[INDEXER_PATH_MAX + 16];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < ix->root_count; i++) {
		awaited_key(&ix->roots[i], key);
		if (!ix->roots[i].present || survey_root(&s, ix->roots[i].path) < 0)
			rc = catalog_set_state_int(ix->catalog, key, 1);
	}
	if (rc == 0)
		return use_survey(&s);
	free(s.items);
	return rc;
}

/* A disk that was away, or could not be read, when the catalogue was new. */
int rebuild_awaited(struct indexer *ix)
{
	for (unsigned i = 0; i < ix->root_count; i++) {
		struct survey s = begin_survey(ix);
		char key[INDEXER_PATH_MAX + 16];
		int64_t awaited;
		awaited_key(&ix->roots[i], key);
		int rc = catalog_state_int(ix->catalog, key, &awaited);
		if (rc < 0)
			return rc;
		if (!ix->roots[i].present || !awaited)
			continue;
		rc = survey_root(&s, ix->roots[i].path);
		bool found = rc == 0 && s.count > 0;
		if (rc < 0) {
			free(s.items);
			continue; /* later */
		}
		rc = use_survey(&s);
		if (rc == 0)
			rc = catalog_set_state_int(ix->catalog, key, 0);
		if (rc < 0)
			return rc;
		ix->walk_again |= found;
	}
	return 0;
}
