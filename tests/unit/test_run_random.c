/* A run under faults by chance, over simulated hours: what it claims was fed, spans never overlap, and every
 * frame is in coverage or in a gap. Loss, duplication, reordering, silence, bursts, jumps of the timestamps,
 * new sources, steps of the clock. The same seeds each time. */
#include "recorder/run.h"
#include "rtp_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T0 (INT64_C(1795017600) * US_PER_S)
#define FPS 5
#define FRAME_US (US_PER_S / FPS)
#define HOURS 1
#define SEEDS 4
#define FED_MAX (HOURS * 3600 * FPS)
#define CLAIMS_MAX 8000
#define GAP_AFTER_US (2 * US_PER_S)
#define BURST_MAX 7                    /* frames that a network holds back */
#define EDGE_FRAMES (BURST_MAX + 1)    /* by which the edges of a claim may be off */

struct outlet_segment { int64_t start_us, end_us; unsigned frames; bool open; };
struct claim { int64_t start_us, end_us, offset_us; unsigned frames; };

static struct bed {
	struct outlet outlet;
	struct clock_fake clock;
	struct rtp_fixture f;
	unsigned first_packet[61];         /* of each frame of the loop; the last: their count */
	struct run *run;
	int64_t offset_us;                 /* wall − mono while this run lives */
	struct wall covered;
	struct outlet_segment segment;     /* one at a time */
	struct claim claims[CLAIMS_MAX];
	unsigned claimed;
	bool up;
	int64_t fed_us[FED_MAX];           /* mono time of capture of what was sent, in order */
	unsigned fed, breaks, clock_breaks;
	uint64_t seed;
	uint16_t seq;
	uint32_t ts, ssrc;
	int64_t begin_at_us;               /* mono: when the next run begins */
} b;

static double chance(double max)
{
	b.seed = b.seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (double)(uint32_t)(b.seed >> 33) / 2147483648.0 * max;
}

/* --- what the run does ------------------------------------------------------------------ */

static struct outlet_segment *on_begin(struct outlet *o, struct outlet_begin *x, enum gap_cause *cause)
{
	(void)o;
	(void)cause;
	assert_false(b.segment.open);
	b.segment = (struct outlet_segment){.start_us = x->start.us, .end_us = x->start.us, .open = true};
	buf_finish(&x->init);
	return &b.segment;
}

static int on_add(struct outlet_segment *s, struct buf *bytes, const struct fragment *f)
{
	assert_int_equal(f->start.us, s->end_us);
	assert_true(f->duration_us > 0 && f->frames > 0);
	s->end_us += f->duration_us;
	s->frames += f->frames;
	buf_finish(bytes);
	return 0;
}

/* Each segment belongs to the claim that stands: it begins it, or joins the one before. */
static void on_close(struct outlet_segment *s, struct wall end)
{
	struct claim *c = &b.claims[b.claimed - 1];

	assert_true(s->open && b.claimed > 0);
	assert_int_equal(end.us, s->end_us);
	assert_int_equal(s->start_us, c->end_us);
	c->end_us = s->end_us;
	c->frames += s->frames;
	s->open = false;
}

static bool leaves(const struct outlet_segment *s)
{
	(void)s;
	return false;
}

static const struct outlet_ops ops = {on_begin, on_add, leaves, on_close};

static void on_up(void *owner, struct wall start)
{
	(void)owner;
	assert_false(b.up);
	b.up = true;
	assert_true(b.claimed < CLAIMS_MAX);
	b.claims[b.claimed++] = (struct claim){start.us, start.us, b.offset_us, 0};
}

static void on_down(void *owner, struct wall since, enum gap_cause cause, const char *detail)
{
	(void)owner;
	(void)detail;
	b.clock_breaks += cause == CAUSE_CLOCK_STEPPED;
	if (b.up)
		assert_int_equal(since.us, b.claims[b.claimed - 1].end_us); /* closed, and told what it holds */
	b.up = false;
}

static void on_broken(void *owner, enum gap_cause cause, const char *detail)
{
	struct wall end;

	(void)owner;
	(void)cause;
	(void)detail;
	if (run_destroy(b.run, &end))
		b.covered = end;
	b.run = NULL;
	b.breaks++;
	b.begin_at_us = b.clock.mono.us + US_PER_S;
}

static const struct run_events events = {on_up, on_down, on_broken};

static void begin_run(void)
{
	struct track t = {.codec = TRACK_H264, .payload_type = 96, .clock_rate = 90000};
	struct run_conf conf = {.site = "s", .camera = "c", .segment_us = 60 * US_PER_S,
				.gap_after_us = GAP_AFTER_US, .not_before = b.covered};
	struct err e;

	b.offset_us = b.clock.wall.us - b.clock.mono.us;
	assert_int_equal(run_create(&conf, &t, &b.clock.base, &b.outlet, &events, NULL, &b.run, &e), 0);
}

/* --- what happens to it ------------------------------------------------------------------- */

static void pass(int64_t us)
{
	for (int i = 0; i < 2; i++) {
		clock_fake_advance(&b.clock, us / 2);
		if (b.run)
			run_tick(b.run);
		else if (b.clock.mono.us >= b.begin_at_us)
			begin_run();
	}
}

static void send_packet(unsigned i, uint16_t seq)
{
	rtp_fixture_stamp(&b.f, i, seq, b.ts, b.ssrc);
	if (b.run)
		run_packet(b.run, b.f.packets[i].data, b.f.packets[i].len, false);
}

