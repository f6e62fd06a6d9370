#include "recorder/refusal.h"

#include "recorder/camera_list.h"

void refusal_take(struct refusal *r, const json_t *cameras, struct mono now)
{
	if (!camera_list_is(cameras))
		return;
	json_decref(r->cameras);
	r->cameras = json_deep_copy(cameras);
	r->at = now;
}

bool refusal_has(const struct refusal *r, const char *camera, struct mono now)
{
	return now.us - r->at.us < REFUSAL_US && camera_list_names(r->cameras, camera);
}

void refusal_finish(struct refusal *r)
{
	json_decref(r->cameras);
	r->cameras = NULL;
}
