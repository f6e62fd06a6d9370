/* One run between real RTP (rtp_fixture.h) and disks that remember what they were given, on a fake clock.
 *
 * One at a time: begin(), play() or run_packet(), end(), finish(). Errors fail the test. */
#pragma once
#include "media/segment.h"
#include "recorder/run.h"
#include "rtp_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define T0 (INT64_C(1795017600) * US_PER_S)
#define SEGMENTS_MAX 64
#define STAGE_GAP_AFTER_US (2 * US_PER_S)

static int64_t stage_gap_after_us = STAGE_GAP_AFTER_US; /* of the next run */

struct outlet_segment {
	struct outlet_begin begin;
	struct buf file;
	struct wall end;
	unsigned frames, fragments;
	int64_t next_us;
	bool closed;
};

struct world {
	struct outlet outlet;
	struct clock_fake clock;
	struct rtp_fixture f;
	struct run *run;
	struct outlet_segment segments[SEGMENTS_MAX];
	unsigned count, refuse, fail_add_at, adds, leave_from;
	struct wall up, down;
	unsigned ups, downs, brokens;
	enum gap_cause cause;
	char detail[500];
	uint16_t seq;
	uint32_t ts;
};

static struct world w;

static inline struct outlet_segment *fake_begin(struct outlet *o, struct outlet_begin *b, enum gap_cause *cause)
{
	(void)o;
	if (w.refuse) {
		*cause = CAUSE_STORAGE_FULL;
		return NULL;
	}
	assert_true(w.count < SEGMENTS_MAX);
	struct outlet_segment *s = &w.segments[w.count++];
	*s = (struct outlet_segment){.begin = *b, .next_us = b->start.us};
	buf_add(&s->file, b->init.data, b->init.len);
	buf_finish(&b->init);
	return s;
}

static inline int fake_add(struct outlet_segment *s, struct buf *bytes, const struct fragment *f)
{
	assert_int_equal(f->start.us, s->next_us);
	assert_true(f->duration_us > 0);
	assert_int_equal(f->bytes, bytes->len);
	if (w.fail_add_at && ++w.adds == w.fail_add_at)
		return -EIO;
	s->next_us += f->duration_us;
	s->frames += f->frames;
	assert_true(f->key || s->fragments > 0);
	s->fragments++;
	buf_add(&s->file, bytes->data, bytes->len);
	buf_finish(bytes);
	return 0;
}

static inline void fake_close(struct outlet_segment *s, struct wall end)
{
	assert_int_equal(end.us, s->next_us);
	s->end = end;
	s->closed = true;
}

static inline bool fake_leaves(const struct outlet_segment *s) { return w.leave_from && s->fragments >= w.leave_from; }

static const struct outlet_ops fake_ops = {fake_begin, fake_add, fake_leaves, fake_close};

static inline void on_up(void *owner, struct wall start) { (void)owner; w.up = start; w.ups++; }

static inline void on_down(void *owner, struct wall since, enum gap_cause cause, const char *detail)
{
	(void)owner;
	assert_true(detail[0] != '\0');
	snprintf(w.detail, sizeof w.detail, "%s", detail);
	w.down = since;
	w.cause = cause;
	w.downs++;
}

static inline void on_broken(void *owner, enum gap_cause cause, const char *detail)
{
	struct wall end;
	(void)owner;
	assert_true(detail[0] != '\0');
	snprintf(w.detail, sizeof w.detail, "%s", detail);
	w.cause = cause;
	w.brokens++;
	run_destroy(w.run, &end); /* allowed here */
	w.run = NULL;
}

static const struct run_events events = {on_up, on_down, on_broken};

