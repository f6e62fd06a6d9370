#include "recorder/run.h"

#include "base/bound.h"
#include "base/lang.h"
#include "base/log.h"
#include "base/sm.h"
#include "media/seal.h"
#include "recorder/audio.h"
#include "recorder/clock_watch.h"
#include "recorder/cutter.h"
#include "recorder/depay.h"
#include "recorder/media_fault.h"
#include "recorder/meter.h"
#include "recorder/mux.h"
#include "recorder/frame_hold.h"
#include "recorder/rtp_packet.h"
#include "recorder/rtsp_reply.h"
#include "recorder/sps.h"
#include "recorder/timeline.h"

#include <errno.h>
#include <stdlib.h>

#define PATIENCE_US (10 * US_PER_S)      /* then why nothing is recorded is told */
#define QUIET_US (500 * US_PER_MS)       /* no packet for so long: the frame being gathered is whole */
#define DETAIL_BYTES 400
#define FRAME_END_MAX_US (400 * US_PER_MS) /* so long at most lasts a frame that none follows */
#define FIRST_FRAMES_MAX 16
#define FIRST_FRAMES_US (1 * US_PER_S)
#define LEADING_MAX_S 2                  /* a frame that is shown longer before the key frame is no leading one of it */
#define CROWDED_MAX 500                  /* frames in a row that no time was left for: a slewed clock makes a few */

/*          key frame, a disk takes it
 *  WAITING ─────────────────────────▶ COVERING
 *     ▲ ◀── stall, loss, no disk ────────┤
 *     │                                  │ the disk refused a fragment
 *     └──────── run_segment_lost ───── LOSING
 *
 *  Any state ──media unusable, clock stepped──▶ BROKEN */
enum { WAITING, COVERING, LOSING, BROKEN };

static const struct sm_state run_states[] = {
	[WAITING]  = {"waiting",  SM_TO(COVERING) | SM_TO(BROKEN)},
	[COVERING] = {"covering", SM_TO(WAITING) | SM_TO(LOSING) | SM_TO(BROKEN)},
	[LOSING]   = {"losing",   SM_TO(WAITING) | SM_TO(BROKEN)},
	[BROKEN]   = {"broken",   0},
};

struct run {
	struct run_conf conf;
	enum track_codec codec;
	struct clock *clock;
	struct outlet *outlet;
	const struct run_events *events;
	void *owner;
	struct sm sm;
	uint8_t id[UUID_BYTES];
	char id_text[UUID_TEXT_MAX];

	struct depay *depay;
	struct frame_hold hold;      /* the first frames of a stream that is reordered, until they can be placed */
	struct frame_hold refresh;   /* frames of a gradual refresh, while nothing is covered, until the picture is whole; */
	unsigned refresh_needs;      /* which is after so many */
	bool leads;                  /* coverage began at an open key frame, and what is shown before that is left out: */
	int64_t leads_to_ticks;      /* it refers to what was not recorded */
	struct timeline timeline;
	struct cutter cutter;
	struct mux *mux;
	struct audio *audio;         /* NULL: no sound is recorded */
	struct outlet_segment *segment;
	struct picture_size size;
	unsigned size_epoch;         /* of the parameter sets that size is of; 0: unknown */
	struct sps format;           /* of the open segment; */
	unsigned format_epoch;       /* and the parameter sets in its moov */
	bool in_band;                /* it promises that every key frame brings its own */
	bool varies, unsteady;       /* sets change from one key frame to the next; not every key frame brings them */
	unsigned formats;            /* grows when another file must begin */

