#include "conf/conf_diff.h"

#include "base/buf.h"
#include "base/require.h"

#include <stdlib.h>

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void put(struct conf_cameras *list, const struct conf_camera *cam)
{
	list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
	list->items[list->count++] = cam;
}

static bool same_source(const struct conf_camera *a, const struct conf_camera *b)
{
	return same(a->url, b->url) && same(a->username, b->username) &&
	       same(a->password, b->password) && a->udp == b->udp && same(a->tls_ca, b->tls_ca) &&
	       same(a->tls_pin, b->tls_pin) && a->plain_password == b->plain_password;
}

static bool same_words(const struct conf_camera *a, const struct conf_camera *b)
{
	return same(a->name, b->name) && same(a->area, b->area);
}

static void compare_cameras(struct conf_diff *d, const struct conf *old_conf,
                            const struct conf *new_conf)
{
	for (unsigned i = 0; i < new_conf->camera_count; i++) {
		const struct conf_camera *now = &new_conf->cameras[i];
		const struct conf_camera *was = conf_camera_find(old_conf, now->id);
		if (!was)
			put(&d->added, now);
		else if (!same_source(was, now) || old_conf->audio != new_conf->audio)
			put(&d->changed, now);
		d->other |= was && !same_words(was, now);
	}
	for (unsigned i = 0; i < old_conf->camera_count; i++)
		if (!conf_camera_find(new_conf, old_conf->cameras[i].id))
			put(&d->removed, &old_conf->cameras[i]);
}

/* The api's part holds everything but the cameras' sources; the digest changes with a comment; sound is
 * the cameras' affair. */
static json_t *all_but_cameras(const struct conf *c)
{
	json_t *part = conf_part(c, CONF_API);

	REQUIRE(part != NULL);
	json_object_del(part, "cameras");
	json_object_del(part, "digest");
	json_object_del(part, "audio");
	return part;
}

void conf_diff(struct conf_diff *d, const struct conf *old_conf, const struct conf *new_conf)
{
	json_t *was = all_but_cameras(old_conf), *now = all_but_cameras(new_conf);

	*d = (struct conf_diff){.other = !json_equal(was, now)};
	compare_cameras(d, old_conf, new_conf);
	json_decref(was);
	json_decref(now);
}

bool conf_diff_is_empty(const struct conf_diff *d)
{
	return !d->added.count && !d->removed.count && !d->changed.count && !d->other;
}

void conf_diff_finish(struct conf_diff *d)
{
	free(d->added.items);
	free(d->removed.items);
	free(d->changed.items);
	*d = (struct conf_diff){0};
}

static bool same_paths(const struct conf *a, const struct conf *b)
{
	if (a->root_count != b->root_count)
		return false;
	for (unsigned i = 0; i < a->root_count; i++)
		if (strcmp(a->roots[i].path, b->roots[i].path) != 0)
			return false;
	return true;
}

bool conf_needs_restart(const struct conf *old_conf, const struct conf *new_conf, enum conf_role role)
{
	static const char *const keys[][4] = {
		[CONF_RECORDER] = {"roots"}, [CONF_API] = {"listens", "regulator"}, [CONF_OFFLOADER] = {"offload", "rule"}};
	json_t *was = conf_part(old_conf, role), *now = conf_part(new_conf, role);
	bool differs = strcmp(old_conf->site.id, new_conf->site.id) != 0 || !same_paths(old_conf, new_conf);

	for (int i = 0; role < sizeof keys / sizeof *keys && i < 4 && keys[role][i]; i++) {
		const json_t *a = json_object_get(was, keys[role][i]), *b = json_object_get(now, keys[role][i]);
		differs |= (a || b) && !json_equal(a, b);
	}
	json_decref(was);
	json_decref(now);
	return differs || (role == CONF_RECORDER && conf_wants_udp(new_conf) && !conf_wants_udp(old_conf));
}
