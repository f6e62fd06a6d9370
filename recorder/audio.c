#include "recorder/audio.h"

#include "base/log.h"
#include "media/segment.h"
#include "recorder/audio_depay.h"
#include "recorder/mux_audio.h"
#include "recorder/timeline.h"

#include <stdlib.h>
#include <string.h>

#define LEAD_BACK_US (4 * US_PER_MS) /* a deviation that is worth a sample */
#define FRAMES_MAX 1200 /* 12 s of packets of 10 ms */

/* Times are counted in samples since the first frame ever placed, so that they tile for ever. */
struct waiting { int64_t at; uint32_t ticks, len; };

struct audio {
	struct audio_depay *depay;
	struct audio_format format;
	struct timeline timeline;
	int64_t offset_us;            /* wall − mono, of the packet at hand */
	bool broken;
	bool begun;
	int64_t origin_us;            /* UTC of sample 0 */
	int64_t end;                  /* of the last frame placed */

	struct waiting *frames;       /* FRAMES_MAX, in order */
	unsigned count;
	struct buf data;              /* theirs, one after the other */

	struct wall segment_start, fragment_end;
};

/* Rounded down, before the origin too: else two files would count apart. */
static int64_t ticks_of(const struct audio *a, int64_t us)
{
	__int128 t = (__int128)us * a->format.rate;

	return (int64_t)((t < 0 ? t - (US_PER_S - 1) : t) / US_PER_S);
}

/* A wall time as samples since the origin. */
static int64_t position(const struct audio *a, struct wall w)
{
	return ticks_of(a, w.us - a->origin_us);
}

/* --- what waits -------------------------------------------------------------------- */

static void drop_front(struct audio *a, unsigned n)
{
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += a->frames[i].len;
	buf_drop_front(&a->data, len);
	a->count -= n;
	memmove(a->frames, a->frames + n, a->count * sizeof *a->frames);
}

static bool is_full(const struct audio *a, size_t len)
{
	return a->count == FRAMES_MAX || a->data.len + len > AUDIO_WAIT_MAX_BYTES ||
	       (a->count && a->end - a->frames[0].at > ticks_of(a, AUDIO_WAIT_MAX_US));
}

/* Of what nobody fetches, the older half goes: not frame after frame, since each time all is moved. */
static void make_room(struct audio *a, size_t len)
{
	if (is_full(a, len))
		drop_front(a, (a->count + 1) / 2);
}

/* --- placing ------------------------------------------------------------------------ */

/* Where the frame stands, from what the timeline wants; false: that time has been filled already. */
static bool place(struct audio *a, int64_t want, struct waiting *w)
{
	int64_t off = want - a->end, tolerance = ticks_of(a, AUDIO_TOLERANCE_US);
	int64_t slack = ticks_of(a, LEAD_BACK_US);

	if (off > tolerance) {
		w->at = want;
	} else if (off < -tolerance) {
		int64_t left = want + w->ticks - a->end;
		if (left <= 0)
			return false;
		w->at = a->end;
		w->ticks = (uint32_t)left;
	} else {
		w->at = a->end;
		if (off > slack)
			w->ticks++;
		else if (off < -slack && w->ticks > 1)
			w->ticks--;
	}
	a->end = w->at + w->ticks;
	return true;
}

static void on_frame(void *arg, const struct audio_frame *f)
{
	struct audio *a = arg;
	struct waiting w = {.ticks = f->ticks, .len = (uint32_t)f->len};
	int64_t lasts_us = (int64_t)f->ticks_after * US_PER_S / a->format.rate;

	if (f->restarted)
		timeline_restart(&a->timeline);
	struct placed p = timeline_place(&a->timeline, f->rtp_ticks, f->arrival.us + a->offset_us - lasts_us);
	if (!a->begun) {
		a->begun = true;
		a->origin_us = p.at_us;
	}
	if (!place(a, position(a, (struct wall){p.at_us}), &w))
		return;
	make_room(a, f->len);
	a->frames[a->count++] = w;
	buf_add(&a->data, f->data, f->len);
}

void audio_packet(struct audio *a, const uint8_t *data, size_t len, struct mono arrival, int64_t offset_us)
{
	if (a->broken)
		return;
	a->offset_us = offset_us;
	int rc = audio_depay_feed(a->depay, data, len, arrival);
	if (rc == 0)
		return;
	a->broken = true; /* until the session ends; the pictures go on */
	log_warn("audio", "state=lost error=%d text=\"the sound cannot be read any more\"", rc);
}

/* --- segments and fragments ------------------------------------------------------------ */

void audio_begin_segment(struct audio *a, struct wall start, struct buf *init)
{
	unsigned old = 0;

	/* What belongs to the segment before and came too late for it is still given; but nothing of a time
	 * that was not recorded. */
	if (start.us != a->fragment_end.us)
		while (old < a->count && a->frames[old].at + a->frames[old].ticks <= position(a, start))
			old++;
	drop_front(a, old);
	a->segment_start = start;
	if (mux_audio_add_track(init, &a->format) < 0)
		a->broken = true;
}

static unsigned count_before(const struct audio *a, int64_t at)
{
	unsigned n = 0;

	while (n < a->count && a->frames[n].at < at)
		n++;
	return n;
}

/* The first n frames; a hole between two of them is the first one's. */
static void write_frames(struct audio *a, unsigned n, struct buf *bytes)
{
	struct mux_audio_sample *list = xcalloc(n, sizeof *list);
	struct mux_audio_samples s = {.list = list, .count = n, .data = a->data.data};

	s.decode_time = (uint64_t)(a->frames[0].at - position(a, a->segment_start) + ticks_of(a, SEGMENT_AUDIO_AHEAD_US));
	for (unsigned i = 0; i < n; i++) {
		int64_t until = i + 1 < n ? a->frames[i + 1].at : a->frames[i].at + a->frames[i].ticks;
		list[i] = (struct mux_audio_sample){(uint32_t)(until - a->frames[i].at), a->frames[i].len};
		s.len += a->frames[i].len;
	}
	mux_audio_add_samples(bytes, &s);
	free(list);
}

void audio_add_to_fragment(struct audio *a, struct wall start, struct wall end, struct buf *bytes)
{
	/* one sample less, for what rounding takes */
	int64_t earliest = position(a, start) - ticks_of(a, SEGMENT_AUDIO_AHEAD_US) + 1;

	a->fragment_end = end;
	drop_front(a, count_before(a, earliest));
	unsigned n = count_before(a, position(a, end));
	if (n > 0 && !a->broken)
		write_frames(a, n, bytes);
	drop_front(a, n);
}

/* --- lifetime ------------------------------------------------------------------------- */

int audio_create(const struct track *t, struct audio **out, struct err *e)
{
	struct audio *a = xcalloc(1, sizeof *a);
	int rc = audio_depay_create(t, on_frame, a, &a->depay, e);

	*out = NULL;
	if (rc < 0) {
		free(a);
		return rc;
	}
	a->format = *audio_depay_format(a->depay);
	a->frames = xcalloc(FRAMES_MAX, sizeof *a->frames);
	timeline_init(&a->timeline, a->format.rate, 0);
	*out = a;
	return 0;
}

void audio_destroy(struct audio *a)
{
	if (!a)
		return;
	audio_depay_destroy(a->depay);
	buf_finish(&a->data);
	free(a->frames);
	free(a);
}