	struct clock_watch watch;
	struct mono last_packet, last_frame;
	struct mono last_placed;     /* arrival of the last frame that was placed */
	struct wall last_at;         /* of the last frame stored */
	struct wall flushed;         /* end of what the open segment was handed */
	bool has_covered;
	struct wall covered_end;     /* while not COVERING */
	unsigned crowded;            /* frames in a row that had no time of their own */
	uint8_t payload_type;
	struct media_tally tally;    /* packets since the last picture, pictures since coverage is waited for */
	bool torn;                   /* a packet was broken off since coverage began */
	bool waits;                  /* frames come, but none that coverage begins with */
	struct mono waits_since;
	enum media_fault told_fault; /* MEDIA_GOOD: none */
	bool told_down, told_broken, closing;
	enum gap_cause down_cause, broken_cause;
	char broken_detail[DETAIL_BYTES];

	struct meter meter;
	uint64_t frames, bytes;
	int64_t clock_error_us;
	bool clock_error_known, clock_told;
};

static void end_coverage(struct run *r, struct wall end, enum gap_cause cause, const char *detail);

/* --- small questions ---------------------------------------------------------------- */

/* Of the last frame, while none follows: its usual time, but nothing beyond now and none of what it is unusual to
 * be still shown. */
static struct wall natural_end(const struct run *r, struct mono now)
{
	int64_t usual = min64(timeline_interval(&r->timeline), FRAME_END_MAX_US);
	int64_t end = min64(r->last_at.us + usual, clock_watch_wall(&r->watch, now).us + TIMELINE_AHEAD_US);

	return (struct wall){max64(end, r->last_at.us + 1)};
}

static struct wall end_now(const struct run *r)
{
	return natural_end(r, clock_mono(r->clock));
}

/* --- telling -------------------------------------------------------------------------- */

static void tell_down(struct run *r, struct wall since, enum gap_cause cause, const char *detail)
{
	if (r->closing || (r->told_down && r->down_cause == cause))
		return;
	r->told_down = true;
	r->down_cause = cause;
	r->events->down(r->owner, since, cause, detail);
}

/* Why nothing is recorded although the stream is open: once for each reason. An outage that was told keeps its cause. */
static void tell_fault(struct run *r, struct wall since, enum media_fault fault)
{
	char text[DETAIL_BYTES];

	if (r->told_fault == fault || r->closing)
		return;
	r->told_fault = fault;
	if (!r->told_down)
		r->down_cause = CAUSE_STREAM_UNUSABLE;
	r->told_down = true;
	r->events->down(r->owner, since, r->down_cause, media_fault_advice(fault, text, sizeof text));
}

static void tell_up(struct run *r, struct wall start)
{
	r->told_down = false;
	r->waits = false;
	r->told_fault = MEDIA_GOOD;
	r->has_covered = true;
	r->events->up(r->owner, start);
}

/* The owner may destroy the run when it hears of it: so it hears of it at the end of a call. */
static void break_run(struct run *r, struct wall since, enum gap_cause cause, const char *detail)
{
	if (r->sm.now == BROKEN)
		return;
	r->broken_cause = cause;
	snprintf(r->broken_detail, sizeof r->broken_detail, "%s", detail);
	if (r->sm.now == COVERING)
		end_coverage(r, end_now(r), cause, detail);
	else
		tell_down(r, r->has_covered ? r->covered_end : since, cause, detail);
	if (r->sm.now != BROKEN)
		sm_move(&r->sm, BROKEN);
}

static void finish_call(struct run *r)
{
	if (r->sm.now != BROKEN || r->told_broken || r->closing)
		return;
	r->told_broken = true;
	r->events->broken(r->owner, r->broken_cause, r->broken_detail); /* may free r: last line */
}

/* --- segments --------------------------------------------------------------------------- */

static void drop_mux(struct run *r)
{
	mux_destroy(r->mux);
	r->mux = NULL;
}

/* The muxer does not take the media: what it took until now stays. */
static void break_at_mux(struct run *r)
{
	struct outlet_segment *s = r->segment;

	r->segment = NULL;
	drop_mux(r);
	r->outlet->ops->close(s, r->flushed);
	const char *why = lang("视频数据无法写成 MP4 文件", "the video cannot be written as MP4");
	end_coverage(r, r->flushed, CAUSE_STREAM_UNUSABLE, why);
	break_run(r, r->flushed, CAUSE_STREAM_UNUSABLE, why);
}

