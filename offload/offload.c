#include "offload/offload_inner.h"

#include "base/buf.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define POLL_MS 2000
#define TELL_EVERY_MS 5000
#define TELL_PER_COST 50                /* counting what waits takes at most 2 % of the time */

enum { AWAY, IDLE, WORKING, TELLING, WAITING, CLOSING };

static const struct sm_state offload_states[] = {
	[AWAY]    = {"away",    SM_TO(IDLE) | SM_TO(CLOSING)},
	[IDLE]    = {"idle",    SM_TO(WORKING) | SM_TO(TELLING) | SM_TO(AWAY) | SM_TO(WAITING) | SM_TO(CLOSING)},
	[WORKING] = {"working", SM_TO(TELLING) | SM_TO(AWAY) | SM_TO(IDLE) | SM_TO(WAITING) | SM_TO(CLOSING)},
	[TELLING] = {"telling", SM_TO(IDLE) | SM_TO(AWAY) | SM_TO(WAITING) | SM_TO(CLOSING)},
	[WAITING] = {"waiting", SM_TO(IDLE) | SM_TO(AWAY) | SM_TO(CLOSING)},
	[CLOSING] = {"closing", 0},
};

static void next(struct offload *o);

/* --- how it stands ------------------------------------------------------------------------- */

static json_t *status_json(struct offload *o)
{
	struct catalog_object_sums sums = {0};
	char since[WALL_TEXT_MAX], oldest[WALL_TEXT_MAX];
	bool known = o->catalog && catalog_object_sums(o->catalog, &sums) == 0;
	const char *state = o->trouble != STORE_FINE ? "trouble" : sums.waiting ? "copying" : "idle";

	return json_pack("{ss ss ss ss* ss* ss* sI sI sI ss*}", "type", "offload", "place", o->place, "state", state,
			 "trouble", o->trouble ? store_trouble_name(o->trouble) : NULL, "problem",
			 o->trouble ? store_trouble_text(o->trouble) : NULL, "detail", o->trouble && o->why[0] ? o->why : NULL,
			 "copied", (json_int_t)o->copied, "copied_bytes", (json_int_t)o->copied_bytes, "waiting",
			 (json_int_t)sums.waiting, "oldest_waiting",
			 known && sums.waiting ? wall_format(sums.oldest, oldest) : NULL, "since", wall_format(o->since, since));
}

static void tell_status(struct offload *o)
{
	json_t *msg = status_json(o);

	link_send(&o->keeper, msg);
	json_decref(msg);
}

static void on_tell(uv_timer_t *t)
{
	struct offload *o = t->data;
	struct mono began = clock_mono(o->deps.clock);

	tell_status(o);
	int64_t cost_ms = (clock_mono(o->deps.clock).us - began.us) / US_PER_MS * TELL_PER_COST;
	uv_timer_start(t, on_tell, cost_ms > TELL_EVERY_MS ? (uint64_t)cost_ms : TELL_EVERY_MS, 0);
}

/* One line per change, not one per try. */
static void set_trouble(struct offload *o, enum store_trouble trouble)
{
	char quoted[CURL_ERROR_SIZE];
	bool changed = trouble != o->trouble;

	snprintf(o->why, sizeof o->why, "%s", trouble ? store_why(&o->store) : "");
	o->trouble = trouble;
	if (!changed)
		return;
	o->since = clock_wall(o->deps.clock);
	if (trouble)
		log_warn("offload", "state=trouble trouble=%s detail=\"%s\" text=\"%s\"", store_trouble_name(trouble),
			 log_quote(quoted, sizeof quoted, o->why), store_trouble_text(trouble));
	else
		log_info("offload", "state=copying place=%s", o->place);
	tell_status(o);
}

/* --- waiting ----------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *t)
{
	struct offload *o = t->data;

	if (o->sm.now == WAITING)
		sm_move(&o->sm, IDLE);
	if (o->sm.now == IDLE)
		next(o);
}

static void wait_and_retry(struct offload *o)
{
	sm_move(&o->sm, WAITING);
	uv_timer_start(&o->timer, on_timer, backoff_next_ms(&o->backoff), 0);
}

static void poll_later(struct offload *o)
{
	uv_timer_start(&o->timer, on_timer, POLL_MS, 0);
}

/* --- one job after another -------------------------------------------------------------------------- */

static void tell_keeper(struct offload *o, const char *verb, json_t *args)
{
	json_t *msg = json_pack("{ss sI ss so}", "type", "cmd", "id", (json_int_t)++o->command, "verb", verb, "args", args);

	sm_move(&o->sm, TELLING);
	link_send(&o->keeper, msg);
	json_decref(msg);
}

static void go_on(struct offload *o)
{
	sm_move(&o->sm, IDLE);
	next(o);
}

static void close_parts(struct offload *o);

