#include "offload/offload.h"

#include "base/backoff.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/peer.h"
#include "base/sm.h"
#include "offload/copy.h"

#include <stdlib.h>
#include <string.h>

#define POLL_MS 2000
#define TELL_EVERY_MS 5000
#define TELL_PER_COST 50                /* counting what waits takes at most 2 % of the time */
#define ROUND_US (600 * US_PER_S)

enum { AWAY, IDLE, COPYING, TELLING, WAITING, CLOSING };

static const struct sm_state offload_states[] = {
	[AWAY]    = {"away",    SM_TO(IDLE) | SM_TO(CLOSING)},
	[IDLE]    = {"idle",    SM_TO(COPYING) | SM_TO(AWAY) | SM_TO(WAITING) | SM_TO(CLOSING)},
	[COPYING] = {"copying", SM_TO(TELLING) | SM_TO(AWAY) | SM_TO(IDLE) | SM_TO(WAITING) | SM_TO(CLOSING)},
	[TELLING] = {"telling", SM_TO(IDLE) | SM_TO(AWAY) | SM_TO(WAITING) | SM_TO(CLOSING)},
	[WAITING] = {"waiting", SM_TO(IDLE) | SM_TO(AWAY) | SM_TO(CLOSING)},
	[CLOSING] = {"closing", 0},
};

struct place_in_queue { struct wall start; char camera[CATALOG_ID_MAX]; };