static void add_sound(struct run *r, struct wall end, struct buf *bytes, struct fragment *f)
{
	audio_add_to_fragment(r->audio, f->start, end, bytes);
	f->bytes = (uint32_t)bytes->len;
}

/* Leaves COVERING if the disk or the muxer does not take it. */
static void flush_fragment(struct run *r, struct wall end)
{
	struct buf bytes = {0};
	struct fragment f;
	int rc = mux_flush(r->mux, end, &bytes, &f);

	if (rc > 0 && r->audio)
		add_sound(r, end, &bytes, &f);
	if (rc < 0) {
		break_at_mux(r);
	} else if (rc > 0 && r->outlet->ops->add(r->segment, &bytes, &f) == 0) {
		r->flushed = end;
	} else if (rc > 0 && r->sm.now == COVERING) {
		r->covered_end = r->flushed;
		cutter_close(&r->cutter);
		drop_mux(r);
		sm_move(&r->sm, LOSING);
	}
	buf_finish(&bytes);
}

static void close_segment(struct run *r, struct wall end)
{
	flush_fragment(r, end);
	if (r->sm.now != COVERING || !r->segment)
		return;
	struct outlet_segment *s = r->segment;
	r->segment = NULL;
	drop_mux(r);
	r->outlet->ops->close(s, end);
}

static void end_coverage(struct run *r, struct wall end, enum gap_cause cause, const char *detail)
{
	if (r->segment)
		close_segment(r, end);
	if (r->sm.now != COVERING)
		return; /* the disk gave up meanwhile, and has told or will tell since when */
	cutter_close(&r->cutter);
	r->covered_end = end;
	timeline_not_before(&r->timeline, end.us);
	sm_move(&r->sm, WAITING);
	tell_down(r, end, cause, detail);
}

static int find_size(struct run *r, const struct frame *f, const uint8_t *sets, size_t len, unsigned epoch)
{
	if (r->size_epoch == epoch)
		return 0;
	int rc = picture_size_find(r->codec, sets, len, f->data, f->len, &r->size);
	if (rc == 0)
		r->size_epoch = epoch;
	return rc;
}

/* -EAGAIN: no disk takes it (*cause); -ENODATA: no parameter sets yet; other: unusable. */
static int open_segment(struct run *r, const struct frame *f, struct wall start, enum gap_cause *cause)
{
	const uint8_t *sets;
	unsigned epoch;
	size_t len = depay_parameter_sets(r->depay, &sets, &epoch);
	struct outlet_begin b = {.start = start, .flags = r->clock->synced(r->clock) ? 0 : SEAL_CLOCK_UNTRUSTED};
	struct err e;

	if (len == 0)
		return -ENODATA;
	int rc = find_size(r, f, sets, len, epoch);
	if (rc < 0)
		return rc;
	struct mux_conf conf = {.site = r->conf.site, .camera = r->conf.camera, .run = r->id_text,
				.codec = r->codec, .size = r->size, .sets = sets, .sets_len = len,
				.sets_in_band = f->sets_whole && !r->unsteady,
				.sets_vary = f->sets_whole && !r->unsteady && r->varies, .start = start};
	rc = mux_create(&conf, &r->mux, &b.init, &e);
	if (rc < 0)
		return rc;
	if (r->audio)
		audio_begin_segment(r->audio, start, &b.init);
	memcpy(b.run, r->id, sizeof b.run);
	r->segment = r->outlet->ops->begin(r->outlet, &b, cause);
	buf_finish(&b.init);
	r->flushed = start;
	r->in_band = conf.sets_in_band;
	r->format_epoch = epoch;
	if (sps_find(r->codec, sets, len, &r->format) < 0)
		r->format = (struct sps){0};
	if (r->segment)
		return 0;
	drop_mux(r);
	return -EAGAIN;
}

/* --- frames ------------------------------------------------------------------------------- */

