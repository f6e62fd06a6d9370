#include "recorder/recorder_inner.h"

#include "base/backoff.h"
#include "base/buf.h"
#include "base/lang.h"
#include "base/log.h"

#include <stdlib.h>

/* What is refused must have been seen to send at least half of what the keeper allows everybody (retention/share.h): whoever
 * speaks in its place cannot end the recording of a camera that is like all others. */
#define REFUSE_LEAST_BPS 10e6
#define STAGGER_START_MS 50     /* between two cameras' first connections */

/* --- facts ------------------------------------------------------------------------------ */

static const char *stream_name(const struct member *m)
{
	return m->sub.playing ? "sub" : "main";
}

/* A run that began by a clock that was set is told of behind the clock. */
static void on_up(void *owner, struct camera *cam, struct wall start, const uint8_t run[UUID_BYTES])
{
	struct member *m = owner;
	char run_text[UUID_TEXT_MAX];

	recorder_watch_clock(m->recorder);
	uuid_format(run, run_text);
	storage_journal(m->recorder->storage, "up",
			json_pack("{s:s, s:I, s:s, s:s}", "camera", camera_id(cam), "start", (json_int_t)start.us, "run",
				  run_text, "stream", stream_name(m)));
}

static void tell_down(struct member *m, struct wall since, enum gap_cause cause, const char *detail)
{
	storage_journal(m->recorder->storage, "down",
			json_pack("{s:s, s:I, s:s, s:s}", "camera", m->id, "since", (json_int_t)since.us,
				  "cause", gap_cause_name(cause), "detail", detail ? detail : ""));
}

static void on_down(void *owner, struct camera *cam, struct wall since, enum gap_cause cause, const char *detail)
{
	(void)cam;
	tell_down(owner, since, cause, detail);
}

/* --- for people -------------------------------------------------------------------------- */

json_t *member_describe(const struct member *m)
{
	struct camera_status s;
	char since[WALL_TEXT_MAX];

	camera_status(m->camera, &s);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:I, s:I}", "stream", stream_name(m), "state",
			      camera_view_name(s.view), "activity", s.activity, "since", wall_format(s.since, since), "fps", s.stats.fps, "bitrate_bps",
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

/* --- its life -------------------------------------------------------------------------- */

static void on_camera_closed(void *owner, struct camera *cam);

/* One that can do better than Basic is held to it, also by the next recorder. */
static void on_digest_seen(void *owner)
{
	struct member *m = owner;

	m->digest_seen = true;
	camera_list_drop(&m->recorder->plain, m->id);
}

static const struct camera_events camera_events = {on_up, on_down, on_camera_closed, on_digest_seen};

/* Segments of different cameras end at different times, so that a disk has no rush hour. */
static int64_t stagger_us(const struct recorder *r, unsigned index)
{
	unsigned count = r->conf->camera_count ? r->conf->camera_count : 1;

	return r->conf->segment_us / 2 * index / count;
}

static bool choose_sub(const struct member *m)
{
	struct recorder *r = m->recorder;

	return sub_stream_choose(&m->sub, m->conf->sub_url, camera_list_has(&r->economy, m->id), clock_mono(r->clock));
}

static void open_camera(struct member *m, unsigned index)
{
	struct recorder *r = m->recorder;

	m->refused = false;
	sub_stream_set(&m->sub, choose_sub(m));
	m->url = m->sub.playing ? m->conf->sub_url : m->conf->url;
	const struct camera_world world = {r->loop, r->clock, camera_parts_real(), backoff_random, NULL};
	const struct camera_conf conf = {
		.site = r->conf->site.id, .id = m->id,
		.target = {.url = m->url, .username = m->conf->username, .password = m->conf->password,
			   .udp = m->conf->udp, .tls_ca = m->conf->tls_ca, .tls_pin = m->conf->tls_pin,
			   .plain_password = m->conf->plain_password || camera_list_has(&r->plain, m->id),
			   .digest_seen = m->digest_seen, .audio = r->conf->audio},
		.segment_us = r->conf->segment_us, .gap_after_us = r->conf->gap_after_us,
		.stagger_us = stagger_us(r, index), .start_delay_ms = index * STAGGER_START_MS,
		.added = clock_wall(r->clock), .covered_until = m->covered_until};

	m->camera = camera_create(&world, &conf, m->outlet, &camera_events, m);
}

void member_add(struct recorder *r, const struct conf_camera *conf, unsigned index)
{
	struct member *m = xcalloc(1, sizeof *m);

	*m = (struct member){.recorder = r, .conf = conf, .id = xstrdup(conf->id), .next = r->members};
	m->outlet = storage_outlet_create(r->storage, m->id);
	r->members = m;
	open_camera(m, index);
}

struct member *member_find(struct recorder *r, const char *id)
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
		bool covered = camera_covered_until(cam, &m->covered_until);
		if (covered && m->changes_stream)
			tell_down(m, m->covered_until, CAUSE_RECORDER_DOWN, lang("换录摄像机的另一路码流",
				  "changes to the other stream of the camera"));
		m->changes_stream = false;
		m->digest_seen &= again == m->conf;
		m->conf = again;
		m->again = NULL;
		m->leaving = false;
		open_camera(m, 0);
		return;
	}
	remove_member(m);
	recorder_close_storage(r);
}

void member_close(struct member *m, const struct conf_camera *again)
{
	if (!m)
		return; /* the configuration knows a camera that we do not have */
	m->again = again;
	if (!m->leaving)
		camera_close(m->camera);
	m->leaving = true;
}

void member_take_conf(struct member *m, const struct conf_camera *conf)
{
	if (!conf)
		return;
	if (m->leaving)
		m->again = conf;
	else
		m->conf = conf;
	if (!m->leaving)
		camera_retry(m->camera); /* who had it read again wants to see it play */
}

/* --- two streams ------------------------------------------------------------------------ */

static bool is_to_be_refused(const struct member *m, const struct camera_status *s)
{
	const struct recorder *r = m->recorder;

	return refusal_has(&r->refusal, m->id, clock_mono(r->clock)) &&
	       (m->refused || s->stats.bits_per_s >= REFUSE_LEAST_BPS);
}

void member_look_at_stream(struct member *m)
{
	struct camera_status s;

	camera_status(m->camera, &s);
	m->refused = is_to_be_refused(m, &s);
	camera_refuse(m->camera, m->refused);
	if (m->refused)
		return;
	sub_stream_watch(&m->sub, s.view == CAMERA_RECORDING, clock_mono(m->recorder->clock));
	bool sub = choose_sub(m);
	if (strcmp(sub ? m->conf->sub_url : m->conf->url, m->url) == 0)
		return;
	log_info("stream", "camera=%s from=%s to=%s failures=%u", m->id, stream_name(m), sub ? "sub" : "main",
		 m->sub.failures);
	m->changes_stream = s.view == CAMERA_RECORDING;
	member_close(m, m->conf);
}
