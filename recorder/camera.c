#include "camera.h"

#include "reconnect.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/log.h"
#include "base/require.h"
#include "base/sm.h"

#include <stdlib.h>

#define PATIENT_EACH 4 /* tries */

/*                delay          PLAY answered          first frame
 *  IDLE ─────────────▶ CONNECTING ─────▶ STARTING ──────────▶ PLAYING ◀──frames──▶ STALLED
 *                         ▲   │               │ 10 s             │ session ended     │ 10 s silent
 *                         │   └──refused──────┴──────────┬───────┴───────────────────┘
 *              back-off   │                              ▼
 *                      WAITING ◀──session closed────  LEAVING
 *
 *  Any state ──close──▶ CLOSING ──last handle closed──▶ CLOSED
 *
 *  STARTING goes on for as long as pictures come: a stream is not left for want of a key frame.
 *  STALLED: the session is open, but nothing is recorded: silence, or no disk that takes it. */
enum { IDLE, CONNECTING, STARTING, PLAYING, STALLED, LEAVING, WAITING, CLOSING, CLOSED };

static const struct sm_state camera_states[] = {
	[IDLE]       = {"idle",       SM_TO(CONNECTING) | SM_TO(CLOSING)},
	[CONNECTING] = {"connecting", SM_TO(STARTING) | SM_TO(PLAYING) | SM_TO(LEAVING) | SM_TO(CLOSING)},
	[STARTING]   = {"starting",   SM_TO(PLAYING) | SM_TO(LEAVING) | SM_TO(CLOSING)},
	[PLAYING]    = {"playing",    SM_TO(STALLED) | SM_TO(LEAVING) | SM_TO(CLOSING)},
	[STALLED]    = {"stalled",    SM_TO(PLAYING) | SM_TO(LEAVING) | SM_TO(CLOSING)},
	[LEAVING]    = {"leaving",    SM_TO(WAITING) | SM_TO(CLOSING)},
	[WAITING]    = {"waiting",    SM_TO(CONNECTING) | SM_TO(CLOSING)},
	[CLOSING]    = {"closing",    SM_TO(CLOSED)},
	[CLOSED]     = {"closed",     0},
};

struct camera {
	struct camera_conf conf;   /* its strings are ours */
	struct camera_world world;
	struct outlet *outlet;
	const struct camera_events *events;
	void *owner;
	struct sm sm;
	uv_timer_t timer;
	struct mono due;           /* IDLE, WAITING: connect; STARTING: give up */
	struct mono tried_at;
	struct reconnect reconnect;
	enum reconnect_why why;    /* it is to be tried again */
	struct rtsp_session *session;
	struct run *run;
	unsigned open;             /* the session and the timer, until they are closed */
	bool spoke;                /* it has answered, in any session */
	unsigned mute_tries;       /* it was connected, and did not */
	bool refused;              /* camera_refuse() */
	bool media_seen;           /* packets came in this session */
	bool audio;                /* its sound is wanted */
	bool placed;               /* frames were placed in this session; before the first: true */
	bool broken;               /* the run asked to end the session; done when its call is over */
	enum gap_cause broken_cause;
	char broken_detail[DETAIL_MAX];

	struct wall covered_until; /* by the last run that covered anything */
	bool up;                   /* frames are being placed */
	bool told;                 /* this outage was told, for `cause` */
	struct wall since;         /* of being up or down */
	enum gap_cause cause;
	char detail[DETAIL_MAX];
};

static const struct rtsp_events session_events;
static const struct run_events run_events;

static struct mono now(const struct camera *cam)
{
	return clock_mono(cam->world.clock);
}

static struct mono later(const struct camera *cam, int64_t us)
{
	return (struct mono){now(cam).us + us};
}

static bool is_due(const struct camera *cam)
{
	return now(cam).us >= cam->due.us;
}

/* --- the two facts ------------------------------------------------------------ */

static void tell_up(struct camera *cam, struct wall start)
{
	char at[WALL_TEXT_MAX];

	cam->up = true;
	cam->told = false;
	cam->since = start;
	cam->detail[0] = '\0';
	reconnect_reset(&cam->reconnect);
	log_info("camera", "id=%s state=recording start=%s", cam->conf.id, wall_format(start, at));
	cam->events->up(cam->owner, cam, start, cam->world.parts->run_id(cam->run));
}

