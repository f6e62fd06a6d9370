/* One camera over a fake session, a fake run and a fake clock: what it tells, when, and that it comes to
 * record whatever fails once. */
#include "recorder/camera.h"

#include "base/fault.h"
#include "base/backoff.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T0 INT64_C(1764000000000000)

/* --- the fakes ------------------------------------------------------------------ */

struct rtsp_session {
	const struct rtsp_events *events;
	void *owner;
	bool closing, audio;
	struct rtsp_facts facts;
};

struct run {
	const struct run_events *events;
	void *owner;
	bool covered;
	struct wall end;         /* of coverage */
	struct mono last_frame;
	bool stalled;
};

static struct stage {
	struct clock_fake clock;
	uv_loop_t loop;
	struct camera *cam;
	struct outlet outlet;
	struct wall not_before, covered_until;
	struct fault *fault;
	struct rtsp_session *session; /* the one that is open */
	struct run *run;
	int sessions, runs, closes, audio_packets;
	bool has_audio; /* the run was given a track of it */
	int ups, downs, digests;
	struct wall start, since;
	enum gap_cause cause;
	char detail[DETAIL_MAX];
	bool closed, refuse_run;
} st;

static bool fails(void)
{
	return st.fault && fault_here(st.fault);
}

static struct rtsp_session *fake_session_create(uv_loop_t *loop, const struct rtsp_target *target,
						const struct rtsp_events *events, void *owner)
{
	(void)loop;
	assert_null(st.session); /* never two at once: cameras have few places */
	st.session = calloc(1, sizeof *st.session);
	st.session->events = events;
	st.session->owner = owner;
	st.session->audio = target->audio;
	st.sessions++;
	return st.session;
}

static void fake_session_close(struct rtsp_session *s)
{
	assert_false(s->closing);
	s->closing = true;
	st.closes++;
}

static void fake_session_facts(const struct rtsp_session *s, struct rtsp_facts *out)
{
	*out = s->facts;
}

static int fake_run_create(const struct run_conf *conf, const struct track *t, struct clock *clock,
			   struct outlet *outlet, const struct run_events *events, void *owner,
			   struct run **out, struct err *e)
{
	(void)t;
	(void)clock;
	assert_ptr_equal(outlet, &st.outlet);
	st.not_before = conf->not_before;
	st.has_audio = conf->audio != NULL;
	assert_null(st.run);
	if (st.refuse_run || fails())
		return err_set(e, -ENOTSUP, "no demuxer");
	*out = st.run = calloc(1, sizeof *st.run);
	st.run->events = events;
	st.run->owner = owner;
	st.run->last_frame = st.clock.mono;
	st.runs++;
	return 0;
}

/* A packet is a frame of 40 ms. */
static void fake_run_packet(struct run *r, const uint8_t *data, size_t len, bool rtcp)
{
	bool first = !r->covered || r->stalled;

	(void)data;
	if (rtcp || len == 0)
		return;
	if (fails()) {
		if (r->covered && !r->stalled)
			r->events->down(r->owner, r->end, CAUSE_CLOCK_STEPPED, "stepped");
		r->events->broken(r->owner, CAUSE_CLOCK_STEPPED, "stepped");
		return;
	}
	r->covered = true;
	r->stalled = false;
	r->last_frame = st.clock.mono;
	r->end = (struct wall){st.clock.wall.us + 40000};
	if (first)
		r->events->up(r->owner, st.clock.wall);
}

static void fake_run_audio_packet(struct run *r, const uint8_t *data, size_t len)
{
	(void)data;
	assert_ptr_equal(r, st.run);
	assert_int_equal(len, 2);
	st.audio_packets++;
}

static void fake_run_torn(struct run *r)
{
	assert_ptr_equal(r, st.run);
}

static void fake_run_tick(struct run *r)
{
	if (r->covered && !r->stalled && st.clock.mono.us - r->last_frame.us > 2 * US_PER_S) {
		r->stalled = true;
		r->events->down(r->owner, r->end, CAUSE_STREAM_STALLED, "silent");
	}
}

static bool fake_run_is_stalled(const struct run *r, struct mono *since)
{
	*since = r->last_frame;
	return r->stalled;
}

static bool fake_run_covered_until(const struct run *r, struct wall *end)
{
	if (r->covered)
		*end = r->end;
	return r->covered;
}

