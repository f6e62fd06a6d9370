/* RTP put in sequence: what a network does to packets, and how long it is waited for. */
#include "recorder/rtp_reorder.h"

#include "base/buf.h"
#include "base/require.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define OURS 7
#define LATER (RTP_REORDER_HOLD_US / 4)

static struct bed {
	struct rtp_reorder r;
	struct mono now;
	uint16_t got[4096];
	unsigned count;
} t;

static void on_packet(void *arg, const uint8_t *packet, size_t len)
{
	assert_ptr_equal(arg, &t);
	assert_true(len >= 13);
	assert_true(t.count < 4096);
	t.got[t.count++] = get_u16be(packet + 2);
}

static void put_sized(uint32_t ssrc, uint16_t sequence, size_t len)
{
	uint8_t *packet = xcalloc(1, len);

	packet[0] = 0x80;
	packet[1] = 96;
	put_u16be(packet + 2, sequence);
	put_u32be(packet + 8, ssrc);
	rtp_reorder_put(&t.r, packet, len, t.now);
	free(packet);
}

static void put(uint16_t sequence)
{
	put_sized(OURS, sequence, 13);
}

static void expect(const uint16_t *want, unsigned count)
{
	assert_int_equal(t.count, count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(t.got[i], want[i]);
	t.count = 0;
}

#define EXPECT(...)                                                                                \
	expect((const uint16_t[]){__VA_ARGS__}, sizeof((uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

static int setup(void **state)
{
	(void)state;
	t = (struct bed){.now = {1000000}};
	rtp_reorder_init(&t.r, on_packet, &t);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rtp_reorder_finish(&t.r);
	return 0;
}

/* --- order ------------------------------------------------------------------------ */

static void in_sequence_passes_at_once(void **state)
{
	(void)state;
	for (uint16_t n = 65533; n != 3; n++) {
		put(n);
		EXPECT(n);
	}
}

static void neighbours_that_changed_places_are_put_right(void **state)
{
	(void)state;
	put(65534);
	put(0);
	EXPECT(65534);
	put(65535);
	EXPECT(65535, 0);
	put(4);
	put(2);
	put(3);
	assert_int_equal(t.count, 0);
	put(1);
	EXPECT(1, 2, 3, 4);
}

static void doubles_and_late_ones_are_dropped(void **state)
{
	(void)state;
	put(10);
	put(10);
	put(12);
	put(12);
	put(11);
	put(11);
	put(9);
	EXPECT(10, 11, 12);
	assert_int_equal(t.r.late, 4);
}

/* --- bounds -------------------------------------------------------------------------- */

static void what_is_missing_is_waited_for_so_long(void **state)
{
	struct mono at;

	(void)state;
	put(1);
	assert_false(rtp_reorder_due(&t.r, &at));
	put(3);
	assert_true(rtp_reorder_due(&t.r, &at));
	assert_int_equal(at.us, t.now.us + RTP_REORDER_HOLD_US);
	t.now.us += RTP_REORDER_HOLD_US - 1;
	rtp_reorder_expire(&t.r, t.now);
	put(4);
	EXPECT(1);
	t.now.us++;
	rtp_reorder_expire(&t.r, t.now);
	EXPECT(3, 4);
	assert_false(rtp_reorder_due(&t.r, &at));
	put(2); /* too late */
	assert_int_equal(t.count, 0);
}

/* A second hole does not begin the wait of what lies behind it anew. */
static void no_packet_is_kept_longer(void **state)
{
	struct mono at;

	(void)state;
	put(1);
	put(9);
	t.now.us += LATER;
	put(3);
	t.now.us += LATER;
	put(5);
	put(2);
	EXPECT(1, 2, 3);
	assert_true(rtp_reorder_due(&t.r, &at));
	assert_int_equal(at.us, 1000000 + RTP_REORDER_HOLD_US);
	t.now = at;
	rtp_reorder_expire(&t.r, t.now);
	EXPECT(5, 9);
}

static void the_wait_ends_without_a_timer_too(void **state)
{
	(void)state;
	put(1);
	put(3);
	t.now.us += RTP_REORDER_HOLD_US;
	put(4);
	EXPECT(1, 3, 4);
}

static void so_many_packets_are_kept(void **state)
{
	(void)state;
	put(0);
	for (uint16_t n = 2; n < 1 + RTP_REORDER_PACKETS; n++)
		put(n);
	EXPECT(0);
	put(1 + RTP_REORDER_PACKETS); /* no room: the hole is lost */
	assert_int_equal(t.count, RTP_REORDER_PACKETS);
	assert_int_equal(t.got[0], 2);
	assert_int_equal(t.got[t.count - 1], 1 + RTP_REORDER_PACKETS);
	assert_int_equal(t.r.bytes, 0);
}

static void so_many_bytes_are_kept(void **state)
{
	(void)state;
	put(0);
	for (uint16_t n = 2; n < 20; n++) {
		put_sized(OURS, n, 60000);
		assert_true(t.r.bytes <= RTP_REORDER_BYTES);
	}
	assert_true(t.count > 1);
}

/* --- beginning anew ---------------------------------------------------------------------- */

static void a_sequence_that_begins_elsewhere_is_followed(void **state)
{
	(void)state;
	put(100);
	put(102);
	put(40000);
	put(40001);
	EXPECT(100, 102, 40000, 40001);
	put(5);
	put(7);
	put(6);
	EXPECT(5, 6, 7);
}

static void another_source_is_followed_when_it_stays(void **state)
{
	(void)state;
	put(100);
	put_sized(9, 500, 13);
	put(102); /* the stray one has not moved the sequence */
	put(101);
	EXPECT(100, 500, 101, 102);
	for (uint16_t n = 600; n < 608; n++)
		put_sized(9, n, 13);
	t.count = 0;
	put_sized(9, 609, 13);
	put_sized(9, 608, 13);
	EXPECT(608, 609);
}

static void what_is_no_rtp_is_dropped(void **state)
{
	static const uint8_t junk[][13] = {{0x00, 96}, {0x80, 96}, {0xff}};

	(void)state;
	rtp_reorder_put(&t.r, junk[0], 13, t.now);
	rtp_reorder_put(&t.r, junk[1], 11, t.now);
	rtp_reorder_put(&t.r, junk[2], 13, t.now);
	rtp_reorder_put(&t.r, junk[1], 0, t.now);
	assert_int_equal(t.count, 0);
}

/* Any loss, doubling and disorder: what comes out is in sequence, without doubles, and nothing is left out
 * that came in time. */
static void whatever_the_network_does(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		uint16_t batch[16], n = 0;
		bool lost[16];
		for (unsigned i = 0; i < 16; i++) {
			random = random * 1664525u + 1013904223u;
			lost[i] = i > 0 && random >> 28 == 0;
			batch[i] = (uint16_t)(round * 16 + i);
		}
		for (unsigned i = 15; i > 1; i--) { /* the first stays: it is where the sequence goes on */
			random = random * 1664525u + 1013904223u;
			unsigned j = 1 + (random >> 16) % i;
			uint16_t swap = batch[i];
			batch[i] = batch[j];
			batch[j] = swap;
		}
		for (unsigned i = 0; i < 16; i++)
			if (!lost[batch[i] % 16])
				put(batch[i]);
		t.now.us += RTP_REORDER_HOLD_US;
		rtp_reorder_expire(&t.r, t.now);
		for (unsigned i = 0; i < 16; i++)
			if (!lost[i])
				assert_int_equal(t.got[n++], (uint16_t)(round * 16 + i));
		assert_int_equal(t.count, n);
		t.count = 0;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_sequence_passes_at_once),
		TEST(neighbours_that_changed_places_are_put_right),
		TEST(doubles_and_late_ones_are_dropped),
		TEST(what_is_missing_is_waited_for_so_long),
		TEST(no_packet_is_kept_longer),
		TEST(the_wait_ends_without_a_timer_too),
		TEST(so_many_packets_are_kept),
		TEST(so_many_bytes_are_kept),
		TEST(a_sequence_that_begins_elsewhere_is_followed),
		TEST(another_source_is_followed_when_it_stays),
		TEST(what_is_no_rtp_is_dropped),
		TEST(whatever_the_network_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