/* end: of coverage, if there was any until now. */
static void tell_down(struct camera *cam, struct wall end, enum gap_cause cause, const char *detail)
{
	char at[WALL_TEXT_MAX], quoted[DETAIL_MAX];

	if (cam->up) {
		cam->up = false;
		cam->told = false;
		cam->since = end;
	}
	detail_set(cam->detail, detail);
	if (cam->told && cam->cause == cause)
		return;
	cam->told = true;
	cam->cause = cause;
	log_warn("camera", "id=%s state=down since=%s cause=%s detail=\"%s\"", cam->conf.id,
		 wall_format(cam->since, at), gap_cause_name(cause),
		 log_quote(quoted, sizeof quoted, cam->detail));
	cam->events->down(cam->owner, cam, cam->since, cause, cam->detail);
}

/* --- actions: one per arrow ------------------------------------------------------ */

static void try_connect(struct camera *cam)
{
	sm_move(&cam->sm, CONNECTING);
	cam->conf.target.audio = cam->audio && (cam->placed || !cam->conf.target.audio);
	cam->media_seen = cam->placed = false;
	cam->tried_at = now(cam);
	cam->why = RECONNECT_LOST;
	cam->open++;
	cam->session = cam->world.parts->session_create(cam->world.loop, &cam->conf.target,
							&session_events, cam);
}

/* Ends the run and returns the end of coverage. */
static struct wall end_run(struct camera *cam)
{
	struct wall end;

	if (cam->run && cam->world.parts->run_destroy(cam->run, &end))
		cam->covered_until = end;
	cam->run = NULL;
	cam->broken = false;
	return cam->covered_until;
}

static void look_at_login(struct camera *cam)
{
	struct rtsp_facts facts;

	cam->world.parts->session_facts(cam->session, &facts);
	if (!facts.digest_seen || cam->conf.target.digest_seen)
		return;
	cam->conf.target.digest_seen = true;
	if (cam->events->digest_seen)
		cam->events->digest_seen(cam->owner);
}

static void leave(struct camera *cam, enum gap_cause cause, const char *detail)
{
	look_at_login(cam);
	sm_move(&cam->sm, LEAVING);
	tell_down(cam, end_run(cam), cause, detail);
	cam->world.parts->session_close(cam->session);
}

static void wait_and_retry(struct camera *cam)
{
	sm_move(&cam->sm, WAITING);
	cam->due = later(cam, reconnect_wait_us(&cam->reconnect, cam->why, now(cam).us - cam->tried_at.us));
}

static void begin_run(struct camera *cam, const struct track *t, const struct track *audio)
{
	const struct camera_conf *c = &cam->conf;
	struct clock *clock = cam->world.clock;
	struct run_conf conf = {.site = c->site, .camera = c->id, .segment_us = c->segment_us,
				.gap_after_us = c->gap_after_us, .stagger_us = c->stagger_us,
				.not_before = cam->covered_until, .audio = audio};
	struct err e = {0};

	if (cam->world.parts->run_create(&conf, t, clock, cam->outlet, &run_events, cam, &cam->run, &e) < 0) {
		cam->run = NULL;
		leave(cam, CAUSE_STREAM_UNUSABLE, e.text);
	}
}

static const char *nothing_came(const struct camera *cam)
{
	if (cam->conf.target.udp)
		return lang("10 秒内没有收到 UDP 画面,请检查防火墙,或改用 transport: tcp",
			    "no pictures came over UDP in 10 s: check firewalls, or set transport: tcp");
	return lang("摄像机接受了连接,但 10 秒内没有送来画面",
		    "the camera accepted the connection but sent no pictures in 10 s");
}

static void leave_if_broken(struct camera *cam)
{
	if (!cam->broken || cam->sm.now >= LEAVING)
		return;
	cam->broken = false;
	leave(cam, cam->broken_cause, cam->broken_detail);
}

static void leave_if_silent(struct camera *cam)
{
	struct mono since;

	if (cam->sm.now != PLAYING && cam->sm.now != STALLED && !(cam->sm.now == STARTING && cam->media_seen))
		return;
	if (cam->world.parts->run_is_stalled(cam->run, &since) &&
	    now(cam).us - since.us >= CAMERA_SILENCE_US)
		leave(cam, CAUSE_STREAM_STALLED, lang("摄像机 10 秒没有送来画面,已重新连接",
			"no pictures for 10 s: connecting again"));
}

