#include "probe.h"

#include "depay.h"
#include "picture_size.h"
#include "rtp_packet.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/lang.h"
#include "base/require.h"

#include <errno.h>
#include <math.h>

struct probe {
	struct probe_result *out;
	unsigned play_ms;
	struct rtsp_session *session;
	struct depay *depay;
	uv_timer_t timer;
	bool waited;               /* beyond play_ms, for a first picture */
	enum track_codec codec;
	uint32_t clock_rate;
	uint64_t bytes;            /* of all frames but the last, which has no end yet */
	size_t last_bytes;
	int64_t first_ticks, last_ticks, key_ticks;
	unsigned keys;
};

static void finish(struct probe *p)
{
	if (!p->session)
		return;
	rtsp_session_close(p->session);
	p->session = NULL;
	uv_close((uv_handle_t *)&p->timer, NULL);
}

static void not_recordable(struct probe *p, enum gap_cause cause, const char *detail)
{
	p->out->recordable = false;
	p->out->cause = cause;
	detail_set(p->out->detail, detail);
	finish(p);
}

/* --- frames -------------------------------------------------------------------- */

static double seconds_of(const struct probe *p, int64_t ticks)
{
	return (double)ticks / p->clock_rate;
}

static void measure_key(struct probe *p, const struct frame *f)
{
	struct picture_size size;
	const uint8_t *sets;
	unsigned epoch;

	if (p->keys++ > 0)
		p->out->key_interval_s = fmax(p->out->key_interval_s,
					      seconds_of(p, f->rtp_ticks - p->key_ticks));
	p->key_ticks = f->rtp_ticks;
	if (p->out->width)
		return;
	size_t len = depay_parameter_sets(p->depay, &sets, &epoch);
	if (picture_size_find(p->codec, sets, len, f->data, f->len, &size) < 0)
		return;
	p->out->width = (unsigned)size.width;
	p->out->height = (unsigned)size.height;
}

static void on_frame(void *arg, const struct frame *f)
{
	struct probe *p = arg;

	if (p->out->frames++ == 0)
		p->first_ticks = p->last_ticks = f->rtp_ticks;
	if (f->rtp_ticks > p->last_ticks)
		p->last_ticks = f->rtp_ticks;
	p->bytes += p->last_bytes;
	p->last_bytes = f->len;
	p->out->damaged += f->damaged;
	if (f->key)
		measure_key(p, f);
}

static void on_report(struct probe *p, const uint8_t *data, size_t len)
{
	struct rtcp_report report;

	if (rtcp_report_parse(data, len, &report) < 0)
		return;
	p->out->clock_known = true;
	p->out->clock_error_us = report.wall_us - clock_wall(clock_real()).us;
}

/* --- what the session tells ------------------------------------------------------ */

static void on_tracks(void *owner, const struct track *list, unsigned count)
{
	struct probe *p = owner;
	const struct track *t = &list[0];
	struct err e = {0};

	if (count > 1) {
		p->out->audio_codec = track_codec_name(list[1].codec);
		p->out->audio_rate = list[1].clock_rate;
	}
	p->codec = t->codec;
	p->clock_rate = t->clock_rate;
	p->out->codec = track_codec_name(t->codec);
	if (depay_create(t, on_frame, p, &p->depay, &e) < 0)
		not_recordable(p, CAUSE_STREAM_UNUSABLE, e.text);
}

static void judge(struct probe *p)
{
	double span = seconds_of(p, p->last_ticks - p->first_ticks);

	if (p->out->frames == 0) {
		not_recordable(p, CAUSE_STREAM_STALLED,
			       lang("摄像机接受了连接,但没有送来画面,请检查其视频设置",
				    "the camera accepted the connection but sent no pictures: check its video settings"));
		return;
	}
	if (p->keys == 0) {
		not_recordable(p, CAUSE_STREAM_UNUSABLE,
			       lang("没有收到关键帧,请在摄像机中把关键帧间隔设为 2 秒以内",
				    "no key frame came: set a key frame every 2 s in the camera"));
		return;
	}
	if (span > 0) {
		p->out->fps = (p->out->frames - 1) / span;
		p->out->bits_per_s = (double)p->bytes * 8 / span;
	}
	p->out->recordable = true;
	finish(p);
}

static void on_timer(uv_timer_t *t)
{
	struct probe *p = t->data;

	if (p->out->frames == 0 && !p->waited && p->play_ms < PROBE_NO_FRAME_MS) {
		p->waited = true;
		uv_timer_start(t, on_timer, PROBE_NO_FRAME_MS - p->play_ms, 0);
		return;
	}
	depay_flush(p->depay);
	judge(p);
}

static void on_playing(void *owner)
{
	struct probe *p = owner;

	uv_timer_start(&p->timer, on_timer, p->play_ms, 0);
}

static void on_packet(void *owner, unsigned track, const uint8_t *data, size_t len, bool rtcp)
{
	struct probe *p = owner;

	if (!p->session || track > 0)
		return;
	if (rtcp)
		on_report(p, data, len);
	if (depay_feed(p->depay, data, len, rtcp, clock_mono(clock_real())) < 0)
		not_recordable(p, CAUSE_STREAM_UNUSABLE,
			       lang("视频流无法解读,请在摄像机中恢复视频设置并选 H.264",
				    "the stream cannot be understood: reset the camera's video settings to H.264"));
}

static void on_ended(void *owner, enum gap_cause cause, const char *detail)
{
	not_recordable(owner, cause, detail);
}

static void on_closed(void *owner)
{
	struct probe *p = owner;

	depay_destroy(p->depay);
	p->depay = NULL;
}

int probe_run(const struct rtsp_target *target, unsigned seconds, struct probe_result *out)
{
	static const struct rtsp_events events = {on_tracks, on_playing, on_packet, on_ended, on_closed};
	struct probe p = {.out = out, .play_ms = (seconds ? seconds : PROBE_SECONDS_DEFAULT) * 1000,
			  .clock_rate = 90000};
	struct rtsp_target with_sound = *target;
	uv_loop_t loop;

	*out = (struct probe_result){0};
	with_sound.audio = true;
	REQUIRE(uv_loop_init(&loop) == 0 && uv_timer_init(&loop, &p.timer) == 0);
	p.timer.data = &p;
	p.session = rtsp_session_create(&loop, &with_sound, &events, &p);
	uv_run(&loop, UV_RUN_DEFAULT);
	REQUIRE(uv_loop_close(&loop) == 0);
	return out->recordable ? 0 : -EIO;
}
