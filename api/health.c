/* /healthz: this process answers. /readyz: it can answer from the catalogue, and something is recorded. */
#include "call.h"
#include "live.h"
#include "router.h"

#include <errno.h>

int health_alive(struct call *c)
{
	call_bytes(c, 200, "text/plain; charset=utf-8", NULL, "ok\n", 3);
	return 0;
}

struct look { struct api *api; unsigned cameras, recording; };

static int look_at(void *arg, const struct catalog_camera *row)
{
	struct look *l = arg;
	struct live live;

	live_of(l->api, row, &live);
	l->cameras += !row->retired;
	l->recording += live_is_recording(&live);
	return 0;
}

/* Public: so no camera is named. */
static int nothing_is_recorded(struct call *c, const struct look *l)
{
	if (!live_is_heard(l->api))
		problem_set(&c->problem, 503, NULL, NULL, "3 秒以上没有录像进程的消息，不能说正在录像。",
			    "The recorder has not been heard of for 3 s: nobody can say that anything is recorded.");
	else
		problem_set(&c->problem, 503, NULL, NULL, "没有一台摄像机正在录像。", "No camera is being recorded.");
	problem_add(&c->problem, "reason", json_string("nothing_recorded"));
	return -1;
}

int health_ready(struct call *c)
{
	char value[32];
	struct catalog *cat = call_catalog(c);
	int rc = cat ? catalog_state(cat, "settled_at", value, sizeof value) : 0;

	if (!cat)
		return -1;
	if (rc < 0 && rc != -ENOENT)
		return call_broken(c, rc);
	struct look l = {.api = c->api};
	rc = catalog_cameras(cat, NULL, look_at, &l);
	if (rc < 0)
		return call_broken(c, rc);
	if (l.cameras > 0 && l.recording == 0)
		return nothing_is_recorded(c, &l);
	call_bytes(c, 200, "text/plain; charset=utf-8", NULL, "ready\n", 6);
	return 0;
}
