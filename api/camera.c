/* GET /cameras and /cameras/{id}: what the catalogue knows, with what the recorder last said. */
#include "live.h"
#include "router.h"

#include <errno.h>

static json_t *camera_json(const struct api *a, const struct catalog_camera *row)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "id", row->id, "name", row->name, "area", row->area);
	struct live live;

	json_object_set_new(o, "configured_at", json_time(row->configured_at));
	json_object_set_new(o, "enrolled_at", json_time_or_null(row->enrolled, row->enrolled_at));
	json_object_set_new(o, "retired_at", json_time_or_null(row->retired, row->retired_at));
	json_object_set_new(o, "oldest", json_time_or_null(row->has_footage, row->oldest));
	json_object_set_new(o, "newest", json_time_or_null(row->has_footage, row->newest));
	json_object_set_new(o, "bytes", json_integer((json_int_t)row->bytes));
	json_object_set_new(o, "stored_bytes", json_integer((json_int_t)row->stored_bytes));
	live_of(a, row, &live);
	live_add(&live, o);
	return o;
}

struct listing { struct api *api; json_t *list; };

static int on_camera(void *arg, const struct catalog_camera *row)
{
	struct listing *l = arg;

	return json_array_append_new(l->list, camera_json(l->api, row));
}

static int collect(struct call *c, const char *id, json_t **list)
{
	struct listing l = {c->api, json_array()};
	struct catalog *cat = call_catalog(c);
	int rc = cat ? catalog_cameras(cat, id, on_camera, &l) : -EAGAIN;

	*list = l.list;
	if (rc == 0 || rc == -ENOENT)
		return 0;
	json_decref(l.list);
	return call_broken(c, rc);
}

int camera_list(struct call *c)
{
	json_t *list;

	if (collect(c, NULL, &list) < 0)
		return -1;
	call_json(c, 200, json_pack("{s:o}", "cameras", list));
	return 0;
}

int camera_get(struct call *c)
{
	json_t *list, *one;

	if (collect(c, c->id, &list) < 0)
		return -1;
	one = json_incref(json_array_get(list, 0));
	json_decref(list);
	if (!one)
		return call_absent(c, "没有摄像机 {}", "there is no camera {}");
	call_json(c, 200, one);
	return 0;
}
