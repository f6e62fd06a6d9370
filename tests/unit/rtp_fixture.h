/* Real RTP for tests: a moving picture, encoded by libavcodec and packetised by libavformat's `rtp` muxer.
 *
 * Memory: rtp_fixture_make() allocates; rtp_fixture_finish() frees. Errors abort the test. */
#pragma once
#include "base/buf.h"
#include "base/require.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libx265 leaks of its own; the encoder is not what is tested. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libx265\n"; }

struct rtp_fixture_packet { uint8_t *data; size_t len; unsigned frame; };

struct rtp_fixture {
	AVPacket **frames;    /* as encoded: Annex B, pts and dts in frame numbers */
	unsigned frame_count;
	struct rtp_fixture_packet *packets;
	unsigned packet_count;
	unsigned per_frame_ticks;
};

struct rtp_fixture_conf {
	const char *encoder;  /* "libx264", "libx265" */
	int width, height, frames, gop, b_frames, slices, kbps, fps;
	const char *params;   /* more of the encoder's own, "key=value:key=value"; NULL: none */
};

struct rtp_fixture_sink { struct rtp_fixture *f; unsigned frame; };

static inline int rtp_fixture_on_write(void *arg, AVIO_WRITTEN *data, int len)
{
	struct rtp_fixture_sink *s = arg;
	struct rtp_fixture *f = s->f;

	if (len < 12 || (data[1] >= 192 && data[1] <= 223)) /* RTCP */
		return len;
	f->packets = xrealloc(f->packets, (f->packet_count + 1) * sizeof *f->packets);
	struct rtp_fixture_packet *p = &f->packets[f->packet_count++];
	*p = (struct rtp_fixture_packet){.data = xcalloc(1, (size_t)len), .len = (size_t)len,
					 .frame = s->frame};
	memcpy(p->data, data, (size_t)len);
	return len;
}

static inline void rtp_fixture_draw(AVFrame *pic, int n)
{
	for (int y = 0; y < pic->height; y++)
		for (int x = 0; x < pic->width; x++)
			pic->data[0][y * pic->linesize[0] + x] = (uint8_t)(x + y * 2 + n * 5 + (x * y * n) % 13);
	for (int c = 1; c < 3; c++)
		for (int y = 0; y < pic->height / 2; y++)
			memset(pic->data[c] + y * pic->linesize[c], 100 + c * 20 + n % 30, (size_t)pic->width / 2);
}

static inline void rtp_fixture_take(struct rtp_fixture *f, AVCodecContext *enc)
{
	AVPacket *p = av_packet_alloc();

	while (avcodec_receive_packet(enc, p) == 0) {
		f->frames = xrealloc(f->frames, (f->frame_count + 1) * sizeof *f->frames);
		f->frames[f->frame_count++] = p;
		p = av_packet_alloc();
	}
	av_packet_free(&p);
}

static inline void rtp_fixture_encode(struct rtp_fixture *f, const struct rtp_fixture_conf *c)
{
	const AVCodec *codec = avcodec_find_encoder_by_name(c->encoder);
	REQUIRE(codec);
	AVCodecContext *enc = avcodec_alloc_context3(codec);
	AVFrame *pic = av_frame_alloc();
	enc->width = pic->width = c->width;
	enc->height = pic->height = c->height;
	enc->pix_fmt = AV_PIX_FMT_YUV420P;
	pic->format = AV_PIX_FMT_YUV420P;
	enc->time_base = (AVRational){1, c->fps};
	enc->framerate = (AVRational){c->fps, 1};
	enc->gop_size = c->gop;
	enc->max_b_frames = c->b_frames;
	enc->bit_rate = (int64_t)c->kbps * 1000;
	enc->slices = c->slices;
	enc->thread_count = 1;
	av_opt_set(enc->priv_data, "preset", "ultrafast", 0);
	av_opt_set(enc->priv_data, "forced-idr", "1", 0);
	bool h264 = strcmp(c->encoder, "libx264") == 0;
	char params[300];
	snprintf(params, sizeof params, "%s%s%s",
		 h264 ? "scenecut=0:b-adapt=0" : "log-level=none:scenecut=0:open-gop=0:pools=1",
		 c->params ? ":" : "", c->params ? c->params : "");
	av_opt_set(enc->priv_data, h264 ? "x264-params" : "x265-params", params, 0);
	REQUIRE(avcodec_open2(enc, codec, NULL) == 0);
	REQUIRE(av_frame_get_buffer(pic, 0) == 0);
	for (int n = 0; n < c->frames; n++) {
		REQUIRE(av_frame_make_writable(pic) == 0);
		rtp_fixture_draw(pic, n);
		pic->pts = n;
		REQUIRE(avcodec_send_frame(enc, pic) == 0);
		rtp_fixture_take(f, enc);
	}
	avcodec_send_frame(enc, NULL);
	rtp_fixture_take(f, enc);
	REQUIRE((int)f->frame_count == c->frames);
	av_frame_free(&pic);
	avcodec_free_context(&enc);
}