static const uint8_t *fake_run_id(const struct run *r)
{
	(void)r;
	return (const uint8_t *)"0123456789abcdef";
}

static bool fake_run_segment_lost(struct run *r, const struct outlet_segment *s, struct wall good_end,
				  enum gap_cause cause, const char *detail)
{
	(void)s;
	r->end = good_end;
	r->stalled = true;
	r->events->down(r->owner, good_end, cause, detail);
	return true;
}

static void fake_run_stats(const struct run *r, struct run_stats *out)
{
	*out = (struct run_stats){.frames = r->covered, .fps = 25};
}

static bool fake_run_destroy(struct run *r, struct wall *end)
{
	bool covered = r->covered;

	*end = r->end;
	assert_ptr_equal(r, st.run);
	free(r);
	st.run = NULL;
	return covered;
}

static const struct camera_parts fakes = {
	fake_session_create, fake_session_close, fake_session_facts, fake_run_create, fake_run_packet,
	fake_run_torn, fake_run_audio_packet, fake_run_tick,
	fake_run_is_stalled, fake_run_covered_until, fake_run_id,
	fake_run_segment_lost, fake_run_stats, fake_run_destroy,
};

/* --- what the camera tells --------------------------------------------------------- */

static void on_up(void *owner, struct camera *cam, struct wall start, const uint8_t run[UUID_BYTES])
{
	assert_ptr_equal(owner, &st);
	(void)cam;
	(void)run;
	assert_true(start.us >= st.since.us);
	st.ups++;
	st.start = start;
	st.cause = CAUSE_COUNT;
}

static void on_down(void *owner, struct camera *cam, struct wall since, enum gap_cause cause, const char *detail)
{
	(void)owner;
	(void)cam;
	assert_int_not_equal(cause, st.cause); /* the same is never told twice */
	st.downs++;
	st.since = since;
	st.cause = cause;
	snprintf(st.detail, sizeof st.detail, "%s", detail);
}

static void on_closed(void *owner, struct camera *cam)
{
	(void)owner;
	camera_covered_until(cam, &st.covered_until);
	st.closed = true;
	st.cam = NULL;
}

static void on_digest_seen(void *owner)
{
	assert_ptr_equal(owner, &st);
	st.digests++;
}

static const struct camera_events events = {on_up, on_down, on_closed, on_digest_seen};

static uint32_t middle(void *arg)
{
	(void)arg;
	return UINT32_MAX / 2;
}

/* --- driving it ------------------------------------------------------------------------ */

static void open_stage_with(struct fault *f, bool audio)
{
	st = (struct stage){.fault = f, .cause = CAUSE_COUNT};
	clock_fake_init(&st.clock, (struct wall){T0});
	struct camera_conf conf = {.site = "s", .id = "front", .added = {T0}, .start_delay_ms = 600,
				       .gap_after_us = 2 * US_PER_S, .target.audio = audio};
	uv_loop_init(&st.loop);
	struct camera_world world = {&st.loop, &st.clock.base, &fakes, middle, NULL};
	st.cam = camera_create(&world, &conf, &st.outlet, &events, &st);
}

static void open_stage(struct fault *f)
{
	open_stage_with(f, false);
}

static void pass(int64_t ms)
{
	for (int64_t done = 0; done < ms; done += CAMERA_TICK_MS) {
		clock_fake_advance(&st.clock, CAMERA_TICK_MS * US_PER_MS);
		camera_tick(st.cam);
	}
}

static void session_gone(void)
{
	struct rtsp_session *s = st.session;

	assert_true(s && s->closing);
	st.session = NULL;
	s->events->closed(s->owner);
	free(s);
}

static void session_ends(enum gap_cause cause)
{
	st.session->events->ended(st.session->owner, cause, "why");
	session_gone();
}

static void session_plays(void)
{
	struct track t[2] = {{.codec = TRACK_H264}, {.codec = TRACK_AAC}};

	st.session->events->tracks(st.session->owner, t, st.session->audio ? 2 : 1);
	if (!st.session->closing)
		st.session->events->playing(st.session->owner);
}

static void frame(void)
{
	st.session->events->packet(st.session->owner, 0, (const uint8_t *)"x", 1, false);
}