static void store(struct run *r, const struct frame *f, struct placed p)
{
	struct mux_frame m = {.data = f->data, .len = f->len, .nal_at = f->nal_at, .nals = f->nals,
			      .at_us = p.at_us, .shown_us = p.shown_us, .key = f->key};

	r->last_at = (struct wall){p.at_us};
	if (mux_add(r->mux, &m) < 0)
		break_at_mux(r);
}

static enum media_fault sets_fault(int rc)
{
	return rc == -ENODATA ? MEDIA_NO_SETS : MEDIA_BAD_SETS;
}

static void break_for(struct run *r, struct wall since, enum gap_cause cause, enum media_fault fault)
{
	char text[DETAIL_BYTES];

	break_run(r, since, cause, media_fault_advice(fault, text, sizeof text));
}

/* rc: why the frame could not begin coverage; 0: it is no key frame, or damaged. A stream is not left for want of a
 * key frame; for parameter sets another session may bring, it is. */
static void wait_longer(struct run *r, const struct frame *f, struct wall at, int rc)
{
	int64_t waited_us = r->waits ? f->arrival.us - r->waits_since.us : 0;

	if (!r->waits)
		r->waits_since = f->arrival;
	r->waits = true;
	media_tally_frame(&r->tally, f->key, f->damaged);
	if (waited_us <= PATIENCE_US)
		return;
	enum media_fault fault = media_fault_of(&r->tally);
	if (rc < 0)
		break_for(r, at, CAUSE_STREAM_UNUSABLE, sets_fault(rc));
	else if (fault != MEDIA_GOOD)
		tell_fault(r, r->has_covered ? r->covered_end : at, fault);
	r->waits_since = f->arrival;
	r->tally = (struct media_tally){0};
}

static void no_disk(struct run *r, struct wall at, enum gap_cause cause)
{
	r->waits = false; /* it is not the camera that we wait for */
	tell_down(r, r->has_covered ? r->covered_end : at, cause,
		  lang("没有可写入的存储", "no storage takes it"));
}

/* Coverage begins at `start` with this key frame. */
static bool begin_at(struct run *r, const struct frame *f, struct wall start)
{
	enum gap_cause cause = CAUSE_STORAGE_FAILED;
	int rc = open_segment(r, f, start, &cause);

	if (rc == -EAGAIN) {
		no_disk(r, start, cause);
	} else if (rc < 0) {
		wait_longer(r, f, start, rc);
	} else {
		cutter_frame(&r->cutter, start.us, true, r->formats);
		sm_move(&r->sm, COVERING);
		tell_up(r, start);
	}
	return rc == 0;
}

/* A picture that is refreshed little by little covers nothing until it is whole. What a decoder needs from before stands in
 * the file as well, in the last microseconds before that. */
static void begin_refreshed(struct run *r, const struct frame *f, struct placed p)
{
	struct frame_hold held = r->refresh;

	r->refresh = (struct frame_hold){0};
	int64_t start = p.at_us - held.count;
	if (begin_at(r, &held.frames[0], (struct wall){start})) {
		for (unsigned i = 0; i < held.count && r->sm.now == COVERING; i++)
			store(r, &held.frames[i], (struct placed){.at_us = start + i, .shown_us = start + i});
		if (r->sm.now == COVERING)
			store(r, f, p);
	}
	frame_hold_clear(&held);
}

static void refresh_more(struct run *r, const struct frame *f, struct placed p)
{
	if (r->refresh.count > 0 && (f->damaged || f->restarted))
		frame_hold_clear(&r->refresh);
	if (r->refresh.count > 0 && r->refresh.count == r->refresh_needs) {
		begin_refreshed(r, f, p);
		return;
	}
	if (r->refresh.count == 0)
		r->refresh_needs = f->recovery;
	if ((r->refresh.count > 0 || (f->access == RANDOM_ACCESS_GRADUAL && !f->damaged)) &&
	    !frame_hold_put(&r->refresh, f, r->refresh_needs))
		frame_hold_clear(&r->refresh);
	wait_longer(r, f, (struct wall){p.at_us}, 0);
}

