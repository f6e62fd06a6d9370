#include "recorder/recorder.h"

#include "base/log.h"
#include "conf/conf_diff.h"
#include "recorder/backoff.h"
#include "recorder/camera.h"
#include "recorder/clock_watch.h"
#include "recorder/storage.h"

#include <stdlib.h>

#define TICK_MS 200
#define LIVE_EVERY_TICKS 10
#define STAGGER_START_MS 50     /* between two cameras' first connections */

struct member {                 /* a camera and what belongs to it */
	struct recorder *recorder;
	const struct conf_camera *conf;
	char *id;               /* outlives a configuration */
	struct camera *camera;
	struct outlet *outlet;
	struct wall covered_until; /* by the camera before, when it is made anew */
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
	uv_timer_t tick;
	unsigned ticks;
	struct member *members;
	struct recorder_events events;
	void *owner;
	bool closing, storage_closed, link_closed, tick_closed;
};

/* --- facts and hints ------------------------------------------------------------------- */

static void hint(struct recorder *r, json_t *msg)
{
	link_send(&r->keeper, msg);
	json_decref(msg);
}

static void watch_clock(struct recorder *r);

/* A run that began by a clock that was set is told of behind the clock. */
static void on_up(void *owner, struct camera *cam, struct wall start, const uint8_t run[UUID_BYTES])
{
	struct member *m = owner;
	char run_text[UUID_TEXT_MAX];

	watch_clock(m->recorder);
	uuid_format(run, run_text);
	storage_journal(m->recorder->storage, "up",
			json_pack("{s:s, s:I, s:s}", "camera", camera_id(cam), "start", (json_int_t)start.us, "run",
				  run_text));
}

static void on_down(void *owner, struct camera *cam, struct wall since, enum gap_cause cause, const char *detail)
{
	struct member *m = owner;

	storage_journal(m->recorder->storage, "down",
			json_pack("{s:s, s:I, s:s, s:s}", "camera", camera_id(cam), "since", (json_int_t)since.us,
				  "cause", gap_cause_name(cause), "detail", detail ? detail : ""));
}

static void on_sealed(void *owner, const char *camera)
{
	hint(owner, json_pack("{s:s, s:s}", "type", "segment", "camera", camera));
}

static void on_journaled(void *owner)
{
	hint(owner, json_pack("{s:s}", "type", "journal"));
}

static void on_keeper_msg(struct link *l, json_t *msg)
{
	struct recorder *r = l->owner;
	const char *file = json_string_value(json_object_get(msg, "file"));

	if (strcmp(msg_type(msg), "journal_seen") == 0 && file && !r->closing)
		storage_journal_prune(r->storage, file);
}

static json_t *describe(const struct member *m)
{
	struct camera_status s;
	char since[WALL_TEXT_MAX];

	camera_status(m->camera, &s);
	json_t *o = json_pack("{s:s, s:s, s:s, s:f, s:f, s:I, s:I}", "state", camera_view_name(s.view), "activity",
			      s.activity, "since", wall_format(s.since, since), "fps", s.stats.fps, "bitrate_bps",
			      s.stats.bits_per_s, "frames", (json_int_t)s.stats.frames, "lost_packets",
			      (json_int_t)s.stats.lost_packets);
	if (s.view == CAMERA_DOWN) {
		json_object_set_new(o, "cause", json_string(gap_cause_name(s.cause)));
		json_object_set_new(o, "detail", json_string(s.detail));
	}
	if (s.stats.camera_clock_known)
		json_object_set_new(o, "clock_error_ms", json_real((double)s.stats.camera_clock_error_us / 1000.0));
	return o;
}

static void tell_live(struct recorder *r)
{
	json_t *cameras = json_object();

	for (struct member *m = r->members; m; m = m->next)
		if (!m->leaving)
			json_object_set_new(cameras, m->id, describe(m));
	hint(r, json_pack("{s:s, s:o}", "type", "live", "cameras", cameras));
}