static void close_stage(void)
{
	if (st.session && st.session->closing)
		session_gone();
	camera_close(st.cam);
	assert_false(st.closed); /* not within the call */
	uv_run(&st.loop, UV_RUN_NOWAIT);
	if (st.session) {
		assert_false(st.closed);
		session_gone();
	}
	uv_run(&st.loop, UV_RUN_DEFAULT);
	assert_true(st.closed);
	assert_null(st.run);
	assert_int_equal(uv_loop_close(&st.loop), 0);
}

static void sound(bool rtcp)
{
	st.session->events->packet(st.session->owner, 1, (const uint8_t *)"xy", 2, rtcp);
}

/* --- the tests ---------------------------------------------------------------------------- */

static void waits_its_turn_then_records(void **state)
{
	struct camera_status s;

	(void)state;
	open_stage(NULL);
	pass(400);
	assert_int_equal(st.sessions, 0);
	camera_status(st.cam, &s);
	assert_int_equal(s.view, CAMERA_STARTING);
	assert_int_equal(s.since.us, T0);
	pass(200);
	assert_int_equal(st.sessions, 1);
	session_plays();
	pass(1000);
	frame();
	assert_int_equal(st.ups, 1);
	assert_int_equal(st.downs, 0); /* it played at its first try: nothing failed */
	camera_status(st.cam, &s);
	assert_int_equal(s.view, CAMERA_RECORDING);
	assert_int_equal(s.since.us, T0 + 1600 * US_PER_MS);
	assert_string_equal(s.activity, "playing");
	assert_true(s.stats.fps > 24);
	close_stage();
	assert_int_equal(st.downs, 0);
}

static void tells_an_outage_once_and_again_when_the_cause_changes(void **state)
{
	(void)state;
	open_stage(NULL);
	pass(600);
	for (int i = 0; i < 5; i++) {
		session_ends(CAUSE_CAMERA_UNREACHABLE);
		pass(15000);
	}
	assert_int_equal(st.downs, 1);
	assert_int_equal(st.since.us, T0);
	session_ends(CAUSE_CAMERA_REFUSED);
	assert_int_equal(st.downs, 2);
	assert_int_equal(st.since.us, T0);
	pass(15000);
	session_plays();
	frame();
	assert_int_equal(st.ups, 1);
	close_stage();
}

/* Whoever listens hears it once, before the camera can be lost. */
static void tells_once_that_digest_was_offered(void **state)
{
	(void)state;
	open_stage(NULL);
	pass(600);
	session_plays();
	frame();
	assert_int_equal(st.digests, 0);
	session_ends(CAUSE_CAMERA_UNREACHABLE);
	pass(1200);
	st.session->facts = (struct rtsp_facts){.digest_seen = true};
	session_plays();
	assert_int_equal(st.digests, 1);
	session_ends(CAUSE_CAMERA_UNREACHABLE);
	assert_int_equal(st.digests, 1);
	close_stage();
}

/* Counts the tries of a camera that fails so, and demands each to come within 20 % of its time. */
static void expect_tries(const int waits_s[], int count, enum gap_cause cause, int status, bool showed_login)
{
	for (int i = 0; i < count; i++) {
		int before = st.sessions;
		st.session->facts = (struct rtsp_facts){.status = status, .showed_login = showed_login};
		session_ends(cause);
		pass(waits_s[i] * 800 - CAMERA_TICK_MS);
		assert_int_equal(st.sessions, before);
		pass(CAMERA_TICK_MS);
		assert_int_equal(st.sessions, before + 1);
	}
}

static void is_tried_again_every_five_seconds_at_the_least(void **state)
{
	static const int waits_s[] = {1, 2, 4, 5, 5, 5, 5};

	(void)state;
	open_stage(NULL);
	pass(600);
	expect_tries(waits_s, 7, CAUSE_CAMERA_UNREACHABLE, 0, false);
	session_plays();
	frame();
	session_ends(CAUSE_CAMERA_UNREACHABLE);
	pass(1000);
	assert_int_equal(st.sessions, 9);
	/* the time that a try took counts: 3 s without an answer, of 2 s */
	pass(3000);
	session_ends(CAUSE_CAMERA_UNREACHABLE);
	pass(800);
	assert_int_equal(st.sessions, 10);
	pass(3000);
	session_ends(CAUSE_CAMERA_UNREACHABLE);
	pass(1000);
	assert_int_equal(st.sessions, 11);
	close_stage();
}

