#include "recorder/recorder_inner.h"

#include "base/buf.h"
#include "base/log.h"
#include "conf/conf_diff.h"
#include "recorder/plain_password.h"

#include <stdlib.h>

#define TICK_MS 200
#define LIVE_EVERY_TICKS 5 /* the api believes it for 3 s (api/live.h) */
#define STREAMS_EVERY_TICKS 5

/* --- facts and hints ------------------------------------------------------------------- */

static void hint(struct recorder *r, json_t *msg)
{
	link_send(&r->keeper, msg);
	json_decref(msg);
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

	if (r->closing)
		return;
	if (strcmp(msg_type(msg), "journal_seen") == 0 && file)
		storage_journal_prune(r->storage, file);
	if (strcmp(msg_type(msg), "economy") == 0) {
		camera_list_take(&r->economy, json_object_get(msg, "cameras"));
		refusal_take(&r->refusal, json_object_get(msg, "refused"), clock_mono(r->clock));
	}
}

static void tell_live(struct recorder *r)
{
	json_t *cameras = json_object();

	for (struct member *m = r->members; m; m = m->next)
		if (!m->leaving)
			json_object_set_new(cameras, m->id, member_describe(m));
	hint(r, json_pack("{s:s, s:o}", "type", "live", "cameras", cameras));
}

void recorder_watch_clock(struct recorder *r)
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

static void look_at_streams(struct recorder *r)
{
	for (struct member *m = r->members; m; m = m->next)
		if (!m->leaving)
			member_look_at_stream(m);
}

static void on_tick(uv_timer_t *t)
{
	struct recorder *r = t->data;

	recorder_watch_clock(r);
	if (++r->ticks % LIVE_EVERY_TICKS == 0)
		tell_live(r);
	if (r->ticks % STREAMS_EVERY_TICKS == 0)
		look_at_streams(r);
}

/* --- life -------------------------------------------------------------------------------- */

static void maybe_closed(struct recorder *r)
{
	if (!r->storage_closed || !r->link_closed || !r->tick_closed || r->lists_open)
		return;
	struct recorder_events events = r->events;
	void *owner = r->owner;

	storage_destroy(r->storage);
	refusal_finish(&r->refusal);
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

static void on_list_closed(void *owner)
{
	struct recorder *r = owner;

	r->lists_open--;
	maybe_closed(r);
}

static void on_tick_closed(uv_handle_t *h)
{
	struct recorder *r = h->data;

	r->tick_closed = true;
	maybe_closed(r);
}

void recorder_close_storage(struct recorder *r)
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

static void open_list(struct recorder *r, struct camera_list *list, struct fs *fs, char *path)
{
	camera_list_init(list, r->loop, fs, path);
	r->lists_open++;
	free(path);
}

static void open_lists(struct recorder *r, struct fs *fs)
{
	open_list(r, &r->economy, fs, xasprintf("%s/recorder/economy.json", r->conf->state));
	open_list(r, &r->plain, fs, plain_password_path(r->conf));
}

int recorder_create(uv_loop_t *loop, struct fs *fs, struct clock *clock, const struct conf *conf,
		    struct seal_keys *keys, const struct recorder_events *events, void *owner,
		    struct recorder **out, struct err *e)
{
	struct recorder *r = xcalloc(1, sizeof *r);

	*r = (struct recorder){.loop = loop, .clock = clock, .conf = conf, .events = *events, .owner = owner};
	json_t *granted = plain_password_found(fs, conf);
	int rc = storage_create(loop, fs, clock, conf, keys, &storage_events, r, &r->storage, e);
	if (rc < 0) {
		json_decref(granted);
		free(r);
		return rc;
	}
	open_lists(r, fs);
	camera_list_take(&r->plain, granted);
	json_decref(granted);
	r->keeper = (struct link){.self = CHANNEL_RECORDER, .other = CHANNEL_KEEPER, .loop = loop, .owner = r, .on_msg = on_keeper_msg,
				  .on_closed = on_link_closed};
	clock_watch_init(&r->watch, clock);
	uv_timer_init(loop, &r->tick);
	r->tick.data = r;
	uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS);
	for (unsigned i = 0; i < conf->camera_count; i++)
		member_add(r, &conf->cameras[i], i);
	*out = r;
	return 0;
}

void recorder_take_channel(struct recorder *r, int end)
{
	link_take(&r->keeper, end);
}

void recorder_reload(struct recorder *r, const struct conf *conf)
{
	struct conf_diff d;

	conf_diff(&d, r->conf, conf);
	for (unsigned i = 0; i < d.removed.count; i++)
		member_close(member_find(r, d.removed.items[i]->id), NULL);
	for (unsigned i = 0; i < d.changed.count; i++)
		member_close(member_find(r, d.changed.items[i]->id), d.changed.items[i]);
	for (unsigned i = 0; i < d.added.count; i++) {
		struct member *m = member_find(r, d.added.items[i]->id);
		if (m)
			m->again = d.added.items[i]; /* it is still leaving: come back at once */
		else
			member_add(r, d.added.items[i], i);
	}
	log_info("reload", "added=%u removed=%u changed=%u", d.added.count, d.removed.count, d.changed.count);
	if (d.other)
		log_warn("reload", "text=\"what is not a camera counts at the next start of the recorder\"");
	conf_diff_finish(&d);
	r->conf = conf;
	for (struct member *m = r->members; m; m = m->next)
		member_take_conf(m, conf_camera_find(conf, m->id));
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
	camera_list_close(&r->economy, on_list_closed, r);
	camera_list_close(&r->plain, on_list_closed, r);
	for (struct member *m = r->members; m; m = m->next)
		member_close(m, NULL);
	recorder_close_storage(r);
}