/* One frame with its faults. */
static void send_frame(unsigned n, int64_t captured_us)
{
	unsigned first = b.first_packet[n % 60], count = b.first_packet[n % 60 + 1] - first, sent = 0;
	double dice = chance(1000);

	for (unsigned i = 0; i < count; i++) {
		unsigned at = i;
		if (dice < 3 && i + 1 >= count && count > 1)
			at = i - 1; /* the last two change places, below */
		else if (dice < 3 && i + 2 == count)
			at = i + 1;
		bool lost = dice >= 3 && dice < 6 ? i == count / 2 : dice >= 6 && dice < 8;
		if (lost)
			continue;
		send_packet(first + at, (uint16_t)(b.seq + at));
		if (dice >= 8 && dice < 16)
			send_packet(first + at, (uint16_t)(b.seq + at));
		sent++;
	}
	b.seq = (uint16_t)(b.seq + count);
	if (sent > 0 && b.run)
		b.fed_us[b.fed++] = captured_us;
}

static void step_clock(void)
{
	static const int64_t steps_s[] = {1, -1, 5, 60, 3600, -3600, 86400, -86400};

	b.clock.wall.us += steps_s[(unsigned)chance(8)] * US_PER_S;
}

static void mishap(void)
{
	double dice = chance(1000);

	if (dice < 1)
		b.ts += (uint32_t)chance(4294967295.0);
	else if (dice < 2)
		b.ts -= (uint32_t)chance(90000 * 20);
	else if (dice < 3)
		b.ssrc = (uint32_t)chance(4294967295.0), b.ts = (uint32_t)chance(4294967295.0), b.seq = (uint16_t)chance(65535);
	else if (dice < 3.5)
		step_clock();
}

/* n frames, held back by the network and sent at once. */
static unsigned burst(unsigned n)
{
	unsigned count = 1 + (unsigned)chance(BURST_MAX);
	int64_t began = b.clock.mono.us;

	for (unsigned i = 0; i < count; i++)
		pass(FRAME_US);
	for (unsigned i = 0; i < count; i++) {
		b.ts += 90000 / FPS;
		send_frame(n + i, began + i * FRAME_US);
	}
	return count;
}

static unsigned one_step(unsigned n)
{
	double dice = chance(1000);

	mishap();
	if (dice < 3) { /* silence */
		unsigned frames = 2 + (unsigned)chance(40);
		for (unsigned i = 0; i < frames; i++)
			pass(FRAME_US);
		b.ts += frames * (90000 / FPS);
		return frames;
	}
	if (dice < 10)
		return burst(n);
	b.ts += 90000 / FPS;
	send_frame(n, b.clock.mono.us);
	pass(FRAME_US);
	return 1;
}

/* --- what must hold ---------------------------------------------------------------------------- */

/* One claim against what was fed: no hole in it, and as many frames as were sent meanwhile. */
static unsigned check_claim(const struct claim *c, unsigned at)
{
	int64_t start = c->start_us - c->offset_us, end = c->end_us - c->offset_us, last = start;
	unsigned fed = 0;

	while (at < b.fed && b.fed_us[at] < start)
		at++;
	for (; at < b.fed && b.fed_us[at] < end; at++, fed++) {
		assert_true(b.fed_us[at] - last <= GAP_AFTER_US + (BURST_MAX + 2) * FRAME_US);
		last = b.fed_us[at];
	}
	assert_true(end - last <= GAP_AFTER_US + (BURST_MAX + 2) * FRAME_US);
	assert_in_range(c->frames + EDGE_FRAMES, fed, fed + 2 * EDGE_FRAMES);
	assert_true(end - start <= (fed + EDGE_FRAMES) * FRAME_US + GAP_AFTER_US);
	return at;
}

static void check_all(void)
{
	int64_t covered = 0;
	unsigned at = 0, frames = 0;

	for (unsigned i = 0; i < b.claimed; i++) {
		const struct claim *c = &b.claims[i], *before = i ? c - 1 : NULL;
		assert_true(c->end_us > c->start_us);
		if (before) /* by the clock that never steps */
			assert_true(c->start_us - c->offset_us >= before->end_us - before->offset_us);
		at = check_claim(c, at);
		covered += c->end_us - c->start_us;
		frames += c->frames;
	}
	print_message("%u fed, %u stored in %u stretches, %.1f %% covered, %u runs ended, %u by the clock\n", b.fed, frames,
		      b.claimed, (double)covered / (double)b.clock.mono.us * 100, b.breaks, b.clock_breaks);
	assert_true(frames <= b.fed);
	assert_true(frames > b.fed / 2 && b.claimed > 20 && b.clock_breaks > 0); /* it was no idle exercise */
}

static void prepare(void)
{
	struct rtp_fixture_conf c = {"libx264", 160, 120, 60, 10, 0, 2, 200, FPS};
	unsigned frame = 0;

	rtp_fixture_make(&b.f, &c);
	for (unsigned i = 0; i < b.f.packet_count; i++)
		while (frame <= b.f.packets[i].frame)
			b.first_packet[frame++] = i;
	b.first_packet[60] = b.f.packet_count;
}

static void one_life(uint64_t seed)
{
	struct wall end;

	memset(&b, 0, sizeof b);
	b.outlet.ops = &ops;
	b.seed = seed;
	b.ssrc = 1;
	clock_fake_init(&b.clock, (struct wall){T0});
	prepare();
	begin_run();
	for (unsigned n = 0; n < HOURS * 3600 * FPS - 60;)
		n += one_step(n);
	if (b.run)
		run_destroy(b.run, &end);
	assert_false(b.segment.open);
	check_all();
	rtp_fixture_finish(&b.f);
}

static void any_faults_are_accounted_for(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		one_life(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(any_faults_are_accounted_for)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
