#include "probe.h"

#include "depay.h"
#include "media_fault.h"
#include "picture_size.h"
#include "probe_finding.h"
#include "probe_measure.h"

#include "base/clock.h"
#include "base/lang.h"
#include "base/require.h"

#include <errno.h>
#include <math.h>
#include <string.h>

struct probe {
	struct probe_result *out;
	unsigned play_ms;
	struct rtsp_session *session;
	struct depay *depay;
	uv_timer_t timer;
	bool waited;               /* beyond play_ms, for a first picture */
	struct probe_measure measure;
	uint8_t payload_type;
	struct media_tally tally;
};

static void finish(struct probe *p)
{
	if (!p->session)
		return;
	rtsp_session_facts(p->session, &p->out->facts);
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

static void measure_size(struct probe *p, const struct frame *f)
{
	struct picture_size size;
	const uint8_t *sets;
	unsigned epoch;
	size_t len = depay_parameter_sets(p->depay, &sets, &epoch);

	if (picture_size_find(p->measure.codec, sets, len, f->data, f->len, &size) < 0)
		return;
	p->out->width = (unsigned)size.width;
	p->out->height = (unsigned)size.height;
}

static void on_frame(void *arg, const struct frame *f)
{
	struct probe *p = arg;

	probe_measure_frame(&p->measure, f);
	media_tally_frame(&p->tally, f->key, f->damaged);
	if (f->key && !p->out->width)
		measure_size(p, f);
}

/* --- what the session tells ------------------------------------------------------ */

static void on_described(void *owner, const char *sdp, size_t len)
{
	struct probe *p = owner;

	offer_read(sdp, len, &p->out->offer);
}

static void on_tracks(void *owner, const struct track *list, unsigned count)
{
	struct probe *p = owner;
	const struct track *video = &list[0];
	struct err e = {0};

	(void)count;
	probe_measure_init(&p->measure, video->codec, video->clock_rate);
	p->payload_type = video->payload_type;
	p->out->codec = track_codec_name(video->codec);
	p->out->sets_in_sdp = video->fmtp && strstr(video->fmtp, "sprop-");
	depay_destroy(p->depay);
	p->depay = NULL;
	if (depay_create(video, on_frame, p, &p->depay, &e) < 0)
		not_recordable(p, CAUSE_STREAM_UNUSABLE, e.text);
}

/* How far apart key frames are; at the end, how long none has come counts as well. */
static void tell_keys(struct probe *p)
{
	const struct probe_measure *m = &p->measure;
	struct probe_result *r = p->out;
	double longest = (double)m->longest_key_us / US_PER_S;
	double open = (double)(m->last_at.us - (m->keys ? m->key_at.us : m->first_at.us)) / US_PER_S;

	r->keys = m->keys;
	r->key_interval_open = open > longest;
	r->key_interval_s = fmax(open, longest);
	r->own_key_min_s = (double)m->shortest_own_us / US_PER_S;
	r->own_key_max_s = (double)m->longest_own_us / US_PER_S;
}

static void tell_measures(struct probe *p)
{
	const struct probe_measure *m = &p->measure;
	struct probe_result *r = p->out;

	r->frames = m->frames;
	r->damaged = m->damaged;
	r->lost_packets = depay_lost_packets(p->depay);
	r->watched_s = probe_measure_span_s(m);
	if (r->watched_s > 0) {
		r->fps = (m->frames - 1) / r->watched_s;
		r->bits_per_s = (double)m->bytes * 8 / r->watched_s;
	}
	r->jitter_s = m->jitter_us / US_PER_S;
	r->reordered = m->reordered;
	r->jumps = m->jumps;
	r->sane_times = probe_measure_is_sane(m);
	r->sets_inband = m->sets_inband;
	r->clock_known = m->clock_known;
	r->clock_error_us = m->clock_error_us;
	tell_keys(p);
}

static enum media_fault find_fault(const struct probe *p)
{
	enum media_fault fault = media_fault_of(&p->tally);
	const uint8_t *sets;
	unsigned epoch;

	if (fault != MEDIA_GOOD || p->out->width)
		return fault;
	return depay_parameter_sets(p->depay, &sets, &epoch) ? MEDIA_BAD_SETS : MEDIA_NO_SETS;
}

static void judge(struct probe *p)
{
	tell_measures(p);
	enum media_fault fault = find_fault(p);
	if (fault != MEDIA_GOOD && fault != MEDIA_NO_KEY) {
		char text[DETAIL_MAX];
		not_recordable(p, fault == MEDIA_SILENT ? CAUSE_STREAM_STALLED : CAUSE_STREAM_UNUSABLE,
			       media_fault_advice(fault, text, sizeof text));
		return;
	}
	p->out->recordable = true;
	finish(p);
}

static void on_timer(uv_timer_t *t)
{
	struct probe *p = t->data;

	if (p->measure.frames == 0 && !p->waited && p->play_ms < PROBE_NO_FRAME_MS) {
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

static void measure_packet(struct probe *p, const uint8_t *data, size_t len, struct mono arrival)
{
	media_tally_packet(&p->tally, data, len, p->payload_type);
	probe_measure_packet(&p->measure, data, len, arrival);
}

static void on_packet(void *owner, unsigned track, const uint8_t *data, size_t len, bool rtcp)
{
	struct probe *p = owner;
	struct mono arrival = clock_mono(clock_real());

	if (!p->session || track != 0)
		return;
	if (rtcp)
		probe_measure_report(&p->measure, data, len, clock_wall(clock_real()));
	else
		measure_packet(p, data, len, arrival);
	if (depay_feed(p->depay, data, len, rtcp, arrival) < 0)
		not_recordable(p, CAUSE_STREAM_UNUSABLE,
			       lang("视频流无法解读,请在摄像机中恢复视频设置并选 H.264",
				    "the stream cannot be understood: reset the camera's video settings to H.264"));
}

static void on_torn(void *owner)
{
	struct probe *p = owner;

	if (p->session)
		depay_torn(p->depay);
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
	static const struct rtsp_events events = {on_tracks, on_playing, on_packet, on_ended, on_closed, on_described, on_torn};
	struct probe p = {.out = out, .play_ms = seconds * 1000};
	uv_loop_t loop;

	*out = (struct probe_result){.tls = strncmp(target->url, "rtsps:", 6) == 0, .has_login = target->username != NULL};
	REQUIRE(uv_loop_init(&loop) == 0 && uv_timer_init(&loop, &p.timer) == 0);
	p.timer.data = &p;
	p.session = rtsp_session_create(&loop, target, &events, &p);
	uv_run(&loop, UV_RUN_DEFAULT);
	REQUIRE(uv_loop_close(&loop) == 0);
	return out->recordable ? 0 : -EIO;
}

bool probe_is_fine(const struct probe_result *r)
{
	struct probe_finding found[PROBE_FINDINGS_MAX];
	unsigned count = probe_findings(r, found);

	for (unsigned i = 0; i < count; i++)
		if (found[i].level >= PROBE_WARN)
			return false;
	return true;
}