static void begin_coverage(struct run *r, const struct frame *f, struct placed p)
{
	bool sharp = f->access == RANDOM_ACCESS_CLOSED || f->access == RANDOM_ACCESS_OPEN;

	if (r->closing || !sharp || f->damaged) {
		refresh_more(r, f, p);
		return;
	}
	frame_hold_clear(&r->refresh);
	r->leads = f->access == RANDOM_ACCESS_OPEN;
	r->leads_to_ticks = f->rtp_ticks;
	if (begin_at(r, f, (struct wall){p.at_us}))
		store(r, f, p);
}

/* Shown before the open key frame with which coverage began: no decoder can show it. */
static bool is_leading(struct run *r, const struct frame *f)
{
	int64_t before = r->leads_to_ticks - f->rtp_ticks;

	r->leads = r->leads && !f->restarted && before > 0 && before < LEADING_MAX_S * (int64_t)r->timeline.clock_rate;
	return r->leads;
}

/* The next segment, at the same microsecond. */
static void roll_segment(struct run *r, const struct frame *f, struct wall at)
{
	enum gap_cause cause = CAUSE_STORAGE_FAILED;

	close_segment(r, at);
	if (r->sm.now != COVERING)
		return;
	int rc = open_segment(r, f, at, &cause);
	if (rc == -EAGAIN)
		end_coverage(r, at, cause, lang("没有可写入的存储", "no storage takes it"));
	else if (rc < 0)
		end_coverage(r, at, CAUSE_STREAM_UNUSABLE, media_fault_text(sets_fault(rc)));
}

/* Whether the decoder of this file, which plays from any key frame of it, could not go on with this one. Sets that change
 * without another format stay in one file, if they come with the key frames; but a file that did not say so from its
 * beginning ends with the first of them. */
static bool needs_another_file(struct run *r, const struct frame *f)
{
	const uint8_t *sets;
	unsigned epoch;
	struct sps sps;
	size_t len = depay_parameter_sets(r->depay, &sets, &epoch);
	bool promised = r->in_band, varied = r->varies;

	r->unsteady |= promised && !f->sets_whole;
	if (epoch == r->format_epoch)
		return promised && !f->sets_whole;
	bool same = sps_find(r->codec, sets, len, &sps) == 0 && sps_same_format(&sps, &r->format);
	r->varies |= same && f->sets_whole;
	return !same || !promised || !f->sets_whole || !varied;
}

static void cover(struct run *r, const struct frame *f, struct placed p)
{
	struct wall at = {p.at_us};

	if (r->leads && is_leading(r, f))
		return;
	if (f->key && r->outlet->ops->leaves(r->segment))
		cutter_close(&r->cutter);
	if (f->key && needs_another_file(r, f))
		r->formats++;
	switch (cutter_frame(&r->cutter, p.at_us, f->key, r->formats)) {
	case CUT_SEGMENT:  roll_segment(r, f, at); break;
	case CUT_FRAGMENT: flush_fragment(r, at); break;
	case CUT_NONE:     break;
	}
	if (r->sm.now == COVERING)
		store(r, f, p);
}

/* A camera that is slower than gap_after is not excused, but told what it is. */
static const char *stall_text(const struct run *r)
{
	if (timeline_interval(&r->timeline) > r->conf.gap_after_us)
		return lang("摄像机的画面间隔比 recording.gap_after 还长，请提高帧率",
			    "the camera's pictures are further apart than recording.gap_after: raise its frame rate");
	return lang("摄像机没有送来画面", "the camera sends no pictures");
}

static void end_before_damage(struct run *r, int64_t at_us)
{
	struct wall end = end_now(r);

	if (end.us > at_us)
		end.us = at_us;
	const char *why = r->torn ? rtsp_torn_text() : lang("画面数据丢失", "packets lost");
	r->torn = false;
	end_coverage(r, end, CAUSE_STREAM_STALLED, why);
}

