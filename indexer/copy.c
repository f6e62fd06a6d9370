#include "copy.h"

#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"
#include "garbage.h"
#include "media/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

char *copy_path(const char *root_path, const char *camera, struct wall start)
{
	char name[256];

	segment_archive_name(name, camera, start);
	return xasprintf("%s/archive/%s", root_path, name);
}

char *copy_path_part(const char *root_path, const char *camera, struct wall start)
{
	char name[256];

	segment_incoming_name(name, camera, start, ".part");
	return xasprintf("%s/moving/%s", root_path, name);
}

/* --- rows -------------------------------------------------------------------------------------- */

int copy_find_segment(struct catalog *c, const char *camera, struct wall start, struct segment_place *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT s.id, s.root, s.bytes, s.seal_digest, r.path FROM segment s JOIN root r ON r.id = s.root "
			  "WHERE s.camera = ? AND s.start = ?", "ti", camera, start.us);

	*out = (struct segment_place){.start = start};
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		snprintf(out->camera, sizeof out->camera, "%s", camera);
		out->segment = db_i64(&q, 0);
		out->root = db_i64(&q, 1);
		out->bytes = db_i64(&q, 2);
		int failed = db_blob_copy(&q, 3, out->seal_digest, SHA256_BYTES);
		out->root_path = failed < 0 ? NULL : xstrdup(db_text(&q, 4));
		rc = failed < 0 ? failed : 1;
	}
	db_done(&q);
	return rc;
}

int copy_set(struct catalog *c, const struct segment_place *p, int64_t root, const char *state)
{
	return db_run(c->db, "INSERT INTO copy VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET state = ?6",
		      "tiiibt", p->camera, p->start.us, root, p->bytes, p->seal_digest, sizeof p->seal_digest, state);
}

int copy_drop(struct catalog *c, const char *camera, struct wall start, int64_t root)
{
	return db_run(c->db, "DELETE FROM copy WHERE camera = ? AND start = ? AND root = ?", "tii", camera, start.us, root);
}

int copy_switch(struct catalog *c, const struct segment_place *p, int64_t root)
{
	int rc = db_run(c->db, "UPDATE segment SET root = ? WHERE id = ?", "ii", root, p->segment);

	if (rc == 0)
		rc = copy_drop(c, p->camera, p->start, root);
	return rc < 0 || p->root == CATALOG_STORE_ROOT ? rc : copy_set(c, p, p->root, "surplus");
}

/* --- disks ---------------------------------------------------------------------------------------- */

static bool answers(struct catalog *c, const char *path)
{
	char key[4200], text[600] = "";

	snprintf(key, sizeof key, "storage:%s", path);
	if (catalog_state(c, key, text, sizeof text) < 0)
		return false;
	json_t *told = text[0] ? json_loads(text, 0, NULL) : NULL;
	const char *state = json_string_value(json_object_get(told, "state"));
	bool well = !state || strcmp(state, "ok") == 0 || strcmp(state, "full") == 0;
	json_decref(told);
	return well;
}

bool copy_root_is_usable(struct fs *fs, struct catalog *c, const char *site, int64_t root, const char *path)
{
	return answers(c, path) && garbage_root_is_ours(fs, c, site, root, path);
}

/* --- the copy serves --------------------------------------------------------------------------------- */

/* 1 with the root's id and path, which the caller frees; 0: no copy is left behind `after`. */
static int next_copy(struct catalog *c, const struct segment_place *p, int64_t after, int64_t *root, char **path)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT c.root, r.path FROM copy c JOIN root r ON r.id = c.root WHERE c.camera = ?1 AND c.start = ?2 "
			  "AND c.root > ?3 AND c.state = 'kept' ORDER BY c.root LIMIT 1", "tii", p->camera, p->start.us, after);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		*root = db_i64(&q, 0);
		*path = xstrdup(db_text(&q, 1));
	}
	db_done(&q);
	return rc;
}

static bool serves(struct fs *fs, struct catalog *c, const char *site, const struct segment_place *p, int64_t root,
		   const char *path)
{
	char *file = copy_path(path, p->camera, p->start);
	bool is = copy_root_is_usable(fs, c, site, root, path) && segment_is_whole(fs, file, p->bytes, p->seal_digest);

	free(file);
	return is;
}

int copy_tell_used(struct catalog *c, struct wall now, const struct segment_place *p, const char *to, const char *why)
{
	char stem[256];

	segment_incoming_name(stem, p->camera, p->start, "");
	const char *from = p->root == CATALOG_STORE_ROOT ? "object store" : p->root_path;
	log_warn("copy", "camera=%s file=%s from=%s to=%s why=\"%s\"", p->camera, stem, from, to, why);
	return ledger_append(c, now, "storage.copy_used", p->camera,
			     json_pack("{ss ss ss ss}", "file", stem, "from", from, "to", to, "why", why), NULL);
}

int copy_promote(struct fs *fs, struct catalog *c, const char *site, struct wall now, const struct segment_place *p,
		 const char *why)
{
	int64_t root = 0;
	char *path = NULL;
	int rc;

	while ((rc = next_copy(c, p, root, &root, &path)) > 0) {
		bool good = serves(fs, c, site, p, root, path);
		if (good) {
			rc = copy_switch(c, p, root);
			rc = rc < 0 ? rc : copy_tell_used(c, now, p, path, why);
		}
		free(path);
		if (good)
			return rc < 0 ? rc : 1;
	}
	return rc;
}