struct offload {
	struct offload_deps deps;
	char *catalog_path, *place;
	struct catalog *catalog;        /* NULL until it could be opened */
	struct link keeper;
	struct sm sm;
	struct store store;
	struct copy_job job;
	uv_work_t work;
	uv_timer_t timer;               /* poll, or back-off */
	uv_timer_t tell;                /* how it stands, for people */
	struct backoff backoff;
	struct place_in_queue copy, removal; /* passed over up to here, in this round */
	struct mono round_began;
	json_t *told;                   /* keys that are passed over, and that was logged */
	bool working;                   /* a worker has the job */
	bool bucket_known;
	enum store_trouble trouble;     /* the last one told */
	char why[CURL_ERROR_SIZE];
	struct wall since;              /* of trouble, or of its end */
	int64_t command;                /* id of the one that waits for its answer */
	int64_t copied, copied_bytes;   /* since the start */
	int open_parts;
	void (*closed)(void *arg);
	void *closed_arg;
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

/* --- one segment --------------------------------------------------------------------------------- */

static void tell_keeper(struct offload *o)
{
	const struct object_kept k = copy_job_object(&o->job, o->place);
	json_t *msg = json_pack("{ss sI ss so}", "type", "cmd", "id", (json_int_t)++o->command, "verb",
				o->job.remove ? "object.drop" : "object.keep", "args", object_kept_json(&k));

	sm_move(&o->sm, TELLING);
	link_send(&o->keeper, msg);
	json_decref(msg);
}

static void pass_over(struct offload *o, const char *why)
{
	if (!json_object_get(o->told, o->job.key))
		log_warn("offload", "camera=%s key=%s text=\"passed over: %s\"", o->job.camera, o->job.key, why);
	json_object_set_new(o->told, o->job.key, json_true());
	struct place_in_queue *p = o->job.remove ? &o->removal : &o->copy;

	p->start = o->job.start;
	memcpy(p->camera, o->job.camera, sizeof p->camera);
	sm_move(&o->sm, IDLE);
	next(o);
}

static void copied(struct offload *o)
{
	if (o->job.sent) {
		o->copied++;
		o->copied_bytes += o->job.bytes;
	}
	json_object_del(o->told, o->job.key);
	backoff_reset(&o->backoff);
	set_trouble(o, STORE_FINE);
	tell_keeper(o);
}

static void close_parts(struct offload *o);

static void after_copy(uv_work_t *w, int status)
{
	struct offload *o = w->data;

	(void)status; /* it is never cancelled */
	o->working = false;
	copy_job_finish(&o->job);
	if (o->sm.now == CLOSING) {
		close_parts(o);
		return;
	}
	o->bucket_known = o->job.bucket_known && o->job.trouble == STORE_FINE;
	if (!o->keeper.peer) {
		sm_move(&o->sm, AWAY);
	} else if (o->job.remove && o->job.bucket_known && o->job.trouble != STORE_AWAY && o->job.trouble != STORE_FINE) {
		pass_over(o, "the store does not delete it yet");
	} else if (o->job.trouble != STORE_FINE) {
		set_trouble(o, o->job.trouble);
		wait_and_retry(o);
	} else if (o->job.local < 0) {
		pass_over(o, "the file here cannot be read, or is not what the catalogue says");
	} else {
		copied(o);
	}
}

static void do_copy(uv_work_t *w)
{
	struct offload *o = w->data;

	copy_run(&o->job);
}

static void begin_job(struct offload *o)
{
	o->job = (struct copy_job){.store = &o->store, .fs = o->deps.fs, .site = o->deps.conf->site.id,
				   .floor_days = o->deps.conf->rule.floor_days, .bucket_known = o->bucket_known};
}

static int take_object(void *arg, const struct catalog_object *row)
{
	struct offload *o = arg;

	begin_job(o);
	copy_job_init(&o->job, row);
	return 1;
}

static int take_removal(void *arg, const struct object_kept *row)
{
	struct offload *o = arg;

	begin_job(o);
	copy_job_init_removal(&o->job, row);
	return 1;
}

static int find_next(struct offload *o)
{
	struct err e;
	int rc = o->catalog ? 0 : catalog_open(o->catalog_path, &o->catalog, &e);

	if (rc == 0)
		rc = catalog_objects_doomed(o->catalog, o->place, clock_wall(o->deps.clock), o->removal.start, o->removal.camera, 1,
					    take_removal, o);
	return rc != 0 ? rc : catalog_objects_waiting(o->catalog, o->copy.start, o->copy.camera, 1, take_object, o);
}

/* What was passed over in this round is asked for again in the next. */
static void begin_again(struct offload *o)
{
	o->copy = o->removal = (struct place_in_queue){.start = {INT64_MIN}};
	o->round_began = clock_mono(o->deps.clock);
}

static void next(struct offload *o)
{
	int rc = find_next(o);

	if (rc < 0) {
		wait_and_retry(o); /* the catalogue is not ready */
	} else if (rc > 0) {
		sm_move(&o->sm, COPYING);
		o->working = uv_queue_work(o->deps.loop, &o->work, do_copy, after_copy) == 0;
	} else {
		if (clock_mono(o->deps.clock).us - o->round_began.us > ROUND_US)
			begin_again(o);
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

	if (o->sm.now == CLOSING || o->sm.now == COPYING || o->sm.now == AWAY)
		return;
	uv_timer_stop(&o->timer);
	sm_move(&o->sm, AWAY);
}

static void on_msg(struct link *l, json_t *msg)
{
	struct offload *o = l->owner;

	if (o->sm.now != TELLING || strcmp(msg_type(msg), "reply") != 0 ||
	    json_integer_value(json_object_get(msg, "id")) != o->command)
		return;
	json_int_t status = json_integer_value(json_object_get(msg, "status"));
	if (status >= 500) {
		wait_and_retry(o);
	} else if (status >= 300) {
		pass_over(o, "the keeper does not take it");
	} else {
		sm_move(&o->sm, IDLE);
		next(o);
	}
}

/* --- lifetime ---------------------------------------------------------------------------------------- */

struct offload *offload_create(const struct offload_deps *deps)
{
	struct offload *o = xcalloc(1, sizeof *o);

	o->deps = *deps;
	o->catalog_path = xstrdup(deps->catalog_path);
	o->place = conf_offload_place(&deps->conf->offload);
	o->since = clock_wall(deps->clock);
	o->work.data = o;
	begin_again(o);
	sm_init(&o->sm, offload_states, "offload", AWAY);
	backoff_init(&o->backoff, backoff_random, NULL);
	store_init(&o->store, &deps->conf->offload, deps->clock);
	uv_timer_init(deps->loop, &o->timer);
	uv_timer_init(deps->loop, &o->tell);
	o->timer.data = o->tell.data = o;
	o->told = json_object();
	uv_timer_start(&o->tell, on_tell, TELL_EVERY_MS, 0);
	o->keeper = (struct link){.owner = o, .on_msg = on_msg, .on_up = on_up, .on_down = on_down};
	link_open(&o->keeper, deps->loop, deps->keeper_socket);
	log_info("offload", "state=starting place=%s", o->place);
	return o;
}

static void part_closed(struct offload *o)
{
	if (--o->open_parts > 0)
		return;
	void (*closed)(void *arg) = o->closed;
	void *arg = o->closed_arg;

	catalog_close(o->catalog);
	store_finish(&o->store);
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
