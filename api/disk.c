/* GET /disks, POST /disks/retire, POST /disks/replace: the keeper decides and commits. */
#include "call.h"
#include "router.h"

#include <string.h>

#define PATH_MAX_BYTES 4000
#define REASON_MAX 4000 /* bytes: 1000 characters, which the keeper counts */

static json_t *disk_json(const char *path, const char *uuid, const struct conf_root *r, int64_t files, int64_t copies)
{
	return json_pack("{s:s, s:s?, s:b, s:b, s:I, s:I}", "path", path, "uuid", uuid, "configured", r != NULL, "drain",
			 r && r->drain, "files", (json_int_t)files, "copies", (json_int_t)copies);
}

static const struct conf_root *configured(const struct conf *conf, const char *path)
{
	for (unsigned i = 0; i < conf->root_count; i++)
		if (strcmp(conf->roots[i].path, path) == 0)
			return &conf->roots[i];
	return NULL;
}

struct listing { json_t *list; const struct conf *conf; };

static int on_disk(void *arg, const struct catalog_disk *d)
{
	struct listing *l = arg;

	return json_array_append_new(l->list, disk_json(d->path, d->uuid, configured(l->conf, d->path), d->files, d->copies));
}

static bool is_listed(const json_t *list, const char *path)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
		if (strcmp(json_string_value(json_object_get(o, "path")), path) == 0)
			return true;
	return false;
}

int disk_list(struct call *c)
{
	struct listing l = {json_array(), c->api->deps.conf};
	struct catalog *cat = call_catalog(c);
	int rc = cat ? catalog_disks(cat, on_disk, &l) : -1;

	if (!cat || rc < 0) {
		json_decref(l.list);
		return cat ? call_broken(c, rc) : -1;
	}
	for (unsigned i = 0; i < l.conf->root_count; i++) /* never there so far */
		if (!is_listed(l.list, l.conf->roots[i].path))
			json_array_append_new(l.list, disk_json(l.conf->roots[i].path, NULL, &l.conf->roots[i], 0, 0));
	call_json(c, 200, json_pack("{s:o}", "disks", l.list));
	return 0;
}

static int order(struct call *c, const char *verb)
{
	json_t *body = call_body(c, "path reason");
	const char *path = body ? call_text(c, body, "path", PATH_MAX_BYTES, false) : NULL;
	const char *reason = path ? call_text(c, body, "reason", REASON_MAX, false) : NULL;
	int rc = reason ? call_command(c, verb, json_pack("{s:s, s:s}", "path", path, "reason", reason), 200) : -1;

	json_decref(body);
	return rc;
}

int disk_retire_post(struct call *c) { return order(c, "disk.retire"); }
int disk_replace_post(struct call *c) { return order(c, "disk.replace"); }
