#include "camera.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>

#define SOUND_TICK_MS 5 /* a packet leaves so long after its last sample at most */

/* --- one picture -------------------------------------------------------------- */

static unsigned count_takers(struct camera *cam, bool key)
{
	unsigned takers = 0;

	for (struct camera_viewer *v = cam->viewers, *next; v; v = next) {
		next = v->next; /* v may detach itself */
		v->has_key |= key;
		v->takes = v->has_key && v->ready(v);
		takers += v->takes;
	}
	return takers;
}

static void hand_out(struct camera *cam, const struct camera_media *m)
{
	for (struct camera_viewer *v = cam->viewers, *next; v; v = next) {
		next = v->next;
		if (v->takes)
			v->on_media(v, m);
	}
}

static int packetise(struct camera *cam, const AVPacket *unit, bool key, struct rtp_packets *out)
{
	struct nal sets = {0};

	if (key && (cam->cfg.inband || cam->sets_changed)) {
		sets = encoder_sets_annexb(cam->encoder);
		cam->sets_changed = false;
	}
	return rtp_packetise(cam->packetiser, sets.data, sets.len, unit->data, (size_t)unit->size, out);
}

static int make_media(struct camera *cam, int64_t clock_us, bool key, struct camera_media *m)
{
	struct picture picture = encoder_picture(cam->encoder);
	const AVPacket *unit;

	picture_draw_moment(&picture, clock_us, cam->cfg.number);
	int rc = encoder_encode(cam->encoder, key, &unit);
	if (rc < 0)
		return rc;
	*m = (struct camera_media){.clock_us = clock_us, .shift_us = cam->shift_us,
				   .told_us = clock_us + cam->clock_off_us};
	return packetise(cam, unit, key, &m->packets);
}

static void take_picture(struct camera *cam)
{
	int64_t clock_us = clock_wall(clock_real()).us;
	bool key = cam->want_key || cam->due_us + cam->period_us / 2 >= cam->next_key_us;
	struct camera_media m;

	int rc = make_media(cam, clock_us, key, &m);
	if (rc < 0) {
		log_error("encode", "camera=%s text=\"%s\"", cam->cfg.name, av_err2str(rc));
		cam->want_key = true;
		return;
	}
	if (key) {
		cam->want_key = false;
		cam->next_key_us = cam->due_us + cam->cfg.gop_us;
	}
	if (count_takers(cam, key) == 0)
		return;
	struct truth_frame f = {.clock_us = clock_us, .number = cam->frames++, .key = key,
				.bytes = m.packets.len};
	cam->bytes += f.bytes;
	truth_frame(cam->truth, cam->cfg.name, &f); /* first: who has the picture finds it in the log */
	hand_out(cam, &m);
}

/* --- its rhythm ------------------------------------------------------------------ */

static void on_tick(uv_timer_t *t);

static int64_t loop_now_us(const struct camera *cam)
{
	return (int64_t)uv_now(cam->tick.loop) * 1000;
}

