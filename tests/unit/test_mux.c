#include "media/box.h"
#include "recorder/mux.h"
#include "rtp_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define START INT64_C(1795017600123457)

static int64_t at_of(unsigned i) { return START + (int64_t)i * 66667 + i % 7; }

/* 00 00 01 and 00 00 00 01 → a list of NAL units, each after its length of four bytes, as MP4 has them. */
static void to_lengths(const uint8_t *data, size_t len, struct buf *out)
{
	size_t nal = 0;

	for (size_t i = 0; i + 3 <= len + 3; i++) {
		bool end = i + 3 > len;
		if (!end && (data[i] || data[i + 1] || data[i + 2] != 1))
			continue;
		if (end)
			i = len;
		if (nal) {
			uint8_t size[4];
			size_t stop = !end && data[i - 1] == 0 ? i - 1 : i;
			put_u32be(size, (uint32_t)(stop - nal));
			buf_add(out, size, 4);
			buf_add(out, data + nal, stop - nal);
		}
		if (end)
			break;
		nal = i + 3;
	}
}

/* The same behind start codes of four bytes, as the recorder hands them over; their places. */
static unsigned to_annex_b(const uint8_t *lengths, size_t len, struct buf *out, uint32_t at[64])
{
	unsigned n = 0;

	buf_clear(out);
	buf_add(out, lengths, len);
	for (size_t i = 0; i < len; n++) {
		assert_true(n < 64);
		at[n] = (uint32_t)i;
		put_u32be(out->data + i, 1);
		i += 4 + get_u32be(lengths + i);
	}
	return n;
}

/* Where the NAL units of the first frame's sets are: all before its first SEI or slice. */
static size_t sets_of(const struct rtp_fixture *f, bool h265, uint8_t *out)
{
	const uint8_t *p = f->frames[0]->data;
	size_t len = (size_t)f->frames[0]->size;
	struct buf lengths = {0};
	size_t n = 0;

	to_lengths(p, len, &lengths);
	for (size_t at = 0; at < lengths.len;) {
		size_t size = get_u32be(lengths.data + at);
		unsigned first = lengths.data[at + 4], type = h265 ? first >> 1 & 0x3f : first & 0x1f;
		if (h265 ? type >= 32 && type <= 34 : type == 7 || type == 8) {
			memcpy(out + n, "\0\0\0\1", 4);
			memcpy(out + n + 4, lengths.data + at + 4, size);
			n += 4 + size;
		}
		at += 4 + size;
	}
	buf_finish(&lengths);
	return n;
}

struct made {
	struct rtp_fixture f;
	struct buf file;
	struct buf samples;     /* what all mdat together must hold */
	struct fragment items[64];
	unsigned count;
};

static void make(struct made *m, const struct rtp_fixture_conf *c, unsigned per_fragment)
{
	bool h265 = strcmp(c->encoder, "libx265") == 0;
	uint8_t sets[4096];
	struct mux *mux;
	struct err e;
	struct buf bytes = {0}, frame_bytes = {0};

	*m = (struct made){0};
	rtp_fixture_make(&m->f, c);
	struct mux_conf conf = {.site = "cn-1", .camera = "东", .run = "run-1",
				.codec = h265 ? TRACK_H265 : TRACK_H264, .sets = sets,
				.sets_len = sets_of(&m->f, h265, sets), .start = {START}};
	assert_int_equal(picture_size_find(conf.codec, sets, conf.sets_len, m->f.frames[0]->data,
					   (size_t)m->f.frames[0]->size, &conf.size), 0);
	assert_int_equal(conf.size.width, c->width);
	assert_int_equal(conf.size.height, c->height);
	assert_int_equal(mux_create(&conf, &mux, &m->file, &e), 0);
	for (unsigned i = 0; i <= m->f.frame_count; i++) {
		if (i && (i == m->f.frame_count || i % per_fragment == 0)) {
			struct fragment *f = &m->items[m->count++];
			assert_int_equal(mux_flush(mux, (struct wall){at_of(i)}, &bytes, f), 1);
			assert_int_equal(f->bytes, bytes.len);
			buf_add(&m->file, bytes.data, bytes.len);
		}
		if (i == m->f.frame_count)
			break;
		const AVPacket *p = m->f.frames[i];
		size_t before = m->samples.len;
		uint32_t nal_at[64];
		to_lengths(p->data, (size_t)p->size, &m->samples);
		unsigned nals = to_annex_b(m->samples.data + before, m->samples.len - before, &frame_bytes, nal_at);
		struct mux_frame frame = {
			.data = frame_bytes.data, .len = frame_bytes.len, .at_us = at_of(i),
			.nal_at = nal_at, .nals = i % 2 ? nals : 0, .shown_us = at_of((unsigned)p->pts), .key = p->flags & AV_PKT_FLAG_KEY};
		assert_int_equal(mux_add(mux, &frame), 0);
	}
	assert_int_equal(mux_flush(mux, (struct wall){at_of(999)}, &bytes, &m->items[63]), 0);
	buf_finish(&bytes);
	buf_finish(&frame_bytes);
	mux_destroy(mux);
}

static void finish(struct made *m)
{
	rtp_fixture_finish(&m->f);
	buf_finish(&m->file);
	buf_finish(&m->samples);
}