static void tick_run(struct camera *cam)
{
	cam->world.parts->run_tick(cam->run);
	leave_if_broken(cam);
	leave_if_silent(cam);
	if (cam->sm.now == STARTING && !cam->media_seen && is_due(cam))
		leave(cam, CAUSE_STREAM_STALLED, nothing_came(cam));
}

void camera_retry(struct camera *cam)
{
	reconnect_reset(&cam->reconnect);
	if (cam->sm.now == WAITING)
		cam->due = now(cam);
}

void camera_refuse(struct camera *cam, bool refused)
{
	const char *why = lang("码率远超平时,会在一天内写满硬盘,暂停录制", "it sends so much more than usual that the disks would be full within a day");
	bool begins = refused && !cam->refused && cam->sm.now < CLOSING;

	if (cam->refused && !refused)
		camera_retry(cam);
	cam->refused = refused;
	if (begins && (cam->sm.now == IDLE || cam->sm.now >= LEAVING))
		tell_down(cam, cam->covered_until, CAUSE_OVER_BITRATE, why);
	else if (begins)
		leave(cam, CAUSE_OVER_BITRATE, why);
}

void camera_tick(struct camera *cam)
{
	switch (cam->sm.now) {
	case IDLE:
	case WAITING:
		if (is_due(cam) && !cam->refused)
			try_connect(cam);
		break;
	case STARTING:
	case PLAYING:
	case STALLED:
		tick_run(cam);
		break;
	}
}

/* --- what the session tells --------------------------------------------------------- */

static void on_tracks(void *owner, const struct track *list, unsigned count)
{
	struct camera *cam = owner;

	if (cam->sm.now != CONNECTING)
		return;
	look_at_login(cam);
	end_run(cam); /* they come another way than was told before */
	begin_run(cam, &list[0], count > 1 ? &list[1] : NULL);
}

static void on_playing(void *owner)
{
	struct camera *cam = owner;

	if (cam->sm.now != CONNECTING)
		return; /* media came before the answer to PLAY */
	sm_move(&cam->sm, STARTING);
	cam->due = later(cam, CAMERA_SILENCE_US);
}

static void on_packet(void *owner, unsigned track, const uint8_t *data, size_t len, bool rtcp)
{
	struct camera *cam = owner;

	if (!cam->run)
		return;
	if (track > 0) {
		if (!rtcp)
			cam->world.parts->run_audio_packet(cam->run, data, len);
		return;
	}
	cam->media_seen |= !rtcp;
	cam->world.parts->run_packet(cam->run, data, len, rtcp);
	leave_if_broken(cam);
}

static void on_torn(void *owner)
{
	struct camera *cam = owner;

	if (cam->run)
		cam->world.parts->run_torn(cam->run);
}

static enum reconnect_why why_again(const struct rtsp_facts *f)
{
	if (f->status == 453 || f->status == 503)
		return RECONNECT_FULL;
	return (f->status == 401 || f->status == 403) && f->showed_login ? RECONNECT_LOGIN : RECONNECT_LOST;
}

/* Who accepts and does not answer is mostly dead. One that never did answer may be slow: it gets more time, now and
 * then. */
static void look_at_silence(struct camera *cam, const struct rtsp_facts *f)
{
	cam->spoke |= f->spoke_rtsp;
	cam->mute_tries += f->connected && !f->spoke_rtsp;
	cam->conf.target.patient = !cam->spoke && cam->mute_tries % PATIENT_EACH == PATIENT_EACH - 1;
}

static void on_ended(void *owner, enum gap_cause cause, const char *detail)
{
	struct camera *cam = owner;
	struct rtsp_facts facts;

	if (cam->sm.now >= LEAVING)
		return;
	cam->world.parts->session_facts(cam->session, &facts);
	look_at_silence(cam, &facts);
	if (cause == CAUSE_CAMERA_REFUSED)
		cam->why = why_again(&facts);
	leave(cam, cause, detail);
}

static void free_conf(struct camera_conf *c)
{
	rtsp_target_finish(&c->target);
	free((char *)c->site);
	free((char *)c->id);
}

static void release(struct camera *cam)
{
	if (--cam->open > 0 || cam->sm.now != CLOSING)
		return;
	sm_move(&cam->sm, CLOSED);
	if (cam->outlet)
		cam->outlet->lost = NULL;
	cam->events->closed(cam->owner, cam);
	free_conf(&cam->conf);
	free(cam);
}

static void on_session_closed(void *owner)
{
	struct camera *cam = owner;

	cam->session = NULL;
	if (cam->sm.now == LEAVING)
		wait_and_retry(cam);
	release(cam);
}

