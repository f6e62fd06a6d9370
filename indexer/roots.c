#include "indexer_inner.h"

#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"
#include "media/root_identity.h"

#include <errno.h>
#include <stdlib.h>

static int root_row(struct indexer *ix, struct root *r, const struct root_identity *id)
{
	struct db *db = ix->catalog->db;
	char uuid[UUID_TEXT_MAX];

	uuid_format(id->root, uuid);
	int rc = db_run(db, "INSERT INTO root (path, uuid) VALUES (?1, ?2) ON CONFLICT (path) DO UPDATE SET uuid = ?2 "
			"WHERE uuid <> ?2", "tt", r->path, uuid);
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
	for (unsigned i = 0; i < ix->root_count; i++) {
		ix->roots[i].path = xstrdup(ix->conf->roots[i].path);
		root_look(ix, &ix->roots[i]);
	}
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
