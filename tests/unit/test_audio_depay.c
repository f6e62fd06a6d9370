/* A camera's sound out of its packets: every byte, every frame's time, and what hostile packets do. */
#include "audio_fixture.h"
#include "recorder/audio_depay.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct seen {
	struct buf data;
	unsigned frames, restarted;
	int64_t first_ticks, next_ticks;
	uint64_t ticks;
	unsigned holes;
};

static void on_frame(void *arg, const struct audio_frame *f)
{
	struct seen *s = arg;

	assert_true(f->len > 0 && f->len <= AUDIO_FRAME_MAX_BYTES && f->ticks > 0 && f->ticks_after >= f->ticks);
	if (s->frames++ == 0)
		s->first_ticks = f->rtp_ticks;
	else
		s->holes += f->rtp_ticks != s->next_ticks;
	s->next_ticks = f->rtp_ticks + f->ticks;
	s->ticks += f->ticks;
	s->restarted += f->restarted;
	buf_add(&s->data, f->data, f->len);
}

static struct audio_depay *open_depay(enum track_codec codec, uint32_t rate, char *fmtp, struct seen *s)
{
	struct track t = {.codec = codec, .payload_type = 97, .clock_rate = rate, .channels = 1, .fmtp = fmtp};
	struct audio_depay *d;
	struct err e = {0};

	int rc = audio_depay_create(&t, on_frame, s, &d, &e);
	if (rc < 0)
		print_message("%s\n", e.text);
	assert_int_equal(rc, 0);
	return d;
}

static void aac_comes_out_as_it_was_encoded(bool latm, int rate, int channels)
{
	struct audio_fixture f;
	struct seen s = {0};
	struct buf want = {0};

	audio_fixture_make(&f, rate, channels, 60, latm);
	struct audio_depay *d = open_depay(latm ? TRACK_AAC_LATM : TRACK_AAC, (uint32_t)rate, f.fmtp, &s);
	const struct audio_format *format = audio_depay_format(d);
	assert_int_equal(format->codec, TRACK_AAC);
	assert_int_equal(format->channels, channels);
	assert_true(format->config_len >= 2);
	for (unsigned i = 0; i < f.packet_count; i++)
		assert_int_equal(audio_depay_feed(d, f.packets[i].data, f.packets[i].len, (struct mono){i}), 0);
	for (unsigned i = 0; i < f.frame_count; i++)
		buf_add(&want, f.frames[i]->data, (size_t)f.frames[i]->size);
	assert_int_equal(s.frames, f.frame_count);
	assert_int_equal(s.ticks, f.frame_count * 1024);
	assert_int_equal(s.holes, 0);
	assert_int_equal(s.data.len, want.len);
	assert_memory_equal(s.data.data, want.data, want.len);
	audio_depay_destroy(d);
	buf_finish(&want);
	buf_finish(&s.data);
	audio_fixture_finish(&f);
}

static void takes_aac(void **state)
{
	(void)state;
	aac_comes_out_as_it_was_encoded(false, 16000, 1);
	aac_comes_out_as_it_was_encoded(false, 48000, 2);
}

static void takes_latm(void **state) { (void)state; aac_comes_out_as_it_was_encoded(true, 16000, 1); }

static size_t g711_packet(uint8_t out[12 + 160], uint16_t seq, uint32_t timestamp, uint32_t ssrc)
{
	out[0] = 0x80;
	out[1] = 97;
	put_u16be(out + 2, seq);
	put_u32be(out + 4, timestamp);
	put_u32be(out + 8, ssrc);
	for (unsigned i = 0; i < 160; i++)
		out[12 + i] = (uint8_t)(seq * 7 + i);
	return 12 + 160;
}

static void takes_g711_bit_for_bit(void **state)
{
	uint8_t p[172];
	struct seen s = {0};

	(void)state;
	struct audio_depay *d = open_depay(TRACK_PCMA, 8000, NULL, &s);
	for (unsigned i = 0; i < 50; i++) { /* sequence and timestamp wrap; each packet comes twice */
		size_t len = g711_packet(p, (uint16_t)(65530 + i), UINT32_MAX - 1000 + i * 160, 5);
		assert_int_equal(audio_depay_feed(d, p, len, (struct mono){i * 20000}), 0);
		assert_memory_equal(s.data.data + i * 160, p + 12, 160);
		assert_int_equal(audio_depay_feed(d, p, len, (struct mono){i * 20000}), 0);
	}
	assert_int_equal(s.frames, 50);
	assert_int_equal(s.holes, 0);
	assert_int_equal(s.ticks, 8000);
	audio_depay_destroy(d);
	buf_finish(&s.data);
}

