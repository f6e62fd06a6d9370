#include "indexer_inner.h"

#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"
#include "garbage.h"
#include "media/root_identity.h"

#include <errno.h>
#include <stdlib.h>

/* Which disk stands at a configured path now. */
static bool stands_at(struct indexer *ix, const char *path, const char *uuid)
{
	struct root_identity id;
	char there[UUID_TEXT_MAX];

	if (!root_find(ix, path) || !root_answers(ix, path) || root_identity_check(ix->fs, path, ix->conf->site.id, &id) < 0)
		return false;
	uuid_format(id.root, there);
	return strcmp(there, uuid) == 0;
}

/* Two rows change places: paths are unique. */
static int exchange(struct db *db, const char *uuid, const char *was, const char *path)
{
	int rc = db_run(db, "UPDATE root SET path = '/dev/null/moving' WHERE path = ?", "t", path);

	if (rc == 0)
		rc = db_run(db, "UPDATE root SET path = ? WHERE uuid = ?", "tt", path, uuid);
	return rc < 0 ? rc : db_run(db, "UPDATE root SET path = ? WHERE path = '/dev/null/moving'", "t", was);
}

/* A disk that was mounted elsewhere before takes its rows along, also to where another one of ours was, unless it is configured
 * there, too. 0; -ENOENT: its footage is not known. */
static int follow(struct indexer *ix, const struct root *r, const char *uuid)
{
	struct db_query q;
	char was[INDEXER_PATH_MAX] = "";
	int rc = db_query(ix->catalog->db, &q, "SELECT path FROM root WHERE uuid = ?1 AND path <> ?2", "tt", uuid, r->path);

	if (rc < 0)
		return rc;
	if ((rc = db_step(&q)) > 0)
		snprintf(was, sizeof was, "%s", db_text(&q, 0));
	db_done(&q);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	if (stands_at(ix, was, uuid))
		return -EEXIST;
	log_warn("root", "path=%s root=%s text=\"this disk was at %s before; its footage is found here now\"", r->path, uuid, was);
	open_file_forget(ix, NULL);
	return exchange(ix->catalog->db, uuid, was, r->path);
}

/* Rows say where footage lies by its disk: another disk at the same path is not taken for it. */
static int root_row(struct indexer *ix, struct root *r, const char *uuid)
{
	struct db *db = ix->catalog->db;
	char known[UUID_TEXT_MAX] = "";
	int rc = follow(ix, r, uuid);

	if (rc == -ENOENT) {
		rc = db_int(db, &r->id, "SELECT id FROM root WHERE path = ?", "t", r->path);
		if (rc == 0)
			rc = garbage_root_uuid(ix->catalog, r->id, known);
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc == 0 && *known && strcmp(known, uuid) != 0)
		rc = -EEXIST;
	if (rc == -EEXIST && !r->foreign)
		log_error("root", "path=%s root=%s known=%s text=\"this is another disk than the one whose footage was here: mount "
			  "that one; if it is lost for good: holdfast disk replace %s\"", r->path, uuid, known, r->path);
	r->foreign = rc == -EEXIST;
	if (rc == 0)
		rc = db_run(db, "INSERT INTO root (path, uuid) VALUES (?1, ?2) ON CONFLICT (path) DO NOTHING", "tt", r->path, uuid);
	return rc < 0 ? rc : db_int(db, &r->id, "SELECT id FROM root WHERE path = ?", "t", r->path);
}

bool root_look(struct indexer *ix, struct root *r)
{
	struct root_identity id;
	char uuid[UUID_TEXT_MAX];
	bool was = r->present;

	r->present = root_answers(ix, r->path) && root_identity_check(ix->fs, r->path, ix->conf->site.id, &id) == 0;
	if (r->present) {
		uuid_format(id.root, uuid);
		bool same = was && r->id && strcmp(uuid, r->uuid) == 0;
		snprintf(r->uuid, sizeof r->uuid, "%s", uuid);
		r->present = same || root_row(ix, r, uuid) == 0;
	}
	if (was != r->present)
		log_info("root", "path=%s present=%d", r->path, r->present);
	return r->present;
}

int roots_configure(struct indexer *ix)
{
	roots_finish(ix);
	ix->root_count = ix->conf->root_count;
	ix->roots = xcalloc(ix->root_count, sizeof *ix->roots);
	for (unsigned i = 0; i < ix->root_count; i++)
		ix->roots[i].path = xstrdup(ix->conf->roots[i].path);
	for (unsigned i = 0; i < ix->root_count; i++)
		root_look(ix, &ix->roots[i]);
	return 0;
}

void roots_finish(struct indexer *ix)
{
	for (unsigned i = 0; i < ix->root_count; i++)
		free(ix->roots[i].path);
	free(ix->roots);
	ix->roots = NULL;
	ix->root_count = 0;
}

struct root *root_find(struct indexer *ix, const char *path)
{
	for (unsigned i = 0; i < ix->root_count; i++)
		if (strcmp(ix->roots[i].path, path) == 0)
			return &ix->roots[i];
	return NULL;
}

struct root *root_named(struct indexer *ix, const char *name)
{
	for (unsigned i = 0; i < ix->root_count && name[0] != '/'; i++)
		if (ix->roots[i].present && strcmp(ix->roots[i].uuid, name) == 0)
			return &ix->roots[i];
	return root_find(ix, name);
}

struct root *root_present(struct indexer *ix, const char *name)
{
	struct root *r = root_named(ix, name);

	return r && root_look(ix, r) ? r : NULL;
}