/* Sets the timer for due_us; pictures that are already late are left out. */
static void arm(struct camera *cam)
{
	int64_t now_us = loop_now_us(cam);

	if (cam->due_us < now_us - cam->period_us)
		cam->due_us = now_us;
	int64_t wait_ms = (cam->due_us - now_us) / 1000;
	uv_timer_start(&cam->tick, on_tick, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static void on_tick(uv_timer_t *t)
{
	struct camera *cam = t->data;

	if (!cam->silent)
		take_picture(cam);
	cam->due_us += cam->period_us;
	if (cam->viewers)
		arm(cam);
}

/* --- sound ----------------------------------------------------------------------- */

static void on_sound_tick(uv_timer_t *t)
{
	struct camera *cam = t->data;
	struct sound_packet p;

	while (sound_next(cam->sound, clock_wall(clock_real()).us, &p) > 0)
		for (struct camera_viewer *v = cam->viewers, *next; v; v = next) {
			next = v->next;
			if (v->on_sound && v->has_key && !cam->muted && !cam->silent)
				v->on_sound(v, &p);
		}
}

static void start_sound(struct camera *cam)
{
	if (cam->sound)
		uv_timer_start(&cam->sound_tick, on_sound_tick, 0, SOUND_TICK_MS);
}

/* --- viewers --------------------------------------------------------------------- */

static int open_encoder(struct camera *cam, struct err *e)
{
	struct encoder *encoder;
	int rc = encoder_create(&encoder, &cam->cfg.encoder, e);
	if (rc < 0)
		return rc;
	struct picture picture = encoder_picture(encoder);
	picture_draw_room(&picture, cam->cfg.name, cam->cfg.number);
	encoder_destroy(cam->encoder);
	cam->encoder = encoder;
	cam->want_key = true;
	return 0;
}

static int open_chain(struct camera *cam, struct err *e)
{
	int rc = cam->encoder ? 0 : open_encoder(cam, e);

	if (rc == 0 && cam->cfg.sound != SOUND_NONE && !cam->sound)
		rc = sound_create(&cam->sound, cam->cfg.sound, e);

	if (rc == 0 && !cam->packetiser)
		rc = rtp_packetiser_create(&cam->packetiser, &cam->cfg.encoder, e);
	return rc;
}

int camera_describe(struct camera *cam, struct encoder_sets *sets, struct err *e)
{
	int rc = open_chain(cam, e);

	if (rc == 0)
		*sets = encoder_sets(cam->encoder);
	return rc;
}

int camera_attach(struct camera *cam, struct camera_viewer *v, struct err *e)
{
	int rc = open_chain(cam, e);
	if (rc < 0)
		return rc;
	bool first = cam->viewers == NULL;
	v->has_key = false;
	v->prev = NULL;
	v->next = cam->viewers;
	if (v->next)
		v->next->prev = v;
	cam->viewers = v;
	cam->want_key = true;
	if (first) {
		start_sound(cam);
		cam->due_us = loop_now_us(cam);
		arm(cam);
	}
	return 0;
}

void camera_detach(struct camera *cam, struct camera_viewer *v)
{
	if (v->prev)
		v->prev->next = v->next;
	else
		cam->viewers = v->next;
	if (v->next)
		v->next->prev = v->prev;
	v->prev = v->next = NULL;
	if (cam->viewers)
		return;
	uv_timer_stop(&cam->tick);
	uv_timer_stop(&cam->sound_tick);
}

/* --- faults ---------------------------------------------------------------------- */

void camera_set_silent(struct camera *cam, bool on)
{
	cam->want_key |= cam->silent && !on; /* so that a recorder can begin again at once */
	cam->silent = on;
	truth_line(cam->truth, "silent", cam->cfg.name, "\"on\":%s", on ? "true" : "false");
}

void camera_set_muted(struct camera *cam, bool on)
{
	cam->muted = on;
	truth_line(cam->truth, "mute", cam->cfg.name, "\"on\":%s", on ? "true" : "false");
}

void camera_set_refused(struct camera *cam, bool on)
{
	cam->refused = on;
	truth_line(cam->truth, "refuse", cam->cfg.name, "\"on\":%s", on ? "true" : "false");
}

void camera_set_wrong_auth(struct camera *cam, bool on)
{
	cam->wrong_auth = on;
	truth_line(cam->truth, "wrongauth", cam->cfg.name, "\"on\":%s", on ? "true" : "false");
}

void camera_set_fps(struct camera *cam, double fps)
{
	cam->period_us = (int64_t)(1e6 / fps);
	truth_line(cam->truth, "slow", cam->cfg.name, "\"fps\":%.3f", fps);
	if (!cam->viewers)
		return;
	cam->due_us = loop_now_us(cam);
	arm(cam);
}

void camera_jump(struct camera *cam, double seconds)
{
	cam->shift_us += (int64_t)(seconds * 1e6);
	truth_line(cam->truth, "jump", cam->cfg.name, "\"seconds\":%.6f", seconds);
}

void camera_set_clock_off(struct camera *cam, double seconds)
{
	cam->clock_off_us = (int64_t)(seconds * 1e6);
	truth_line(cam->truth, "clock", cam->cfg.name, "\"seconds\":%.6f", seconds);
}

int camera_change_sets(struct camera *cam, struct err *e)
{
	cam->cfg.encoder.alternate = !cam->cfg.encoder.alternate;
	int rc = open_encoder(cam, e);
	if (rc < 0) {
		cam->cfg.encoder.alternate = !cam->cfg.encoder.alternate;
		return rc;
	}
	cam->sets_changed = true;
	truth_line(cam->truth, "params", cam->cfg.name, "\"alternate\":%s",
		   cam->cfg.encoder.alternate ? "true" : "false");
	return 0;
}

/* --- lifetime -------------------------------------------------------------------- */

int camera_init(struct camera *cam, uv_loop_t *loop, const struct camera_config *cfg,
		struct truth *truth)
{
	*cam = (struct camera){.cfg = *cfg, .truth = truth};
	cam->period_us = 1000000 / cfg->encoder.fps;
	int rc = uv_timer_init(loop, &cam->tick);
	if (rc == 0)
		rc = uv_timer_init(loop, &cam->sound_tick);
	cam->tick.data = cam->sound_tick.data = cam;
	return rc;
}

void camera_close(struct camera *cam)
{
	uv_close((uv_handle_t *)&cam->tick, NULL);
	uv_close((uv_handle_t *)&cam->sound_tick, NULL);
}

void camera_finish(struct camera *cam)
{
	encoder_destroy(cam->encoder);
	rtp_packetiser_destroy(cam->packetiser);
	sound_destroy(cam->sound);
}
