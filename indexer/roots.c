#include "indexer_inner.h"

#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"
#include "garbage.h"
#include "media/root_identity.h"

#include <errno.h>
#include <stdlib.h>

/* A disk that was mounted elsewhere before takes its rows along, unless it is configured there, too. */
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
		return rc;
	if (root_find(ix, was))
		return -EEXIST;
	log_warn("root", "path=%s root=%s text=\"this disk was at %s before; its footage is found here now\"", r->path, uuid, was);
	return db_run(ix->catalog->db, "UPDATE root SET path = ? WHERE uuid = ?", "tt", r->path, uuid);
}

/* Rows say where footage lies by its disk: another disk at the same path is not taken for it. */
static int root_row(struct indexer *ix, struct root *r, const struct root_identity *id)
{
	struct db *db = ix->catalog->db;
	char uuid[UUID_TEXT_MAX], known[UUID_TEXT_MAX] = "";
	int rc = 0;

	uuid_format(id->root, uuid);
	if (db_int(db, &r->id, "SELECT id FROM root WHERE path = ?", "t", r->path) == 0)
		rc = garbage_root_uuid(ix->catalog, r->id, known);
	else
		rc = follow(ix, r, uuid);
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
	bool was = r->present;

	r->present = root_answers(ix, r->path) && root_identity_check(ix->fs, r->path, ix->conf->site.id, &id) == 0;
	if (r->present && (!was || !r->id))
		r->present = root_row(ix, r, &id) == 0;
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

struct root *root_present(struct indexer *ix, const char *path)
{
	struct root *r = root_find(ix, path);

	return r && root_look(ix, r) ? r : NULL;
}
