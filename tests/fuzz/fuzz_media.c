/* What a camera sends as media, through libavformat and back: packets → depay → timeline → cutter → mux.
 * Whatever comes in, the files that go out must be ones that the keeper reads whole, one after the other
 * in time, and what is told as coverage must be what was handed to the disk.
 *
 * Input: a byte (bit 0: H.265; bits 1 and 2: no sound, AAC, G.711 A or µ; bit 3: H.265 that is sent
 * out of order), then records `kind, milliseconds, length (2 bytes, big endian), bytes`. */
#include "base/require.h"
#include "media/box.h"
#include "media/segment.h"
#include "recorder/run.h"

#include <errno.h>
#include <string.h>

#define T0 (INT64_C(1795017600) * US_PER_S)
#define RECORD_BYTES 4
#define DON_DIFF 6 /* as the seeds of that order have it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum record_kind { RTP, RTCP, TICK, STEP, REFUSE, SOUND, KINDS };

/* --- a disk that keeps what it is given ------------------------------------------------ */

struct outlet_segment {
	struct fs fs;            /* reads `file` */
	struct world *world;
	struct buf file;
	int64_t start_us, next_us;
	unsigned fragments;
};

struct world {
	struct outlet outlet;
	struct clock_fake clock;
	struct run *run;
	bool refuses, up, broken;
	int64_t covered_us;      /* the end of what was written last */
};

static struct outlet_segment *on_begin(struct outlet *o, struct outlet_begin *b, enum gap_cause *cause)
{
	struct world *w = (struct world *)o;

	if (w->refuses) {
		buf_finish(&b->init);
		*cause = CAUSE_STORAGE_FULL;
		return NULL;
	}
	struct outlet_segment *s = xcalloc(1, sizeof *s);
	s->world = w;
	s->file = b->init;
	b->init = (struct buf){0};
	s->start_us = s->next_us = b->start.us;
	return s;
}

static int on_add(struct outlet_segment *s, struct buf *bytes, const struct fragment *f)
{
	REQUIRE(f->start.us == s->next_us && f->duration_us > 0 && f->bytes == bytes->len);
	s->next_us += f->duration_us;
	s->fragments++;
	buf_add(&s->file, bytes->data, bytes->len);
	buf_finish(bytes);
	return 0;
}

static ssize_t on_pread(struct fs *fs, int fd, void *data, size_t len, int64_t at)
{
	struct outlet_segment *s = (struct outlet_segment *)fs;

	(void)fd;
	if (at < 0 || (uint64_t)at >= s->file.len)
		return 0;
	size_t left = s->file.len - (size_t)at, n = left < len ? left : len;
	memcpy(data, s->file.data + at, n);
	return (ssize_t)n;
}

static void on_close(struct outlet_segment *s, struct wall end)
{
	struct segment_scan scan;

	s->fs.pread = on_pread;
	segment_scan_init(&scan, true);
	REQUIRE(segment_scan(&scan, &s->fs, -1, (int64_t)s->file.len, NULL) == 0);
	REQUIRE(scan.whole_bytes == (int64_t)s->file.len && scan.index.count == s->fragments);
	struct wall_range range = segment_scan_range(&scan);
	REQUIRE(s->fragments == 0 || (range.start.us == s->start_us && range.end.us == s->next_us));
	REQUIRE(end.us == s->next_us);
	segment_scan_finish(&scan);
	s->world->covered_us = end.us;
	buf_finish(&s->file);
	free(s);
}

static bool on_leaves(const struct outlet_segment *s)
{
	return s->fragments >= 50; /* a disk that is left again and again */
}

static const struct outlet_ops ops = {on_begin, on_add, on_leaves, on_close};

/* --- what the run tells -------------------------------------------------------------------- */

static void on_up(void *owner, struct wall start)
{
	struct world *w = owner;

	(void)start;
	w->up = true;
}

static void on_down(void *owner, struct wall since, enum gap_cause cause, const char *detail)
{
	struct world *w = owner;

	(void)cause;
	REQUIRE(detail[0] != '\0');
	REQUIRE(!w->up || since.us == w->covered_us);
	w->up = false;
}

static void on_broken(void *owner, enum gap_cause cause, const char *detail)
{
	struct world *w = owner;

	(void)cause;
	REQUIRE(detail[0] != '\0' && !w->up);
	w->broken = true;
}

static const struct run_events events = {on_up, on_down, on_broken};

/* --- the story -------------------------------------------------------------------------------- */

static void play(struct world *w, enum record_kind kind, unsigned ms, const uint8_t *bytes, size_t len)
{
	clock_fake_advance(&w->clock, ms * US_PER_MS);
	switch (kind) {
	case RTP:    run_packet(w->run, bytes, len, false); break;
	case RTCP:   run_packet(w->run, bytes, len, true); break;
	case TICK:   run_tick(w->run); break;
	case STEP:   w->clock.wall.us += (len ? (int8_t)bytes[0] : 1) * 10 * US_PER_S; break;
	case REFUSE: w->refuses = !w->refuses; break;
	case SOUND:  run_audio_packet(w->run, bytes, len); break;
	case KINDS:  break;
	}
}

static const struct track sounds[] = {
	{.codec = TRACK_AAC, .payload_type = 97, .clock_rate = 16000, .channels = 1,
	 .fmtp = (char *)"streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408"},
	{.codec = TRACK_PCMA, .payload_type = 8, .clock_rate = 8000, .channels = 1},
	{.codec = TRACK_PCMU, .payload_type = 0, .clock_rate = 8000, .channels = 1},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	unsigned sound = len > 0 ? data[0] >> 1 & 3 : 0;
	struct world w = {.outlet = {.ops = &ops}};
	struct run_conf conf = {.site = "s", .camera = "c", .segment_us = 4 * US_PER_S, .gap_after_us = 2 * US_PER_S,
				.audio = sound ? &sounds[sound - 1] : NULL};
	struct track t = {.payload_type = 96, .clock_rate = 90000,
			  .codec = len > 0 && data[0] & 1 ? TRACK_H265 : TRACK_H264};
	if (len > 0 && data[0] & 8)
		t.max_don_diff = DON_DIFF;
	struct wall end;
	struct err e;

	clock_fake_init(&w.clock, (struct wall){T0});
	REQUIRE(run_create(&conf, &t, &w.clock.base, &w.outlet, &events, &w, &w.run, &e) == 0);
	for (size_t at = 1; at + RECORD_BYTES <= len && !w.broken;) {
		size_t n = get_u16be(data + at + 2), left = len - at - RECORD_BYTES;
		n = n < left ? n : left;
		play(&w, data[at] % KINDS, data[at + 1], data + at + RECORD_BYTES, n);
		at += RECORD_BYTES + n;
	}
	run_destroy(w.run, &end);
	return 0;
}