static inline void rtp_fixture_packetise(struct rtp_fixture *f, const struct rtp_fixture_conf *c)
{
	struct rtp_fixture_sink sink = {.f = f};
	AVFormatContext *mux = NULL;

	REQUIRE(avformat_alloc_output_context2(&mux, NULL, "rtp", NULL) == 0);
	mux->pb = avio_alloc_context(av_malloc(1460), 1460, 1, &sink, NULL, rtp_fixture_on_write, NULL);
	mux->pb->max_packet_size = 1460;
	mux->packet_size = 1460;
	mux->flags |= AVFMT_FLAG_BITEXACT;
	AVStream *st = avformat_new_stream(mux, NULL);
	st->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
	st->codecpar->codec_id = strcmp(c->encoder, "libx264") == 0 ? AV_CODEC_ID_H264 : AV_CODEC_ID_HEVC;
	st->codecpar->width = c->width;
	st->codecpar->height = c->height;
	st->time_base = (AVRational){1, 90000};
	REQUIRE(avformat_write_header(mux, NULL) >= 0);
	f->per_frame_ticks = 90000u / (unsigned)c->fps;
	for (unsigned i = 0; i < f->frame_count; i++) {
		AVPacket *p = av_packet_clone(f->frames[i]);
		sink.frame = i;
		p->stream_index = 0;
		p->pts = (p->pts + 2) * f->per_frame_ticks;
		p->dts = (p->dts + 2) * f->per_frame_ticks;
		REQUIRE(av_write_frame(mux, p) >= 0);
		avio_flush(mux->pb);
		av_packet_free(&p);
	}
	av_write_trailer(mux);
	av_freep(&mux->pb->buffer);
	avio_context_free(&mux->pb);
	avformat_free_context(mux);
}

static inline void rtp_fixture_make(struct rtp_fixture *f, const struct rtp_fixture_conf *c)
{
	*f = (struct rtp_fixture){0};
	av_log_set_level(AV_LOG_ERROR);
	rtp_fixture_encode(f, c);
	rtp_fixture_packetise(f, c);
}

/* Packet i as sent: with this sequence number and timestamp. */
static inline void rtp_fixture_stamp(const struct rtp_fixture *f, unsigned i, uint16_t sequence,
				     uint32_t timestamp, uint32_t ssrc)
{
	put_u16be(f->packets[i].data + 2, sequence);
	put_u32be(f->packets[i].data + 4, timestamp);
	put_u32be(f->packets[i].data + 8, ssrc);
}

static inline void rtp_fixture_finish(struct rtp_fixture *f)
{
	for (unsigned i = 0; i < f->packet_count; i++)
		free(f->packets[i].data);
	for (unsigned i = 0; i < f->frame_count; i++)
		av_packet_free(&f->frames[i]);
	free(f->packets);
	free(f->frames);
	*f = (struct rtp_fixture){0};
}
