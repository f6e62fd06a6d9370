/* What recorder.c and member.c share: the recorder, and each of its cameras with what belongs to it. */
#pragma once
#include "recorder/camera.h"
#include "recorder/camera_list.h"
#include "recorder/clock_watch.h"
#include "recorder/recorder.h"
#include "recorder/refusal.h"
#include "recorder/storage.h"
#include "recorder/sub_stream.h"

struct member {                 /* a camera and what belongs to it */
	struct recorder *recorder;
	const struct conf_camera *conf;
	char *id;               /* outlives a configuration */
	struct camera *camera;
	struct outlet *outlet;
	struct sub_stream sub;
	const char *url;        /* of the configuration: what the camera was opened with */
	bool refused;           /* it is not recorded: the keeper's order, and it did send too much */
	bool changes_stream;    /* it was recording, and is made anew for its other stream */
	struct wall covered_until; /* by the camera before, when it is made anew */
	bool digest_seen;       /* by the camera object, or the one before of the same source */
	bool leaving;           /* removed, or to be made anew */
	const struct conf_camera *again; /* the configuration to make it anew with; NULL: removed */
	struct member *next;
};

struct recorder {
	uv_loop_t *loop;
	struct clock *clock;
	const struct conf *conf;
	struct storage *storage;
	struct link keeper;
	struct clock_watch watch;
	struct camera_list economy, plain;
	struct refusal refusal;
	unsigned lists_open;
	uv_timer_t tick;
	unsigned ticks;
	struct member *members;
	struct recorder_events events;
	void *owner;
	bool closing, storage_closed, link_closed, tick_closed;
};

/* One fact for the box, behind what each camera has to say of its own end by the old clock. */
void recorder_watch_clock(struct recorder *r);
void recorder_close_storage(struct recorder *r); /* if it is closing, and no member is left */

void member_add(struct recorder *r, const struct conf_camera *conf, unsigned index);
struct member *member_find(struct recorder *r, const char *id);
/* again: the configuration to make its camera anew with; NULL: it leaves. m may be NULL. */
void member_close(struct member *m, const struct conf_camera *again);
/* Its camera did not change, but its smaller stream may have: member_look_at_stream() sees it. conf may be NULL. */
void member_take_conf(struct member *m, const struct conf_camera *conf);
/* What is to be recorded may be another stream than what is: the keeper's order, or the configuration, has changed, or
 * the smaller one failed. The gap is what it takes to connect, and to the next key frame. Or nothing is to be recorded
 * of it for a while. */
void member_look_at_stream(struct member *m);
json_t *member_describe(const struct member *m); /* for people */
