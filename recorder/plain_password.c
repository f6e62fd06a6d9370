#include "recorder/plain_password.h"

#include "base/buf.h"
#include "base/log.h"
#include "recorder/camera_list.h"
#include "recorder/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *plain_password_path(const struct conf *conf)
{
	return xasprintf("%s/recorder/plain_password.json", conf->state);
}

static bool is_asked(const struct conf_camera *cam)
{
	return cam->username && !cam->plain_password && strncmp(cam->url, "rtsp://", 7) == 0;
}

static json_t *of_0_1(struct fs *fs, const struct conf *conf)
{
	json_t *known = chain_cameras_of_0_1(fs, conf->state), *list = json_array();

	for (unsigned i = 0; i < conf->camera_count; i++)
		if (is_asked(&conf->cameras[i]) && json_object_get(known, conf->cameras[i].id))
			json_array_append_new(list, json_string(conf->cameras[i].id));
	json_decref(known);
	return list;
}

json_t *plain_password_found(struct fs *fs, const struct conf *conf)
{
	char *path = plain_password_path(conf);
	json_t *list = NULL;

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		list = of_0_1(fs, conf);
		int rc = camera_list_make(fs, path, list);
		if (rc < 0)
			log_error("list", "path=%s error=\"%s\"", path, strerror(-rc));
	}
	free(path);
	return list;
}

json_t *plain_password_granted(struct fs *fs, const struct conf *conf)
{
	char *path = plain_password_path(conf);
	json_t *list = camera_list_read(fs, path), *granted = json_array(), *id;
	size_t i;

	json_array_foreach(list, i, id)
	{
		const struct conf_camera *cam = conf_camera_find(conf, json_string_value(id));
		if (cam && is_asked(cam))
			json_array_append(granted, id);
	}
	json_decref(list);
	free(path);
	return granted;
}
