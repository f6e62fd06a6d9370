#include "recorder/economy_order.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (64 << 10)

static bool is_list_of_texts(const json_t *list)
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

static json_t *read_file(const struct economy_order *o)
{
	char *data;
	size_t len;

	if (fs_read_all(o->fs, o->path, FILE_MAX_BYTES, &data, &len) < 0)
		return json_array();
	json_t *list = json_loadb(data, len, 0, NULL);
	free(data);
	if (is_list_of_texts(list))
		return list;
	json_decref(list);
	return json_array();
}

static void do_write(uv_work_t *w)
{
	const struct economy_order *o = w->data;
	int rc = o->text ? fs_replace(o->fs, o->path, o->text, strlen(o->text), 0640) : -ENOMEM;

	if (rc < 0)
		log_warn("economy", "text=\"the order is not kept: %s\"", strerror(-rc));
}

static void write_file(struct economy_order *o);

static void finish(struct economy_order *o)
{
	json_decref(o->cameras);
	free(o->path);
	o->cameras = NULL;
	o->path = NULL;
	o->closed(o->owner);
}

static void after_write(uv_work_t *w, int status)
{
	struct economy_order *o = w->data;

	(void)status; /* it is never cancelled */
	free(o->text);
	o->text = NULL;
	o->writing = false;
	if (o->dirty)
		write_file(o);
	else if (o->closing)
		finish(o);
}

static void write_file(struct economy_order *o)
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

void economy_order_init(struct economy_order *o, uv_loop_t *loop, struct fs *fs, const char *state)
{
	*o = (struct economy_order){.loop = loop, .fs = fs, .path = xasprintf("%s/economy.json", state)};
	o->cameras = read_file(o);
}

bool economy_order_wants(const struct economy_order *o, const char *camera)
{
	const json_t *item;
	size_t i;

	json_array_foreach(o->cameras, i, item)
		if (strcmp(json_string_value(item), camera) == 0)
			return true;
	return false;
}

void economy_order_take(struct economy_order *o, const json_t *cameras)
{
	if (o->closing || !is_list_of_texts(cameras) || json_equal(cameras, o->cameras))
		return;
	json_decref(o->cameras);
	o->cameras = json_deep_copy(cameras);
	write_file(o);
}

void economy_order_close(struct economy_order *o, void (*closed)(void *owner), void *owner)
{
	o->closing = true;
	o->closed = closed;
	o->owner = owner;
	if (!o->writing)
		finish(o);
}