/* Walks the boxes: order, times, and every byte of every NAL unit. */
static void check_boxes(const struct made *m)
{
	static const uint32_t order[] = {BOX_PRFT, BOX_MOOF, BOX_MDAT};
	size_t at = 0, sample_at = 0;
	struct box b;
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(box_read(m->file.data + at, m->file.len - at, &b), 0);
		assert_int_equal(b.type, i ? BOX_MOOV : BOX_FTYP);
		at += (size_t)b.size;
	}
	for (unsigned i = 0; at < m->file.len; i++) {
		const uint8_t *p = m->file.data + at;
		assert_int_equal(box_read(p, m->file.len - at, &b), 0);
		assert_int_equal(b.type, order[i % 3]);
		const struct fragment *f = &m->items[n];
		if (b.type == BOX_PRFT) {
			uint64_t ntp = get_u64be(p + 16);
			int64_t us = (int64_t)(((ntp & UINT32_MAX) * 1000000 + (1u << 31)) >> 32);
			assert_int_equal(((int64_t)(ntp >> 32) - 2208988800) * 1000000 + us, f->start.us);
		} else if (b.type == BOX_MOOF) {
			struct moof moof;
			assert_int_equal(moof_parse(p, (size_t)b.size, &moof), 0);
			assert_int_equal(moof.video.decode_time, f->start.us - START);
			assert_int_equal(moof.video.duration, f->duration_us);
			assert_int_equal(moof.video.samples, f->frames);
			assert_int_equal(moof.video.starts_with_key, f->key);
			if (n + 1 < m->count)
				assert_int_equal(f->start.us + f->duration_us, f[1].start.us);
			n++;
		} else {
			assert_memory_equal(p + 8, m->samples.data + sample_at, (size_t)b.size - 8);
			sample_at += (size_t)b.size - 8;
		}
		at += (size_t)b.size;
	}
	assert_int_equal(n, m->count);
	assert_int_equal(sample_at, m->samples.len);
	assert_null(memmem(m->file.data, m->file.len, "Lavf5", 5));
	assert_non_null(memmem(m->file.data, m->file.len, "holdfast.camera", 15));
}

/* Decodes every frame: count, and each shown at its microsecond. */
static void check_decodes(const struct made *m)
{
	char path[] = "/tmp/test_mux_XXXXXX";
	int fd = mkstemp(path);
	AVFormatContext *in = NULL;
	AVPacket *p = av_packet_alloc();
	AVFrame *pic = av_frame_alloc();
	unsigned frames = 0, decoded = 0;
	int64_t shift = 0; /* with signed offsets, this demuxer moves all by as much as makes pts >= dts */

	assert_true(fd >= 0);
	assert_int_equal(write(fd, m->file.data, m->file.len), m->file.len);
	assert_int_equal(avformat_open_input(&in, path, NULL, NULL), 0);
	assert_int_equal(in->streams[0]->time_base.den, 1000000);
	AVCodecContext *dec = avcodec_alloc_context3(avcodec_find_decoder(in->streams[0]->codecpar->codec_id));
	avcodec_parameters_to_context(dec, in->streams[0]->codecpar);
	dec->err_recognition = AV_EF_EXPLODE;
	dec->thread_count = 1;
	assert_int_equal(avcodec_open2(dec, dec->codec, NULL), 0);
	bool more = true;
	while (more) {
		more = av_read_frame(in, p) == 0;
		if (more) {
			assert_int_equal(p->dts, at_of(frames) - START);
			if (frames == 0)
				shift = p->pts;
			assert_int_equal(p->pts - shift, at_of((unsigned)m->f.frames[frames]->pts) - START);
			frames++;
		}
		assert_int_equal(avcodec_send_packet(dec, more ? p : NULL), 0);
		av_packet_unref(p);
		while (avcodec_receive_frame(dec, pic) == 0) {
			assert_int_equal(pic->pts - shift, at_of(decoded) - START);
			decoded++;
		}
	}
	assert_int_equal(frames, m->f.frame_count);
	assert_int_equal(decoded, m->f.frame_count);
	avcodec_free_context(&dec);
	avformat_close_input(&in);
	av_packet_free(&p);
	av_frame_free(&pic);
	close(fd);
	unlink(path);
}

static void run_one(const char *encoder, int b_frames, unsigned per_fragment)
{
	struct rtp_fixture_conf c = {encoder, 320, 240, 60, 20, b_frames, 1, 600, 15};
	struct made m;

	make(&m, &c, per_fragment);
	check_boxes(&m);
	check_decodes(&m);
	finish(&m);
}

static void test_h264(void **state) { (void)state; run_one("libx264", 0, 20); }
static void test_h264_reordered(void **state) { (void)state; run_one("libx264", 2, 20); }
static void test_fragments_without_key(void **state) { (void)state; run_one("libx264", 0, 7); }
static void test_one_frame_fragments(void **state) { (void)state; run_one("libx264", 0, 1); }
static void test_h265(void **state) { (void)state; run_one("libx265", 0, 20); }

static void test_useless_sets(void **state)
{
	(void)state;
	struct picture_size size;
	assert_true(picture_size_find(TRACK_H264, (const uint8_t *)"\0\0\0\1\x67\1\2", 7,
				      (const uint8_t *)"\0\0\0\1\x65\x88", 6, &size) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_h264),
		cmocka_unit_test(test_h264_reordered),
		cmocka_unit_test(test_fragments_without_key),
		cmocka_unit_test(test_one_frame_fragments),
		cmocka_unit_test(test_h265),
		cmocka_unit_test(test_useless_sets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