static void place(struct run *r, const struct frame *f)
{
	struct mono before = r->last_placed;

	if (r->sm.now == BROKEN)
		return;
	int64_t limit_us = r->conf.gap_after_us;
	struct wall end = natural_end(r, f->arrival);
	if (f->restarted)
		timeline_restart(&r->timeline);
	struct placed p = timeline_place(&r->timeline, f->rtp_ticks, clock_watch_wall(&r->watch, f->arrival).us);
	r->last_placed = f->arrival;
	r->crowded = p.crowded ? r->crowded + 1 : 0;
	if (r->crowded > CROWDED_MAX) {
		break_run(r, end, CAUSE_STREAM_UNUSABLE,
			  lang("摄像机送来的画面比时间允许的还多，请在摄像机中恢复视频设置",
			       "the camera sends more pictures than there is time for: reset its video settings"));
		return;
	}

	if (r->sm.now == COVERING && f->damaged)
		end_before_damage(r, p.at_us);
	/* long after the one before, in its time and in its arrival: nothing was recorded between */
	if (r->sm.now == COVERING && p.at_us - r->last_at.us > limit_us &&
	    f->arrival.us - before.us > limit_us)
		end_coverage(r, end, CAUSE_STREAM_STALLED, stall_text(r));
	if (r->sm.now == COVERING)
		cover(r, f, p);
	else if (r->sm.now == WAITING)
		begin_coverage(r, f, p);
}

/* --- where a stream begins ---------------------------------------------------------------------- */

static void place_held(struct run *r)
{
	struct frame_hold held = r->hold;
	struct timeline_frame first[FIRST_FRAMES_MAX];

	r->hold = (struct frame_hold){0};
	for (unsigned i = 0; i < held.count; i++)
		first[i] = (struct timeline_frame){held.frames[i].rtp_ticks, clock_watch_wall(&r->watch, held.frames[i].arrival).us};
	if (held.count > 0)
		timeline_prime(&r->timeline, first, held.count);
	for (unsigned i = 0; i < held.count; i++)
		place(r, &held.frames[i]);
	frame_hold_clear(&held);
}

static bool hold(struct run *r, const struct frame *f)
{
	return !f->restarted && frame_hold_waits_us(&r->hold, f->arrival) < FIRST_FRAMES_US &&
	       frame_hold_put(&r->hold, f, FIRST_FRAMES_MAX);
}

/* Whether frames may come in another order than they are shown in; without parameter sets, who knows. */
static bool may_be_reordered(const struct run *r)
{
	const uint8_t *sets;
	unsigned epoch;
	struct sps sps;
	size_t len = depay_parameter_sets(r->depay, &sets, &epoch);

	return len > 0 && sps_find(r->codec, sets, len, &sps) == 0 && sps.reorder > 0;
}

static void on_frame(void *arg, const struct frame *f)
{
	struct run *r = arg;

	if (r->sm.now == BROKEN)
		return;
	r->last_frame = f->arrival;
	r->tally.packets = r->tally.foreign = 0;
	r->frames++;
	r->bytes += f->len;
	meter_add(&r->meter, f->arrival, f->len);
	if (r->hold.count == 0 && (r->timeline.begun || !f->key || !may_be_reordered(r)))
		place(r, f);
	else if (!hold(r, f)) {
		place_held(r);
		place(r, f);
	}
}

static void watch_hold(struct run *r)
{
	if (frame_hold_waits_us(&r->hold, clock_mono(r->clock)) >= FIRST_FRAMES_US)
		place_held(r);
}

/* --- packets and time ------------------------------------------------------------------------ */