/* One fact for the box, behind what each camera has to say of its own end by the old clock. */
static void watch_clock(struct recorder *r)
{
	int64_t step_us = clock_watch_look(&r->watch, r->clock);

	if (step_us == 0)
		return;
	log_warn("clock", "step_ms=%lld", (long long)(step_us / US_PER_MS));
	for (struct member *m = r->members; m; m = m->next)
		if (m->camera)
			camera_tick(m->camera);
	storage_journal(r->storage, "clock",
			json_pack("{s:I, s:b}", "step_us", (json_int_t)step_us, "synced", (int)r->clock->synced(r->clock)));
}

static void on_tick(uv_timer_t *t)
{
	struct recorder *r = t->data;

	watch_clock(r);
	if (++r->ticks % LIVE_EVERY_TICKS == 0)
		tell_live(r);
}

/* --- members --------------------------------------------------------------------------- */

static void on_camera_closed(void *owner, struct camera *cam);
static void maybe_close_storage(struct recorder *r);

static const struct camera_events camera_events = {on_up, on_down, on_camera_closed};

/* Segments of different cameras end at different times, so that a disk has no rush hour. */
static int64_t stagger_us(const struct recorder *r, unsigned index)
{
	unsigned count = r->conf->camera_count ? r->conf->camera_count : 1;

	return r->conf->segment_us / 2 * index / count;
}

static void open_camera(struct member *m, unsigned index)
{
	struct recorder *r = m->recorder;
	const struct camera_world world = {r->loop, r->clock, camera_parts_real(), backoff_random, NULL};
	const struct camera_conf conf = {
		.site = r->conf->site.id, .id = m->id,
		.target = {.url = m->conf->url, .username = m->conf->username, .password = m->conf->password,
			   .udp = m->conf->udp, .tls_ca = m->conf->tls_ca, .tls_pin = m->conf->tls_pin,
			   .audio = r->conf->audio},
		.segment_us = r->conf->segment_us, .gap_after_us = r->conf->gap_after_us,
		.stagger_us = stagger_us(r, index), .start_delay_ms = index * STAGGER_START_MS,
		.added = clock_wall(r->clock), .covered_until = m->covered_until};

	m->camera = camera_create(&world, &conf, m->outlet, &camera_events, m);
}

static void add_member(struct recorder *r, const struct conf_camera *conf, unsigned index)
{
	struct member *m = xcalloc(1, sizeof *m);

	*m = (struct member){.recorder = r, .conf = conf, .id = xstrdup(conf->id), .next = r->members};
	m->outlet = storage_outlet_create(r->storage, m->id);
	r->members = m;
	open_camera(m, index);
}

static struct member *find_member(struct recorder *r, const char *id)
{
	struct member *m = r->members;

	while (m && strcmp(m->id, id) != 0)
		m = m->next;
	return m;
}

static void remove_member(struct member *m)
{
	struct member **at = &m->recorder->members;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	storage_outlet_destroy(m->outlet);
	free(m->id);
	free(m);
}

static void on_camera_closed(void *owner, struct camera *cam)
{
	struct member *m = owner;
	struct recorder *r = m->recorder;
	const struct conf_camera *again = r->closing ? NULL : m->again;

	m->camera = NULL;
	if (again) {
		camera_covered_until(cam, &m->covered_until);
		m->conf = again;
		m->again = NULL;
		m->leaving = false;
		open_camera(m, 0);
		return;
	}
	remove_member(m);
	maybe_close_storage(r);
}

static void close_member(struct member *m, const struct conf_camera *again)
{
	if (!m)
		return; /* the configuration knows a camera that we do not have */
	m->again = again;
	if (!m->leaving)
		camera_close(m->camera);
	m->leaving = true;
}

/* --- life -------------------------------------------------------------------------------- */

static void maybe_closed(struct recorder *r)
{
	if (!r->storage_closed || !r->link_closed || !r->tick_closed)
		return;
	struct recorder_events events = r->events;
	void *owner = r->owner;

	storage_destroy(r->storage);
	free(r);
	events.closed(owner);
}

