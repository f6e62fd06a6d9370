#include "control.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FPS_MIN 0.01
#define FPS_MAX 120.0
#define JUMP_MAX_S 1e6

/* One order for one camera. arg is NULL when the line had none. */
struct order {
	struct rtsp_server *srv;
	struct camera *cam;
	const char *arg;
	struct buf *answer; /* key=value pairs that follow the "ok" */
	struct err *e;
};

/* --- arguments -------------------------------------------------------------------- */

static int read_switch(const struct order *o, bool *on)
{
	if (!o->arg || (strcmp(o->arg, "on") != 0 && strcmp(o->arg, "off") != 0))
		return err_set(o->e, -EINVAL, "write \"on\" or \"off\" after the camera");
	*on = strcmp(o->arg, "on") == 0;
	return 0;
}

static int read_number(const struct order *o, double min, double max, double *out)
{
	char *end = NULL;
	double v = o->arg ? strtod(o->arg, &end) : NAN;

	if (!o->arg || end == o->arg || *end || !(v >= min && v <= max))
		return err_set(o->e, -EINVAL, "write a number from %g to %g after the camera", min, max);
	*out = v;
	return 0;
}

/* --- orders ------------------------------------------------------------------------ */

static int order_switch(const struct order *o, void (*set)(struct camera *cam, bool on))
{
	bool on;
	int rc = read_switch(o, &on);

	if (rc == 0)
		set(o->cam, on);
	return rc;
}

static int order_silent(const struct order *o)
{
	return order_switch(o, camera_set_silent);
}

static int order_mute(const struct order *o)
{
	return order_switch(o, camera_set_muted);
}

static int order_refuse(const struct order *o)
{
	return order_switch(o, camera_set_refused);
}

static int order_wrongauth(const struct order *o)
{
	return order_switch(o, camera_set_wrong_auth);
}

static int order_drop(const struct order *o)
{
	buf_printf(o->answer, " connections=%u", rtsp_server_drop(o->srv, o->cam));
	return 0;
}

static int order_slow(const struct order *o)
{
	double fps = o->cam->cfg.encoder.fps;
	bool off = o->arg && strcmp(o->arg, "off") == 0;
	int rc = off ? 0 : read_number(o, FPS_MIN, FPS_MAX, &fps);

	if (rc == 0)
		camera_set_fps(o->cam, fps);
	return rc;
}

static int order_jump(const struct order *o)
{
	double seconds;
	int rc = read_number(o, -JUMP_MAX_S, JUMP_MAX_S, &seconds);

	if (rc == 0)
		camera_jump(o->cam, seconds);
	return rc;
}

static int order_clock(const struct order *o)
{
	double seconds;
	int rc = read_number(o, -JUMP_MAX_S, JUMP_MAX_S, &seconds);

	if (rc == 0)
		camera_set_clock_off(o->cam, seconds);
	return rc;
}

static int order_params(const struct order *o)
{
	return camera_change_sets(o->cam, o->e);
}

static int order_stat(const struct order *o)
{
	const struct camera *cam = o->cam;
	unsigned viewers = 0;

	for (const struct camera_viewer *v = cam->viewers; v; v = v->next)
		viewers++;
	buf_printf(o->answer, " camera=%s frames=%" PRIu64 " bytes=%" PRIu64 " viewers=%u silent=%d "
		   "refused=%d wrongauth=%d fps=%.3f", cam->cfg.name, cam->frames, cam->bytes, viewers,
		   cam->silent, cam->refused, cam->wrong_auth, 1e6 / (double)cam->period_us);
	return 0;
}

/* --- lines -------------------------------------------------------------------------- */

static const struct { const char *name; int (*run)(const struct order *o); } orders[] = {
	{"silent", order_silent}, {"drop", order_drop},           {"refuse", order_refuse},
	{"slow", order_slow},     {"jump", order_jump},           {"wrongauth", order_wrongauth},
	{"params", order_params}, {"stat", order_stat},           {"mute", order_mute},
	{"clock", order_clock},
};

static int run_for_all(struct order *o, int (*run)(const struct order *o))
{
	bool on;
	int rc = 0;

	if (run == order_refuse) { /* not one camera but the port */
		rc = read_switch(o, &on);
		return rc ? rc : rtsp_server_refuse(o->srv, on, o->e);
	}
	for (unsigned i = 0; i < o->srv->camera_count && rc == 0; i++) {
		o->cam = &o->srv->cameras[i];
		rc = run(o);
	}
	return rc;
}

static int run_line(struct order *o, char *line)
{
	char *save = NULL;
	const char *verb = strtok_r(line, " \t\r", &save);
	const char *name = strtok_r(NULL, " \t\r", &save);

	o->arg = strtok_r(NULL, " \t\r", &save);
	if (!verb || !name || strtok_r(NULL, " \t\r", &save))
		return err_set(o->e, -EINVAL, "write: COMMAND CAMERA|all [ARGUMENT]");
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		if (strcmp(orders[i].name, verb) != 0)
			continue;
		if (strcmp(name, "all") == 0)
			return run_for_all(o, orders[i].run);
		o->cam = rtsp_server_camera(o->srv, name);
		return o->cam ? orders[i].run(o) : err_set(o->e, -ENOENT, "no camera %s", name);
	}
	return err_set(o->e, -EINVAL, "no command %s", verb);
}

bool control_execute(struct rtsp_server *srv, char *line, struct buf *answer)
{
	struct err e = {0};
	struct buf pairs = {0};
	struct order o = {.srv = srv, .answer = &pairs, .e = &e};
	bool ok = run_line(&o, line) == 0;

	if (ok) {
		buf_add_text(answer, "ok");
		buf_add(answer, pairs.data, pairs.len);
	} else {
		buf_printf(answer, "error %s", e.text);
	}
	buf_finish(&pairs);
	return ok;
}
