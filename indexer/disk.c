/* What a person orders about a disk. Inside the command's transaction. */
#include "disk.h"

#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"
#include "gap.h"
#include "garbage.h"
#include "media/root_identity.h"
#include "object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOST_BATCH 64
#define LOST_MARK "//lost/" /* no configured path has two slashes */

static int find(struct catalog *c, const char *path, int64_t *id, char uuid[UUID_TEXT_MAX])
{
	int rc = db_int(c->db, id, "SELECT id FROM root WHERE path = ? AND id > 0", "t", path);

	return rc < 0 ? rc : garbage_root_uuid(c, *id, uuid);
}

static bool is_configured(const struct indexer *ix, const char *path)
{
	for (unsigned i = 0; i < ix->conf->root_count; i++)
		if (strcmp(ix->conf->roots[i].path, path) == 0)
			return true;
	return false;
}

static int forget(struct catalog *c, int64_t id, const char *path)
{
	char key[INDEXER_PATH_MAX + 16];
	int rc = db_run(c->db, "DELETE FROM aside WHERE root = ?", "i", id);

	if (rc == 0)
		rc = db_run(c->db, "DELETE FROM root WHERE id = ?", "i", id);
	snprintf(key, sizeof key, "storage:%s", path);
	if (rc == 0)
		rc = db_run(c->db, "DELETE FROM state WHERE key = ?", "t", key);
	snprintf(key, sizeof key, "drain:%s", path);
	return rc < 0 ? rc : db_run(c->db, "DELETE FROM state WHERE key = ?", "t", key);
}

/* --- retire ------------------------------------------------------------------------------------- */

int disk_retire(struct indexer *ix, const char *path, const char *reason, const struct person *by)
{
	struct catalog *c = ix->catalog;
	char uuid[UUID_TEXT_MAX];
	int64_t id, left = 0;
	int rc = find(c, path, &id, uuid);

	if (rc < 0)
		return rc;
	if (is_configured(ix, path))
		return -EBUSY;
	rc = db_int(c->db, &left,
		    "SELECT EXISTS (SELECT 1 FROM segment WHERE root = ?1) OR EXISTS (SELECT 1 FROM open_segment WHERE root = ?1) "
		    "OR EXISTS (SELECT 1 FROM garbage WHERE root = ?1) OR EXISTS (SELECT 1 FROM copy WHERE root = ?1)", "i", id);
	if (rc < 0 || left)
		return rc < 0 ? rc : -ENOTEMPTY;
	rc = forget(c, id, path);
	if (rc < 0)
		return rc;
	json_t *body = json_pack("{ss ss ss}", "root", path, "uuid", uuid, "reason", reason);
	person_tell(body, "by", by);
	return ledger_append(c, ix->acc.now, "storage.retired", NULL, body, NULL);
}

/* --- replace ---------------------------------------------------------------------------------------- */

/* The recorder must take another disk at this path before it is told to: the file comes first. */
int disk_replace(struct indexer *ix, const char *path, const char *reason, const struct person *by)
{
	struct catalog *c = ix->catalog;
	struct root_identity found;
	char uuid[UUID_TEXT_MAX], there[UUID_TEXT_MAX] = "";
	int64_t id, files = 0;
	int rc = find(c, path, &id, uuid);

	if (rc < 0)
		return rc;
	if (root_answers(ix, path) && root_identity_check(ix->fs, path, ix->conf->site.id, &found) == 0)
		uuid_format(found.root, there);
	if (strcmp(there, uuid) == 0)
		return -EBUSY;
	rc = db_int(c->db, &files, "SELECT count(*) FROM segment WHERE root = ?", "i", id);
	if (rc == 0)
		rc = root_identity_replace(ix->fs, ix->conf->state, uuid);
	if (rc == 0)
		rc = db_run(c->db, "UPDATE root SET path = '" LOST_MARK "' || uuid WHERE id = ?", "i", id);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < ix->root_count; i++)
		if (ix->roots[i].id == id)
			ix->roots[i].id = 0;
	json_t *body = json_pack("{ss ss sI ss}", "root", path, "uuid", uuid, "files", (json_int_t)files, "reason", reason);
	person_tell(body, "by", by);
	return ledger_append(c, ix->acc.now, "storage.replaced", NULL, body, NULL);
}

/* --- what a lost disk held ------------------------------------------------------------------------------ */

struct lost { char camera[CATALOG_ID_MAX]; struct wall start, end; int64_t files; };