static void on_storage_closed(void *owner)
{
	struct recorder *r = owner;

	r->storage_closed = true;
	link_close(&r->keeper); /* the last hints went first */
}

static void on_link_closed(struct link *l)
{
	struct recorder *r = l->owner;

	r->link_closed = true;
	maybe_closed(r);
}

static void on_tick_closed(uv_handle_t *h)
{
	struct recorder *r = h->data;

	r->tick_closed = true;
	maybe_closed(r);
}

static void maybe_close_storage(struct recorder *r)
{
	if (r->closing && !r->members)
		storage_close(r->storage);
}

static void on_storage_fatal(void *owner, const char *text)
{
	struct recorder *r = owner;

	r->events.fatal(r->owner, text);
}

static void on_root_state(void *owner, const char *root, const char *state, const char *error)
{
	char quoted[200];

	(void)owner;
	log_line(strcmp(state, "ok") == 0 ? LOG_INFO : LOG_ERROR, "root", "path=%s state=%s error=\"%s\"", root, state,
		 log_quote(quoted, sizeof quoted, error ? error : ""));
}

static void on_recovered(void *owner)
{
	(void)owner;
	log_info("recovered", "text=\"what the last run left is sealed\"");
}

static const struct storage_events storage_events = {
	.sealed = on_sealed, .journaled = on_journaled, .root_state = on_root_state, .recovered = on_recovered,
	.fatal = on_storage_fatal, .closed = on_storage_closed};

int recorder_create(uv_loop_t *loop, struct fs *fs, struct clock *clock, const struct conf *conf,
		    struct seal_keys *keys, const char *keeper_socket, const struct recorder_events *events,
		    void *owner, struct recorder **out, struct err *e)
{
	struct recorder *r = xcalloc(1, sizeof *r);

	*r = (struct recorder){.loop = loop, .clock = clock, .conf = conf, .events = *events, .owner = owner};
	int rc = storage_create(loop, fs, clock, conf, keys, &storage_events, r, &r->storage, e);
	if (rc < 0) {
		free(r);
		return rc;
	}
	r->keeper = (struct link){.owner = r, .on_msg = on_keeper_msg, .on_closed = on_link_closed};
	link_open(&r->keeper, loop, keeper_socket);
	clock_watch_init(&r->watch, clock);
	uv_timer_init(loop, &r->tick);
	r->tick.data = r;
	uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS);
	for (unsigned i = 0; i < conf->camera_count; i++)
		add_member(r, &conf->cameras[i], i);
	*out = r;
	return 0;
}

void recorder_reload(struct recorder *r, const struct conf *conf)
{
	struct conf_diff d;

	conf_diff(&d, r->conf, conf);
	for (unsigned i = 0; i < d.removed.count; i++)
		close_member(find_member(r, d.removed.items[i]->id), NULL);
	for (unsigned i = 0; i < d.changed.count; i++)
		close_member(find_member(r, d.changed.items[i]->id), d.changed.items[i]);
	for (unsigned i = 0; i < d.added.count; i++) {
		struct member *m = find_member(r, d.added.items[i]->id);
		if (m)
			m->again = d.added.items[i]; /* it is still leaving: come back at once */
		else
			add_member(r, d.added.items[i], i);
	}
	log_info("reload", "added=%u removed=%u changed=%u", d.added.count, d.removed.count, d.changed.count);
	if (d.other)
		log_warn("reload", "text=\"what is not a camera counts at the next start of the recorder\"");
	conf_diff_finish(&d);
	r->conf = conf;
}

void recorder_key_changed(struct recorder *r)
{
	storage_key_changed(r->storage);
}

void recorder_close(struct recorder *r)
{
	if (r->closing)
		return;
	r->closing = true;
	uv_close((uv_handle_t *)&r->tick, on_tick_closed);
	for (struct member *m = r->members; m; m = m->next)
		close_member(m, NULL);
	maybe_close_storage(r);
}