static inline void begin_coded(const struct rtp_fixture_conf *c, enum track_codec codec, int segment_s,
			const struct track *audio)
{
	struct track t = {.codec = codec, .payload_type = 96, .clock_rate = 90000};
	struct run_conf conf = {.site = "s", .camera = "c", .segment_us = segment_s * US_PER_S,
				.gap_after_us = stage_gap_after_us, .audio = audio};
	struct err e;

	w = (struct world){.outlet = {.ops = &fake_ops}, .ts = 0xffff0000};
	clock_fake_init(&w.clock, (struct wall){T0});
	rtp_fixture_make(&w.f, c);
	assert_int_equal(run_create(&conf, &t, &w.clock.base, &w.outlet, &events, NULL, &w.run, &e), 0);
}

static inline void begin_with(int gop, int segment_s, const struct track *audio)
{
	struct rtp_fixture_conf c = {"libx264", 320, 240, 60, gop, 0, 1, 600, 15};

	begin_coded(&c, TRACK_H264, segment_s, audio);
}

static inline void begin(int gop, int segment_s)
{
	begin_with(gop, segment_s, NULL);
}

static inline void end(struct wall *covered)
{
	struct wall dummy;
	run_destroy(w.run, covered ? covered : &dummy);
	w.run = NULL;
}

static inline void finish(void)
{
	for (unsigned i = 0; i < w.count; i++)
		buf_finish(&w.segments[i].file);
	rtp_fixture_finish(&w.f);
}

/* The timestamp of frame n is that of its showing. */
static inline uint32_t stage_timestamp(unsigned n)
{
	int64_t later = w.f.frames[n % w.f.frame_count]->pts - n % w.f.frame_count;

	return (uint32_t)(w.ts + later * 6000);
}

/* Sends frames [from, to) of the endless loop, at 15 fps; packet `lose` of frame `from` stays away. */
static inline void play(unsigned from, unsigned to, int lose)
{
	for (unsigned n = from; n < to && w.run; n++) {
		int k = 0;
		for (unsigned i = 0; i < w.f.packet_count && w.run; i++) {
			if (w.f.packets[i].frame != n % w.f.frame_count)
				continue;
			rtp_fixture_stamp(&w.f, i, w.seq++, stage_timestamp(n), 1);
			if (n != from || k++ != lose)
				run_packet(w.run, w.f.packets[i].data, w.f.packets[i].len, false);
		}
		w.ts += 6000;
		for (int tick = 0; tick < 2 && w.run; tick++) {
			clock_fake_advance(&w.clock, tick ? 33334 : 33333);
			run_tick(w.run);
		}
	}
}

static inline void silence(int ms)
{
	for (; ms > 0 && w.run; ms -= 200) {
		clock_fake_advance(&w.clock, 200 * US_PER_MS);
		w.ts += 18000;
		run_tick(w.run);
	}
}

/* Each file: what segment_scan() and ffmpeg make of it. */
static inline void check_segment(const struct outlet_segment *s)
{
	char path[] = "/tmp/test_run_XXXXXX", command[200];
	int fd = mkstemp(path);
	struct segment_scan scan;

	assert_true(s->closed && fd >= 0);
	assert_int_equal(write(fd, s->file.data, s->file.len), s->file.len);
	segment_scan_init(&scan, false);
	assert_int_equal(segment_scan(&scan, fs_real(), fd, (int64_t)s->file.len, NULL), 0);
	assert_int_equal(scan.whole_bytes, s->file.len);
	assert_int_equal(scan.index.count, s->fragments);
	assert_int_equal(segment_scan_range(&scan).start.us, s->begin.start.us);
	assert_int_equal(segment_scan_range(&scan).end.us, s->end.us);
	segment_scan_finish(&scan);
	snprintf(command, sizeof command, "ffmpeg -v error -xerror -i %s -fps_mode passthrough "
		 "-enc_time_base 1:1000000 -f null - 2>&1", path); /* times as they are, not by the SPS */
	FILE *p = popen(command, "r");
	assert_non_null(p);
	char said[300] = "";
	if (fgets(said, sizeof said, p))
		fail_msg("%s: %s", path, said);
	assert_int_equal(pclose(p), 0);
	close(fd);
	unlink(path);
}