static void a_wrong_password_is_not_tried_for_ever(void **state)
{
	static const int waits_s[] = {15, 60, 300, 1800, 1800}, without_s[] = {1, 2, 4, 5, 5};

	(void)state;
	for (int status = 401; status <= 403; status += 2) {
		open_stage(NULL);
		pass(600);
		expect_tries(waits_s, 5, CAUSE_CAMERA_REFUSED, status, true);
		st.session->facts = (struct rtsp_facts){.status = status, .showed_login = true};
		session_ends(CAUSE_CAMERA_REFUSED);
		camera_retry(st.cam);
		pass(CAMERA_TICK_MS);
		assert_non_null(st.session);
		expect_tries(waits_s, 2, CAUSE_CAMERA_REFUSED, status, true);
		close_stage();
		open_stage(NULL);
		pass(600);
		expect_tries(without_s, 5, CAUSE_CAMERA_REFUSED, status, false);
		close_stage();
	}
}

static void a_full_camera_is_asked_every_quarter_of_a_minute(void **state)
{
	static const int waits_s[] = {15, 15, 15, 15};

	(void)state;
	for (int i = 0; i < 2; i++) {
		open_stage(NULL);
		pass(600);
		expect_tries(waits_s, 4, CAUSE_CAMERA_REFUSED, i ? 453 : 503, true);
		close_stage();
	}
}

static void a_lost_connection_ends_coverage_at_the_last_frame(void **state)
{
	(void)state;
	open_stage(NULL);
	pass(600);
	session_plays();
	frame();
	pass(1000);
	frame();
	struct wall end = st.run->end;
	pass(400);
	session_ends(CAUSE_CAMERA_UNREACHABLE);
	assert_int_equal(st.downs, 1);
	assert_int_equal(st.since.us, end.us);
	pass(1000);
	session_plays();
	frame();
	assert_int_equal(st.ups, 2);
	assert_true(st.start.us > end.us);
	assert_int_equal(st.not_before.us, end.us);
	close_stage();
}

static void who_is_refused_is_left_alone_until_he_is_let_back(void **state)
{
	(void)state;
	open_stage(NULL);
	pass(600);
	session_plays();
	frame();
	struct wall end = st.run->end;
	pass(400);
	camera_refuse(st.cam, true);
	camera_refuse(st.cam, true);
	assert_int_equal(st.downs, 1);
	assert_int_equal(st.cause, CAUSE_OVER_BITRATE);
	assert_int_equal(st.since.us, end.us);
	session_gone();
	pass(3600 * 1000);
	assert_int_equal(st.sessions, 1);
	assert_int_equal(st.downs, 1);
	camera_refuse(st.cam, false);
	pass(CAMERA_TICK_MS);
	assert_int_equal(st.sessions, 2);
	session_plays();
	frame();
	assert_int_equal(st.ups, 2);
	session_ends(CAUSE_CAMERA_UNREACHABLE);
	camera_refuse(st.cam, true); /* while it waits */
	assert_int_equal(st.downs, 3);
	assert_int_equal(st.cause, CAUSE_OVER_BITRATE);
	close_stage();
}

static void a_lost_segment_ends_coverage_where_the_disk_says(void **state)
{
	(void)state;
	open_stage(NULL);
	pass(600);
	session_plays();
	frame();
	pass(1000);
	frame();
	struct wall good = {st.run->end.us - US_PER_S};
	st.outlet.lost(st.outlet.owner, NULL, good, CAUSE_STORAGE_FAILED, "I/O error");
	assert_int_equal(st.cause, CAUSE_STORAGE_FAILED);
	assert_int_equal(st.since.us, good.us);
	assert_false(st.session->closing); /* the camera is not at fault */
	frame();
	assert_int_equal(st.ups, 2);
	struct wall end = st.run->end, until;
	assert_true(camera_covered_until(st.cam, &until));
	assert_int_equal(until.us, end.us);
	close_stage();
	assert_int_equal(st.covered_until.us, end.us);
	assert_null(st.outlet.lost);
}