/* One line for each change. Coverage is not touched: it is by our clock. */
static void tell_clock(struct run *r)
{
	bool off = llabs(r->clock_error_us) > CAMERA_CLOCK_ERROR_MAX_US;

	if (off == r->clock_told)
		return;
	r->clock_told = off;
	if (off)
		log_warn("camera_clock", "id=%s state=off error_s=%+.1f text=\"%s\"", r->conf.camera,
			 (double)r->clock_error_us / 1e6,
			 lang("请在摄像机中设置 NTP 校时和时区(录像时间以本机为准,不受影响)",
			      "set NTP and the time zone in the camera (recorded times are this box's, and not affected)"));
	else
		log_info("camera_clock", "id=%s state=right error_s=%+.1f", r->conf.camera, (double)r->clock_error_us / 1e6);
}

static void measure_clock(struct run *r, const uint8_t *data, size_t len, struct mono arrival)
{
	struct rtcp_report report;

	if (rtcp_report_parse(data, len, &report) < 0)
		return;
	r->clock_error_us = report.wall_us - clock_watch_wall(&r->watch, arrival).us;
	r->clock_error_known = true;
	tell_clock(r);
}

void run_packet(struct run *r, const uint8_t *data, size_t len, bool rtcp)
{
	struct mono now = clock_mono(r->clock);

	if (r->sm.now == BROKEN)
		return;
	if (rtcp) {
		measure_clock(r, data, len, now);
		return;
	}
	r->last_packet = now;
	media_tally_packet(&r->tally, data, len, r->payload_type);
	int rc = depay_feed(r->depay, data, len, false, now);
	if (rc < 0) {
		char text[DETAIL_BYTES];
		snprintf(text, sizeof text, "%s (%d)", lang("视频流无法读取", "the stream cannot be read"), rc);
		break_run(r, clock_watch_wall(&r->watch, now), CAUSE_STREAM_UNUSABLE, text);
	}
	finish_call(r);
}

void run_torn(struct run *r)
{
	r->torn = true;
	depay_torn(r->depay);
}

void run_audio_packet(struct run *r, const uint8_t *data, size_t len)
{
	if (r->audio && r->sm.now != BROKEN)
		audio_packet(r->audio, data, len, clock_mono(r->clock), r->watch.offset_us);
}

/* What stands in the run was placed by the clock as it was, so it ends by that one too. */
static void watch_clock(struct run *r)
{
	struct clock_watch was = r->watch;
	int64_t step_us = clock_watch_look(&r->watch, r->clock);
	char text[DETAIL_BYTES];

	if (step_us == 0)
		return;
	r->watch = was;
	place_held(r);
	snprintf(text, sizeof text, "%s: %+.3f s", lang("系统时钟被调整", "the system clock was set"),
		 (double)step_us / US_PER_S);
	break_run(r, clock_watch_wall(&r->watch, clock_mono(r->clock)), CAUSE_CLOCK_STEPPED, text);
}

static void watch_silence(struct run *r)
{
	struct mono now = clock_mono(r->clock);

	if (now.us - r->last_frame.us <= r->conf.gap_after_us)
		return;
	if (now.us - r->last_packet.us >= QUIET_US)
		depay_flush(r->depay); /* a slow camera's picture, too, is not told only when the next one comes */
	if (r->sm.now == COVERING && now.us - r->last_frame.us > r->conf.gap_after_us)
		end_coverage(r, end_now(r), CAUSE_STREAM_STALLED, stall_text(r));
}

/* Packets come, and no picture is made of them. When none come, it is for the session's owner to leave. */
static void watch_pictures(struct run *r)
{
	struct mono now = clock_mono(r->clock);

	if (r->sm.now != WAITING || now.us - r->last_frame.us < PATIENCE_US || now.us - r->last_packet.us > PATIENCE_US)
		return;
	struct media_tally packets = {.packets = r->tally.packets, .foreign = r->tally.foreign};
	if (packets.packets > 0)
		break_for(r, clock_watch_wall(&r->watch, r->last_frame),
			  r->told_down ? r->down_cause : CAUSE_STREAM_UNUSABLE, media_fault_of(&packets));
}