static void counts_losses_and_follows_a_new_source(void **state)
{
	uint8_t p[172];
	struct seen s = {0};

	(void)state;
	struct audio_depay *d = open_depay(TRACK_PCMU, 8000, NULL, &s);
	for (unsigned i = 0; i < 60; i++) {
		size_t len = g711_packet(p, (uint16_t)i, i < 40 ? i * 160 : 77000 + i * 160, i < 40 ? 5 : 6);
		if (i % 10 != 3)
			audio_depay_feed(d, p, len, (struct mono){i * 20000 + (i < 40 ? 0 : 300000)});
	}
	assert_int_equal(s.frames, 54);
	assert_int_equal(s.restarted, 1);
	assert_int_equal(s.holes, 4 + 1 + 2);
	assert_int_equal(audio_depay_lost_packets(d), 6);
	audio_depay_destroy(d);
	buf_finish(&s.data);
}

static void refuses_what_it_cannot_describe(void **state)
{
	static const char *const bad[] = {
		"", "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3", /* no configuration */
		"mode=AAC-hbr;config=08;sizelength=13", "mode=AAC-hbr;config=F880;sizelength=13",
		"mode=AAC-hbr;config=1438;sizelength=13", /* seven channels */
		"mode=AAC-hbr;config=1790;sizelength=13", /* a rate that does not exist */
	};
	struct audio_depay *d;
	struct err e = {0};

	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		char fmtp[200];
		snprintf(fmtp, sizeof fmtp, "%s", bad[i]);
		struct track t = {.codec = TRACK_AAC, .payload_type = 97, .clock_rate = 16000, .fmtp = fmtp};
		assert_true(audio_depay_create(&t, on_frame, NULL, &d, &e) < 0);
		assert_null(d);
		assert_true(e.text[0] != '\0');
	}
}

static void reads_configurations(void **state)
{
	static const uint8_t lc16[] = {0x14, 0x08}, he[] = {0x2b, 0x11, 0x88, 0x00}; /* LC 16 kHz; SBR over 24 kHz */
	struct aac_config c;

	(void)state;
	assert_int_equal(aac_config_parse(lc16, sizeof lc16, &c), 0);
	assert_int_equal(c.core_rate, 16000);
	assert_int_equal(c.channels, 1);
	assert_int_equal(c.frame_samples, 1024);
	assert_int_equal(aac_config_parse(he, sizeof he, &c), 0);
	assert_int_equal(c.core_rate, 24000);
	assert_int_equal(c.channels, 2);
	for (size_t len = 0; len < 2; len++)
		assert_true(aac_config_parse(lc16, len, &c) < 0);
}

static void survives_hostile_packets(void **state)
{
	struct audio_fixture f;
	struct seen s = {0};

	(void)state;
	audio_fixture_make(&f, 16000, 1, 30, false);
	srandom(5);
	for (int way = 0; way < 2; way++) {
		struct audio_depay *d = open_depay(way ? TRACK_PCMA : TRACK_AAC, 16000, way ? NULL : f.fmtp, &s);
		for (unsigned n = 0; n < 20000; n++) {
			const struct audio_fixture_packet *p = &f.packets[(unsigned)random() % f.packet_count];
			size_t len = p->len;
			uint8_t *copy = malloc(len);
			memcpy(copy, p->data, len);
			put_u16be(copy + 2, (uint16_t)n);
			for (unsigned k = (unsigned)random() % 4; k > 0; k--)
				copy[(size_t)random() % (k == 1 ? len : 20)] = (uint8_t)random();
			if (random() % 5 == 0)
				len = (size_t)random() % len;
			assert_int_equal(audio_depay_feed(d, copy, len, (struct mono){n * 1000}), 0);
			free(copy);
			buf_clear(&s.data);
			s.frames = 0;
		}
		audio_depay_destroy(d);
	}
	buf_finish(&s.data);
	audio_fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_aac),
		cmocka_unit_test(takes_latm),
		cmocka_unit_test(takes_g711_bit_for_bit),
		cmocka_unit_test(counts_losses_and_follows_a_new_source),
		cmocka_unit_test(refuses_what_it_cannot_describe),
		cmocka_unit_test(reads_configurations),
		cmocka_unit_test(survives_hostile_packets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