static void silence_is_told_and_then_ends_the_session(void **state)
{
	(void)state;
	open_stage(NULL);
	pass(600);
	session_plays();
	frame();
	struct wall end = st.run->end;
	pass(2400);
	assert_int_equal(st.downs, 1);
	assert_int_equal(st.cause, CAUSE_STREAM_STALLED);
	assert_int_equal(st.since.us, end.us);
	pass(7400);
	assert_false(st.session->closing);
	pass(400);
	assert_true(st.session->closing);
	session_gone();
	assert_int_equal(st.downs, 1);
	pass(1000);
	session_ends(CAUSE_CAMERA_UNREACHABLE); /* the cable, it turns out */
	assert_int_equal(st.downs, 2);
	assert_int_equal(st.since.us, end.us);
	close_stage();
}

static void frames_after_a_short_silence_just_go_on(void **state)
{
	(void)state;
	open_stage(NULL);
	pass(600);
	session_plays();
	frame();
	pass(5000);
	assert_int_equal(st.downs, 1);
	frame();
	assert_int_equal(st.ups, 2);
	pass(1000);
	assert_int_equal(st.sessions, 1);
	assert_int_equal(st.runs, 1);
	close_stage();
}

static void a_session_without_frames_is_given_up(void **state)
{
	(void)state;
	open_stage(NULL);
	pass(600);
	session_plays();
	pass(9800);
	assert_false(st.session->closing);
	pass(400);
	assert_true(st.session->closing);
	assert_int_equal(st.cause, CAUSE_STREAM_STALLED);
	assert_int_equal(st.since.us, T0);
	session_gone();
	pass(1000);
	session_plays();
	pass(11000);
	assert_int_equal(st.downs, 1); /* the same cause: not told again */
	close_stage();
}

static void media_before_the_answer_to_play_counts(void **state)
{
	struct track t = {0};

	(void)state;
	open_stage(NULL);
	pass(600);
	st.session->events->tracks(st.session->owner, &t, 1);
	frame();
	assert_int_equal(st.ups, 1);
	st.session->events->playing(st.session->owner);
	for (int i = 0; i < 20; i++) {
		pass(1000);
		frame();
	}
	assert_int_equal(st.sessions, 1);
	assert_int_equal(st.downs, 0);
	close_stage();
}

static void a_track_that_no_run_takes_is_unusable(void **state)
{
	(void)state;
	open_stage(NULL);
	st.refuse_run = true;
	pass(600);
	session_plays();
	assert_int_equal(st.cause, CAUSE_STREAM_UNUSABLE);
	assert_string_equal(st.detail, "no demuxer");
	session_gone();
	st.refuse_run = false;
	pass(1000);
	session_plays();
	frame();
	assert_int_equal(st.ups, 1);
	close_stage();
}

/* 24 reboots: each is one outage from its last frame to its first, with one cause, however long it takes to
 * come back; and the next try is soon. */
static void a_camera_that_reboots_every_hour(void **state)
{
	int64_t down_us = 0;

	(void)state;
	open_stage(NULL);
	pass(600);
	for (int hour = 0; hour < 24; hour++) {
		int downs = st.downs;
		while (!st.session) /* the back-off */
			pass(CAMERA_TICK_MS);
		session_plays();
		frame();
		if (hour > 0)
			down_us += st.start.us - st.since.us;
		assert_int_equal(st.ups, hour + 1);
		for (int s = 0; s < 3600; s++) {
			pass(1000);
			frame();
		}
		struct wall end = st.run->end;
		session_ends(CAUSE_CAMERA_UNREACHABLE);
		for (int tries = 0; tries < 5; tries++) { /* it boots */
			while (!st.session)
				pass(CAMERA_TICK_MS);
			session_ends(CAUSE_CAMERA_UNREACHABLE);
		}
		assert_int_equal(st.downs, downs + 1);
		assert_int_equal(st.since.us, end.us);
	}
	assert_int_equal(st.runs, 24);
	assert_in_range(down_us / US_PER_S, 23 * 17, 23 * 18); /* 80 % of 1 + 2 + 4 + 5 + 5 + 5 s */
	close_stage();
}

static void closes_from_every_state(void **state)
{
	(void)state;
	open_stage(NULL);
	close_stage(); /* idle */
	open_stage(NULL);
	pass(600);
	close_stage(); /* connecting */
	open_stage(NULL);
	pass(600);
	session_plays();
	close_stage(); /* starting */
	open_stage(NULL);
	pass(600);
	session_plays();
	frame();
	pass(3000);
	close_stage(); /* stalled */
	open_stage(NULL);
	pass(600);
	session_ends(CAUSE_CAMERA_REFUSED);
	close_stage(); /* waiting */
	open_stage(NULL);
	pass(600);
	st.session->events->ended(st.session->owner, CAUSE_CAMERA_REFUSED, "x");
	camera_close(st.cam); /* leaving */
	uv_run(&st.loop, UV_RUN_NOWAIT);
	assert_false(st.closed);
	session_gone();
	assert_true(st.closed);
	assert_int_equal(st.closes, 1);
	assert_int_equal(uv_loop_close(&st.loop), 0);
}

