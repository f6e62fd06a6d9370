#include "recorder/camera_list.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (64 << 10)

bool camera_list_is(const json_t *list)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, item)
		if (!json_is_string(item))
			return false;
	return true;
}

/* --- the file -------------------------------------------------------------------------------- */

json_t *camera_list_read(struct fs *fs, const char *path)
{
	char *data;
	size_t len;

	if (fs_read_all(fs, path, FILE_MAX_BYTES, &data, &len) < 0)
		return json_array();
	json_t *list = json_loadb(data, len, 0, NULL);
	free(data);
	if (camera_list_is(list))
		return list;
	json_decref(list);
	return json_array();
}

static int write_text(struct fs *fs, const char *path, const char *text)
{
	return text ? fs_replace(fs, path, text, strlen(text), 0640) : -ENOMEM;
}

int camera_list_make(struct fs *fs, const char *path, const json_t *cameras)
{
	char *text = json_dumps(cameras, JSON_COMPACT);
	int rc = write_text(fs, path, text);

	free(text);
	return rc;
}

static void do_write(uv_work_t *w)
{
	const struct camera_list *o = w->data;
	int rc = write_text(o->fs, o->path, o->text);

	if (rc < 0)
		log_warn("list", "path=%s error=\"%s\" note=\"what it says is not kept\"", o->path, strerror(-rc));
}

static void write_file(struct camera_list *o);

static void finish(struct camera_list *o)
{
	json_decref(o->cameras);
	free(o->path);
	o->cameras = NULL;
	o->path = NULL;
	o->closed(o->owner);
}

static void after_write(uv_work_t *w, int status)
{
	struct camera_list *o = w->data;

	(void)status; /* it is never cancelled */
	free(o->text);
	o->text = NULL;
	o->writing = false;
	if (o->dirty)
		write_file(o);
	else if (o->closing)
		finish(o);
}

static void write_file(struct camera_list *o)
{
	o->dirty = o->writing;
	if (o->writing)
		return;
	o->text = json_dumps(o->cameras, JSON_COMPACT);
	o->work.data = o;
	o->writing = uv_queue_work(o->loop, &o->work, do_write, after_write) == 0;
	if (o->writing)
		return;
	free(o->text);
	o->text = NULL;
}

/* --- asking and telling ------------------------------------------------------------------------ */

void camera_list_init(struct camera_list *o, uv_loop_t *loop, struct fs *fs, const char *path)
{
	*o = (struct camera_list){.loop = loop, .fs = fs, .path = xstrdup(path)};
	o->cameras = camera_list_read(fs, path);
}

bool camera_list_names(const json_t *list, const char *camera)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (strcmp(json_string_value(item), camera) == 0)
			return true;
	return false;
}

bool camera_list_has(const struct camera_list *o, const char *camera)
{
	return camera_list_names(o->cameras, camera);
}

void camera_list_take(struct camera_list *o, const json_t *cameras)
{
	if (o->closing || !camera_list_is(cameras) || json_equal(cameras, o->cameras))
		return;
	json_decref(o->cameras);
	o->cameras = json_deep_copy(cameras);
	write_file(o);
}

void camera_list_drop(struct camera_list *o, const char *camera)
{
	json_t *rest = json_array(), *item;
	size_t i;

	json_array_foreach(o->cameras, i, item)
		if (strcmp(json_string_value(item), camera) != 0)
			json_array_append(rest, item);
	camera_list_take(o, rest);
	json_decref(rest);
}

void camera_list_close(struct camera_list *o, void (*closed)(void *owner), void *owner)
{
	o->closing = true;
	o->closed = closed;
	o->owner = owner;
	if (!o->writing)
		finish(o);
}
