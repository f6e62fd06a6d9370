/* Receiver reports, read as the camera would (RFC 3550 §6.4.2). */
#include "recorder/rtp_reception.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define RATE 90000
#define SSRC 0x01020304u

static struct mono now;

static void packet(struct rtp_reception *r, uint32_t ssrc, uint16_t sequence, uint32_t timestamp)
{
	uint8_t p[13] = {0x80, 96};

	put_u16be(p + 2, sequence);
	put_u32be(p + 4, timestamp);
	put_u32be(p + 8, ssrc);
	rtp_reception_packet(r, p, sizeof p, now);
}

struct report { unsigned blocks; uint32_t own, ssrc, fraction, highest, jitter, lsr, dlsr; int32_t lost; char name[20]; };

static struct report report_of(struct rtp_reception *r)
{
	uint8_t b[RTP_REPORT_MAX_BYTES];
	size_t len = rtp_reception_write(r, now, b), first = 4 + (size_t)get_u16be(b + 2) * 4;
	const uint8_t *sdes = b + first;
	struct report out = {.blocks = b[0] & 0x1f, .own = get_u32be(b + 4)};

	assert_int_equal(b[0] >> 6, 2);
	assert_int_equal(b[1], 201);
	assert_int_equal(first, 8 + out.blocks * 24);
	if (out.blocks) {
		out.ssrc = get_u32be(b + 8);
		out.fraction = b[12];
		out.lost = (int32_t)(get_u32be(b + 12) << 8) >> 8;
		out.highest = get_u32be(b + 16);
		out.jitter = get_u32be(b + 20);
		out.lsr = get_u32be(b + 24);
		out.dlsr = get_u32be(b + 28);
	}
	assert_int_equal(sdes[0], 0x81);
	assert_int_equal(sdes[1], 202);
	assert_int_equal(first + 4 + (size_t)get_u16be(sdes + 2) * 4, len);
	assert_int_equal(get_u32be(sdes + 4), out.own);
	assert_int_equal(sdes[8], 1);
	memcpy(out.name, sdes + 10, sdes[9]);
	assert_int_equal(b[len - 1], 0); /* the chunk ends with a zero, on a word */
	return out;
}

static void begins_with_nobody(void **state)
{
	struct rtp_reception a, b;

	(void)state;
	rtp_reception_init(&a, RATE);
	rtp_reception_init(&b, RATE);
	struct report ra = report_of(&a), rb = report_of(&b);
	assert_int_equal(ra.blocks, 0);
	assert_true(ra.own != rb.own && strcmp(ra.name, rb.name) != 0);
	assert_int_equal(strlen(ra.name), 16);
}

static void counts_losses_over_the_wrap(void **state)
{
	struct rtp_reception r;

	(void)state;
	now = (struct mono){0};
	rtp_reception_init(&r, RATE);
	for (unsigned n = 0; n < 100; n++) {
		now.us = n * 10000;
		if (n % 4 != 3)
			packet(&r, SSRC, (uint16_t)(65500 + n), n * 900);
	}
	struct report a = report_of(&r);
	assert_int_equal(a.blocks, 1);
	assert_int_equal(a.ssrc, SSRC);
	assert_int_equal(a.highest, 65536 + 62); /* 65500 + 98 */
	assert_int_equal(a.lost, 24);
	assert_int_equal(a.fraction, 24 * 256 / 99);
	assert_int_equal(a.jitter, 0);
	packet(&r, SSRC, 63, 0);
	packet(&r, SSRC, 63, 0); /* twice */
	struct report b = report_of(&r);
	assert_int_equal(b.fraction, 0);
	assert_int_equal(b.lost, 23);
}

static void measures_jitter(void **state)
{
	struct rtp_reception r;

	(void)state;
	rtp_reception_init(&r, RATE);
	for (unsigned n = 0; n < 2000; n++) {
		now.us = n * 40000 + (n % 2) * 10000; /* every other one 10 ms late */
		packet(&r, SSRC, (uint16_t)n, n * 3600);
	}
	assert_in_range(report_of(&r).jitter, 880, 900); /* 10 ms are 900 ticks */
}

static void gives_the_senders_time_back(void **state)
{
	uint8_t sr[28] = {0x80, 200, 0, 6};
	struct rtp_reception r;

	(void)state;
	now = (struct mono){5000000};
	put_u32be(sr + 4, SSRC);
	put_u64be(sr + 8, UINT64_C(0xaabbccdd11223344));
	rtp_reception_init(&r, RATE);
	rtp_reception_report(&r, sr, sizeof sr, now); /* about nobody yet */
	packet(&r, SSRC, 1, 0);
	assert_int_equal(report_of(&r).lsr, 0);
	rtp_reception_report(&r, sr, sizeof sr, now);
	now.us += 1500000;
	struct report a = report_of(&r);
	assert_int_equal(a.lsr, 0xccdd1122);
	assert_int_equal(a.dlsr, 65536 + 32768);
}

static void a_camera_that_begins_anew_is_counted_anew(void **state)
{
	struct rtp_reception r;

	(void)state;
	rtp_reception_init(&r, RATE);
	packet(&r, SSRC, 1000, 0);
	packet(&r, SSRC, 1010, 0);
	packet(&r, SSRC, 5, 0); /* its sequence has gone back */
	packet(&r, SSRC, 6, 0);
	assert_int_equal(report_of(&r).lost, 0);
	packet(&r, SSRC + 1, 50000, 0);
	struct report a = report_of(&r);
	assert_int_equal(a.ssrc, SSRC + 1);
	assert_int_equal(a.highest, 50000);
	assert_int_equal(a.lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_with_nobody),
		cmocka_unit_test(counts_losses_over_the_wrap),
		cmocka_unit_test(measures_jitter),
		cmocka_unit_test(gives_the_senders_time_back),
		cmocka_unit_test(a_camera_that_begins_anew_is_counted_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