static void records_whatever_fails_once(void **state)
{
	struct fault f = {0};

	(void)state;
	FAULT_EACH(&f) {
		int frames = 0, rounds = 0;

		open_stage(&f);
		for (; frames < 5; rounds++) {
			assert_true(rounds < 200);
			pass(CAMERA_TICK_MS);
			if (st.session && st.session->closing)
				session_gone();
			if (st.session && !st.run && fault_here(&f))
				session_ends(CAUSE_CAMERA_UNREACHABLE);
			else if (st.session && !st.run)
				session_plays();
			if (st.session && !st.session->closing && st.run)
				frame();
			frames += st.session && !st.session->closing && st.run && st.run->covered;
		}
		assert_true(st.ups >= 1 && st.ups <= 2 && st.downs <= 1);
		close_stage();
	}
}

static void sound_goes_its_own_way(void **state)
{
	struct camera_status s;

	(void)state;
	open_stage_with(NULL, true);
	pass(600);
	assert_true(st.session->audio);
	session_plays();
	assert_true(st.has_audio);
	sound(false);
	sound(true);
	assert_int_equal(st.audio_packets, 1);
	assert_int_equal(st.ups, 0); /* it is no footage */
	frame();
	assert_int_equal(st.ups, 1);
	for (int i = 0; i < 20; i++) { /* nor does it keep a silent picture alive */
		pass(1000);
		if (st.session && !st.session->closing)
			sound(false);
	}
	camera_status(st.cam, &s);
	assert_int_equal(s.view, CAMERA_DOWN);
	assert_int_equal(s.cause, CAUSE_STREAM_STALLED);
	close_stage();
}

/* Whatever goes wrong with it, the next try is without; and a session that played may have it again. */
static void sound_that_fails_is_left_out(void **state)
{
	(void)state;
	open_stage_with(NULL, true);
	pass(600);
	assert_true(st.session->audio);
	session_ends(CAUSE_CAMERA_UNREACHABLE);
	pass(3000);
	assert_int_equal(st.sessions, 2);
	assert_false(st.session->audio);
	session_plays();
	assert_false(st.has_audio);
	frame();
	session_ends(CAUSE_CAMERA_UNREACHABLE);
	pass(3000);
	assert_true(st.session->audio);
	session_plays();
	frame();
	session_ends(CAUSE_CAMERA_UNREACHABLE); /* it played: not the sound's doing */
	pass(3000);
	assert_true(st.session->audio);
	close_stage();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_goes_its_own_way),
		cmocka_unit_test(sound_that_fails_is_left_out),
		cmocka_unit_test(waits_its_turn_then_records),
		cmocka_unit_test(tells_an_outage_once_and_again_when_the_cause_changes),
		cmocka_unit_test(tells_once_that_digest_was_offered),
		cmocka_unit_test(is_tried_again_every_five_seconds_at_the_least),
		cmocka_unit_test(a_wrong_password_is_not_tried_for_ever),
		cmocka_unit_test(a_full_camera_is_asked_every_quarter_of_a_minute),
		cmocka_unit_test(a_lost_connection_ends_coverage_at_the_last_frame),
		cmocka_unit_test(who_is_refused_is_left_alone_until_he_is_let_back),
		cmocka_unit_test(a_lost_segment_ends_coverage_where_the_disk_says),
		cmocka_unit_test(silence_is_told_and_then_ends_the_session),
		cmocka_unit_test(frames_after_a_short_silence_just_go_on),
		cmocka_unit_test(a_session_without_frames_is_given_up),
		cmocka_unit_test(media_before_the_answer_to_play_counts),
		cmocka_unit_test(a_track_that_no_run_takes_is_unusable),
		cmocka_unit_test(a_camera_that_reboots_every_hour),
		cmocka_unit_test(closes_from_every_state),
		cmocka_unit_test(records_whatever_fails_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