/* One entry per camera and batch. */
static int tell(struct indexer *ix, const struct lost *l)
{
	return l->files == 0 ? 0
			     : ledger_append(ix->catalog, ix->acc.now, "footage.missing", l->camera,
					     json_pack("{ss so so sI}", "why", "its disk was declared lost", "start",
						       wall_json(l->start.us), "end", wall_json(l->end.us), "files",
						       (json_int_t)l->files), NULL);
}

static int lose(struct indexer *ix, const struct segment_place *p, struct wall end)
{
	struct catalog *c = ix->catalog;
	int rc = db_run(c->db, "DELETE FROM segment WHERE id = ?", "i", p->segment);

	return rc < 0 ? rc : span_look_again(c, p->camera, p->start, end);
}

static int next_segment(struct catalog *c, int64_t root, char camera[CATALOG_ID_MAX], struct wall *start, struct wall *end)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT camera, start, end FROM segment INDEXED BY segment_by_age WHERE root = ? "
			  "ORDER BY camera, end LIMIT 1", "i", root);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		snprintf(camera, CATALOG_ID_MAX, "%s", db_text(&q, 0));
		start->us = db_i64(&q, 1);
		end->us = db_i64(&q, 2);
	}
	db_done(&q);
	return rc;
}

/* 1: one was dealt with, 0: none is left. */
static int deal_with_one(struct indexer *ix, int64_t root, struct lost *l)
{
	char camera[CATALOG_ID_MAX];
	struct segment_place p;
	struct wall start, end;
	int rc = next_segment(ix->catalog, root, camera, &start, &end);

	if (rc > 0)
		rc = copy_find_segment(ix->catalog, camera, start, &p);
	if (rc <= 0)
		return rc;
	rc = object_promote(ix->fs, ix->catalog, ix->conf->site.id, ix->acc.now, &p, "its disk was declared lost");
	if (rc == 0 && strcmp(l->camera, camera) != 0) {
		rc = tell(ix, l);
		*l = (struct lost){.start = start, .end = end};
		snprintf(l->camera, sizeof l->camera, "%s", camera);
	}
	if (rc == 0) {
		rc = lose(ix, &p, end);
		l->files++;
		l->start.us = start.us < l->start.us ? start.us : l->start.us;
		l->end.us = end.us > l->end.us ? end.us : l->end.us;
	}
	free(p.root_path);
	return rc < 0 ? rc : 1;
}

/* Files that were open when the disk died, and what had no footage any more. */
static int clear_rest(struct indexer *ix, int64_t root)
{
	char stem[STEM_MAX], path[INDEXER_PATH_MAX];
	struct file_facts f;
	struct db_query q;
	int rc = db_query(ix->catalog->db, &q, "SELECT file FROM open_segment WHERE root = ? LIMIT 1", "i", root);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0)
		snprintf(stem, sizeof stem, "%.*s", (int)(strlen(db_text(&q, 0)) - strlen(".open")), db_text(&q, 0));
	db_done(&q);
	if (rc > 0) {
		rc = open_row_get(ix->catalog, stem, &f, path, sizeof path);
		return rc < 0 ? rc : file_lost(ix, "footage.missing", stem, &f, "its disk was declared lost");
	}
	if (rc == 0)
		rc = db_run(ix->catalog->db, "DELETE FROM garbage WHERE root = ?", "i", root);
	if (rc == 0)
		rc = db_run(ix->catalog->db, "DELETE FROM copy WHERE root = ?", "i", root);
	if (rc == 0)
		rc = db_run(ix->catalog->db, "DELETE FROM aside WHERE root = ?", "i", root);
	if (rc == 0)
		rc = db_run(ix->catalog->db, "DELETE FROM root WHERE id = ?", "i", root);
	return rc;
}

static int deal_with(struct indexer *ix, int64_t root)
{
	struct lost l = {0};
	int rc = 1;

	for (unsigned i = 0; rc > 0 && i < LOST_BATCH; i++)
		rc = deal_with_one(ix, root, &l);
	int told = rc < 0 ? rc : tell(ix, &l);
	return told < 0 ? told : rc == 0 ? clear_rest(ix, root) : 0;
}

int disk_clear_lost(struct indexer *ix, bool *more)
{
	int64_t root;
	int rc = db_int(ix->catalog->db, &root, "SELECT id FROM root WHERE path GLOB '" LOST_MARK "*' LIMIT 1", "");

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	*more = true;
	rc = transaction_begin(ix);
	if (rc < 0)
		return rc;
	return transaction_end(ix, deal_with(ix, root));
}
