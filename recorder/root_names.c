#include "recorder/root_names.h"

#include <string.h>

void root_names_init(struct root_names *n)
{
	n->uuids = json_object();
}

void root_names_finish(struct root_names *n)
{
	json_decref(n->uuids);
}

void root_names_set(struct root_names *n, const char *path, const char *uuid)
{
	json_object_set_new(n->uuids, path, json_string(uuid));
}

const char *root_names_get(const struct root_names *n, const char *path)
{
	const char *uuid = json_string_value(json_object_get(n->uuids, path));

	return uuid ? uuid : path;
}

static json_t *renamed(const struct root_names *n, json_t *durable)
{
	json_t *out = json_object(), *files;
	const char *path;

	json_object_foreach(durable, path, files)
		json_object_set(out, root_names_get(n, path), files);
	return out;
}

void root_names_apply(const struct root_names *n, const char *kind, json_t *record)
{
	json_t *root = json_object_get(record, "root"), *durable = json_object_get(record, "durable");

	if (json_is_string(root)) {
		if (strcmp(kind, "storage") == 0)
			json_object_set(record, "path", root);
		json_object_set_new(record, "root", json_string(root_names_get(n, json_string_value(root))));
	}
	if (json_is_object(durable))
		json_object_set_new(record, "durable", renamed(n, durable));
}