void run_tick(struct run *r)
{
	if (r->sm.now == BROKEN)
		return;
	watch_clock(r);
	if (r->sm.now != BROKEN)
		watch_hold(r);
	if (r->sm.now != BROKEN)
		watch_silence(r);
	if (r->sm.now != BROKEN)
		watch_pictures(r);
	finish_call(r);
}

bool run_segment_lost(struct run *r, const struct outlet_segment *s, struct wall good_end,
		      enum gap_cause cause, const char *detail)
{
	if (!r->segment || r->segment != s)
		return false;
	r->segment = NULL;
	drop_mux(r);
	cutter_close(&r->cutter);
	r->covered_end = good_end;
	if (r->sm.now == COVERING || r->sm.now == LOSING)
		sm_move(&r->sm, WAITING);
	r->told_down = false; /* coverage did last until now, as far as was known */
	tell_down(r, good_end, cause, detail);
	return true;
}

/* --- questions and lifetime ---------------------------------------------------------------------- */

bool run_covered_until(const struct run *r, struct wall *end)
{
	if (r->has_covered)
		*end = r->sm.now == COVERING ? end_now(r) : r->covered_end;
	return r->has_covered;
}

bool run_is_stalled(const struct run *r, struct mono *since)
{
	*since = r->last_frame;
	return clock_mono(r->clock).us - r->last_frame.us > r->conf.gap_after_us;
}

const uint8_t *run_id(const struct run *r)
{
	return r->id;
}

void run_stats(const struct run *r, struct run_stats *out)
{
	*out = (struct run_stats){
		.frames = r->frames,
		.bytes = r->bytes,
		.lost_packets = depay_lost_packets(r->depay),
		.camera_clock_error_us = r->clock_error_us,
		.camera_clock_known = r->clock_error_known,
	};
	meter_read(&r->meter, clock_mono(r->clock), &out->fps, &out->bits_per_s);
}

/* Pictures are recorded with sound or without it. */
static void open_audio(struct run *r, const struct track *t)
{
	char quoted[DETAIL_BYTES];
	struct err e;

	if (t && audio_create(t, &r->audio, &e) < 0)
		log_warn("audio", "camera=%s state=refused codec=%s text=\"%s\"", r->conf.camera,
			 track_codec_name(t->codec), log_quote(quoted, sizeof quoted, e.text));
}

int run_create(const struct run_conf *conf, const struct track *t, struct clock *clock, struct outlet *outlet,
	       const struct run_events *events, void *owner, struct run **out, struct err *e)
{
	struct run *r = xcalloc(1, sizeof *r);

	*out = NULL;
	r->conf = *conf;
	r->codec = t->codec;
	r->payload_type = t->payload_type;
	r->clock = clock;
	r->outlet = outlet;
	r->events = events;
	r->owner = owner;
	int rc = depay_create(t, on_frame, r, &r->depay, e);
	if (rc < 0) {
		free(r);
		return rc;
	}
	open_audio(r, conf->audio);
	r->conf.audio = NULL;
	sm_init(&r->sm, run_states, conf->camera, WAITING);
	uuid_make(r->id);
	uuid_format(r->id, r->id_text);
	timeline_init(&r->timeline, t->clock_rate, conf->not_before.us);
	cutter_init(&r->cutter, conf->segment_us, conf->stagger_us);
	clock_watch_init(&r->watch, clock);
	r->last_packet = r->last_frame = r->last_placed = clock_mono(clock);
	*out = r;
	return 0;
}

bool run_destroy(struct run *r, struct wall *end)
{
	if (!r)
		return false;
	r->closing = true;
	if (r->sm.now == COVERING)
		depay_flush(r->depay);
	if (r->sm.now == COVERING)
		end_coverage(r, end_now(r), CAUSE_RECORDER_DOWN, "");
	bool covered = run_covered_until(r, end);
	mux_destroy(r->mux);
	depay_destroy(r->depay);
	audio_destroy(r->audio);
	frame_hold_clear(&r->hold);
	frame_hold_clear(&r->refresh);
	free(r);
	return covered;
}