static const struct rtsp_events session_events = {on_tracks, on_playing, on_packet, on_ended,
						  on_session_closed, NULL, on_torn};

/* --- what the run tells ---------------------------------------------------------------- */

static void on_up(void *owner, struct wall start)
{
	struct camera *cam = owner;

	if (cam->sm.now >= CLOSING)
		return;
	cam->placed = true;
	if (!cam->up)
		tell_up(cam, start);
	if (cam->sm.now < LEAVING && cam->sm.now != PLAYING)
		sm_move(&cam->sm, PLAYING);
}

static void on_down(void *owner, struct wall since, enum gap_cause cause, const char *detail)
{
	struct camera *cam = owner;

	if (cam->sm.now >= CLOSING)
		return;
	tell_down(cam, since, cause, detail);
	if (cam->sm.now == PLAYING)
		sm_move(&cam->sm, STALLED);
}

static void on_broken(void *owner, enum gap_cause cause, const char *detail)
{
	struct camera *cam = owner;

	cam->broken = true;
	cam->broken_cause = cause;
	detail_set(cam->broken_detail, detail);
}

static const struct run_events run_events = {on_up, on_down, on_broken};

/* --- what the disks tell --------------------------------------------------------------- */

static void on_lost(void *owner, struct outlet_segment *s, struct wall good_end, enum gap_cause cause,
		    const char *detail)
{
	struct camera *cam = owner;

	if (cam->run) /* it tells `down` if its coverage ends there */
		cam->world.parts->run_segment_lost(cam->run, s, good_end, cause, detail);
}

/* --- for people ---------------------------------------------------------------------------- */

const char *camera_view_name(enum camera_view v)
{
	static const char *const names[] = {"starting", "recording", "down"};

	return names[v];
}

const char *camera_id(const struct camera *cam)
{
	return cam->conf.id;
}

void camera_status(const struct camera *cam, struct camera_status *out)
{
	*out = (struct camera_status){
		.view = cam->up ? CAMERA_RECORDING : cam->told ? CAMERA_DOWN : CAMERA_STARTING,
		.since = cam->since,
		.activity = sm_name(&cam->sm),
		.cause = cam->cause,
		.detail = cam->detail,
	};
	if (cam->run)
		cam->world.parts->run_stats(cam->run, &out->stats);
}

bool camera_covered_until(const struct camera *cam, struct wall *end)
{
	*end = cam->covered_until;
	if (cam->run)
		cam->world.parts->run_covered_until(cam->run, end);
	return end->us != 0;
}

/* --- lifetime -------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *t)
{
	camera_tick(t->data);
}

static void on_timer_closed(uv_handle_t *h)
{
	release(h->data);
}

static struct camera_conf copy_conf(const struct camera_conf *from)
{
	struct camera_conf c = *from;

	c.site = xstrdup(from->site);
	c.id = xstrdup(from->id);
	c.target = rtsp_target_copy(&from->target);
	return c;
}

struct camera *camera_create(const struct camera_world *world, const struct camera_conf *conf,
			     struct outlet *outlet, const struct camera_events *events, void *owner)
{
	struct camera *cam = xcalloc(1, sizeof *cam);

	*cam = (struct camera){.conf = copy_conf(conf), .world = *world, .outlet = outlet, .events = events,
			       .owner = owner, .open = 1, .since = conf->added,
			       .covered_until = conf->covered_until, .audio = conf->target.audio,
			       .placed = true};
	if (outlet) {
		outlet->lost = on_lost;
		outlet->owner = cam;
	}
	sm_init(&cam->sm, camera_states, cam->conf.id, IDLE);
	reconnect_init(&cam->reconnect, world->random, world->random_arg);
	cam->due = later(cam, conf->start_delay_ms * US_PER_MS);
	REQUIRE(uv_timer_init(world->loop, &cam->timer) == 0);
	cam->timer.data = cam;
	uv_timer_start(&cam->timer, on_timer, conf->start_delay_ms % CAMERA_TICK_MS, CAMERA_TICK_MS);
	return cam;
}

void camera_close(struct camera *cam)
{
	bool leaving = cam->sm.now == LEAVING;

	if (cam->sm.now >= CLOSING)
		return;
	sm_move(&cam->sm, CLOSING);
	end_run(cam);
	if (cam->session && !leaving)
		cam->world.parts->session_close(cam->session);
	uv_close((uv_handle_t *)&cam->timer, on_timer_closed);
}
