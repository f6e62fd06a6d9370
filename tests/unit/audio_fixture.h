/* Sound for tests: a tone, encoded as AAC by libavcodec and packetised by libavformat's `rtp` muxer, with
 * the SDP parameters that it writes.
 *
 * Memory: audio_fixture_make() allocates; audio_fixture_finish() frees. Errors abort the test. */
#pragma once
#include "base/buf.h"
#include "base/require.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct audio_fixture_packet { uint8_t *data; size_t len; uint32_t timestamp; };

struct audio_fixture {
	AVPacket **frames;
	unsigned frame_count;
	struct audio_fixture_packet *packets;
	unsigned packet_count;
	char fmtp[300];
};

static inline int audio_fixture_on_write(void *arg, AVIO_WRITTEN *data, int len)
{
	struct audio_fixture *f = arg;

	if (len < 12 || (data[1] >= 192 && data[1] <= 223)) /* RTCP */
		return len;
	f->packets = xrealloc(f->packets, (f->packet_count + 1) * sizeof *f->packets);
	struct audio_fixture_packet *p = &f->packets[f->packet_count++];
	*p = (struct audio_fixture_packet){.data = xcalloc(1, (size_t)len), .len = (size_t)len,
					   .timestamp = get_u32be(data + 4)};
	memcpy(p->data, data, (size_t)len);
	return len;
}

static inline void audio_fixture_take(struct audio_fixture *f, AVCodecContext *enc)
{
	AVPacket *p = av_packet_alloc();

	while (avcodec_receive_packet(enc, p) == 0) {
		f->frames = xrealloc(f->frames, (f->frame_count + 1) * sizeof *f->frames);
		f->frames[f->frame_count++] = p;
		p = av_packet_alloc();
	}
	av_packet_free(&p);
}

static inline AVCodecContext *audio_fixture_encode(struct audio_fixture *f, int rate, int channels, unsigned frames)
{
	AVCodecContext *enc = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_AAC));
	AVFrame *pcm = av_frame_alloc();

	enc->sample_rate = pcm->sample_rate = rate;
	av_channel_layout_default(&enc->ch_layout, channels);
	av_channel_layout_default(&pcm->ch_layout, channels);
	enc->sample_fmt = AV_SAMPLE_FMT_FLTP;
	pcm->format = AV_SAMPLE_FMT_FLTP;
	enc->bit_rate = 24000 * channels;
	enc->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	REQUIRE(avcodec_open2(enc, enc->codec, NULL) == 0);
	pcm->nb_samples = enc->frame_size;
	REQUIRE(av_frame_get_buffer(pcm, 0) == 0);
	for (unsigned n = 0; n < frames; n++) {
		REQUIRE(av_frame_make_writable(pcm) == 0);
		for (int c = 0; c < channels; c++)
			for (int i = 0; i < enc->frame_size; i++)
				((float *)(void *)pcm->extended_data[c])[i] =
					sinf((float)((int)n * enc->frame_size + i) * 0.15f) * 0.4f;
		pcm->pts = (int64_t)n * enc->frame_size;
		REQUIRE(avcodec_send_frame(enc, pcm) == 0);
		audio_fixture_take(f, enc);
	}
	avcodec_send_frame(enc, NULL);
	audio_fixture_take(f, enc);
	av_frame_free(&pcm);
	return enc;
}

static inline void audio_fixture_describe(struct audio_fixture *f, AVFormatContext *mux)
{
	char sdp[2000];

	REQUIRE(av_sdp_create(&mux, 1, sdp, sizeof sdp) == 0);
	const char *fmtp = strstr(sdp, "a=fmtp:");
	REQUIRE(fmtp && (fmtp = strchr(fmtp, ' ')));
	snprintf(f->fmtp, sizeof f->fmtp, "%.*s", (int)strcspn(fmtp + 1, "\r\n"), fmtp + 1);
}

static inline void audio_fixture_make(struct audio_fixture *f, int rate, int channels, unsigned frames, bool latm)
{
	AVFormatContext *mux = NULL;
	AVDictionary *options = NULL;

	*f = (struct audio_fixture){0};
	av_log_set_level(AV_LOG_ERROR);
	AVCodecContext *enc = audio_fixture_encode(f, rate, channels, frames);
	REQUIRE(avformat_alloc_output_context2(&mux, NULL, "rtp", NULL) == 0);
	mux->pb = avio_alloc_context(av_malloc(1460), 1460, 1, f, NULL, audio_fixture_on_write, NULL);
	mux->pb->max_packet_size = 1460;
	mux->packet_size = 1460;
	AVStream *st = avformat_new_stream(mux, NULL);
	REQUIRE(avcodec_parameters_from_context(st->codecpar, enc) == 0);
	av_dict_set(&options, "payload_type", "97", 0);
	if (latm)
		av_dict_set(&options, "rtpflags", "latm", 0);
	REQUIRE(avformat_write_header(mux, &options) >= 0);
	audio_fixture_describe(f, mux);
	for (unsigned i = 0; i < f->frame_count; i++) {
		AVPacket *p = av_packet_clone(f->frames[i]);
		av_packet_rescale_ts(p, (AVRational){1, rate}, st->time_base);
		p->stream_index = 0;
		REQUIRE(av_write_frame(mux, p) >= 0);
		av_packet_free(&p);
	}
	if (!latm) /* the muxer gathers frames, and keeps what it has gathered last */
		av_packet_free(&f->frames[--f->frame_count]);
	av_write_trailer(mux);
	avio_flush(mux->pb);
	av_freep(&mux->pb->buffer);
	avio_context_free(&mux->pb);
	avformat_free_context(mux);
	av_dict_free(&options);
	avcodec_free_context(&enc);
}

static inline void audio_fixture_finish(struct audio_fixture *f)
{
	for (unsigned i = 0; i < f->packet_count; i++)
		free(f->packets[i].data);
	for (unsigned i = 0; i < f->frame_count; i++)
		av_packet_free(&f->frames[i]);
	free(f->packets);
	free(f->frames);
}