/* What was found out while the keeper was away is found out again. */
static void after_work(uv_work_t *w, int status)
{
	struct offload *o = w->data;
	const char *verb = NULL;
	json_t *args = NULL;

	(void)status; /* it is never cancelled */
	o->working = false;
	enum store_trouble trouble = offload_done(o, &verb, &args);
	if (o->sm.now == CLOSING) {
		close_parts(o);
	} else if (!o->keeper.peer) {
		sm_move(&o->sm, AWAY);
		(void)offload_answered(o, 503);
	} else if (trouble != STORE_FINE) {
		set_trouble(o, trouble);
		wait_and_retry(o);
	} else if (verb) {
		backoff_reset(&o->backoff);
		set_trouble(o, STORE_FINE);
		tell_keeper(o, verb, args);
		return;
	} else {
		if (o->work != WORK_COPY)
			set_trouble(o, STORE_FINE);
		go_on(o);
	}
	json_decref(args);
}

static void do_work(uv_work_t *w)
{
	offload_do(w->data);
}

static void next(struct offload *o)
{
	const char *verb = NULL;
	json_t *args = NULL;
	int rc = offload_choose(o, &verb, &args);

	if (rc < 0) {
		wait_and_retry(o); /* the catalogue is not ready */
	} else if (rc == NEXT_COMMAND) {
		tell_keeper(o, verb, args);
	} else if (rc == NEXT_JOB) {
		sm_move(&o->sm, WORKING);
		o->working = uv_queue_work(o->deps.loop, &o->worker, do_work, after_work) == 0;
	} else {
		poll_later(o);
	}
}

/* --- the keeper ------------------------------------------------------------------------------------ */

static void on_up(struct link *l)
{
	struct offload *o = l->owner;

	if (o->sm.now != AWAY)
		return;
	sm_move(&o->sm, IDLE);
	tell_status(o);
	next(o);
}

/* A worker goes on; what it finds out is found out again. */
static void on_down(struct link *l)
{
	struct offload *o = l->owner;

	if (o->sm.now == CLOSING || o->sm.now == WORKING || o->sm.now == AWAY)
		return;
	if (o->sm.now == TELLING)
		(void)offload_answered(o, 503);
	uv_timer_stop(&o->timer);
	sm_move(&o->sm, AWAY);
}

static void on_msg(struct link *l, json_t *msg)
{
	struct offload *o = l->owner;

	if (o->sm.now != TELLING || strcmp(msg_type(msg), "reply") != 0 ||
	    json_integer_value(json_object_get(msg, "id")) != o->command)
		return;
	int status = (int)json_integer_value(json_object_get(msg, "status"));
	if (offload_answered(o, status))
		wait_and_retry(o);
	else
		go_on(o);
}

/* --- lifetime ---------------------------------------------------------------------------------------- */

struct offload *offload_create(const struct offload_deps *deps)
{
	struct offload *o = xcalloc(1, sizeof *o);

	o->deps = *deps;
	o->catalog_path = xstrdup(deps->catalog_path);
	o->place = conf_offload_place(&deps->conf->offload);
	o->since = clock_wall(deps->clock);
	o->worker.data = o;
	o->release.end.us = INT64_MIN;
	offload_begin_round(o);
	sm_init(&o->sm, offload_states, "offload", AWAY);
	backoff_init(&o->backoff, backoff_random, NULL);
	store_init(&o->store, &deps->conf->offload, deps->clock);
	uv_timer_init(deps->loop, &o->timer);
	uv_timer_init(deps->loop, &o->tell);
	o->timer.data = o->tell.data = o;
	o->told = json_object();
	uv_timer_start(&o->tell, on_tell, TELL_EVERY_MS, 0);
	o->keeper = (struct link){.self = CHANNEL_OFFLOADER, .other = CHANNEL_KEEPER, .loop = deps->loop, .owner = o, .on_msg = on_msg,
				  .on_up = on_up, .on_down = on_down};
	log_info("offload", "state=starting place=%s", o->place);
	return o;
}

void offload_take_channel(struct offload *o, int end)
{
	link_take(&o->keeper, end);
}

static void part_closed(struct offload *o)
{
	if (--o->open_parts > 0)
		return;
	void (*closed)(void *arg) = o->closed;
	void *arg = o->closed_arg;

	catalog_close(o->catalog);
	store_finish(&o->store);
	find_finish(&o->find);
	json_decref(o->told);
	free(o->catalog_path);
	free(o->place);
	free(o);
	closed(arg);
}

static void on_handle_closed(uv_handle_t *h) { part_closed(h->data); }

static void on_link_closed(struct link *l) { part_closed(l->owner); }

static void close_parts(struct offload *o)
{
	o->open_parts = 3;
	uv_close((uv_handle_t *)&o->timer, on_handle_closed);
	uv_close((uv_handle_t *)&o->tell, on_handle_closed);
	o->keeper.on_closed = on_link_closed;
	link_close(&o->keeper);
}

void offload_close(struct offload *o, void (*closed)(void *arg), void *arg)
{
	o->closed = closed;
	o->closed_arg = arg;
	sm_move(&o->sm, CLOSING);
	store_stop(&o->store);
	if (!o->working)
		close_parts(o);
}
