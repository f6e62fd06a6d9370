#include "sound.h"

#include "base/require.h"

#include <libavcodec/avcodec.h>
#include <math.h>
#include <string.h>

#define BEEP_US 100000
#define BEEP_HZ 1000.0
#define LATE_US 500000 /* a loop that stood still so long begins anew */
#define RTP_BYTES 12
#define AAC_RATE 16000
#define AAC_BITRATE 24000
#define AAC_PAYLOAD_TYPE 97

struct sound {
	enum sound_kind kind;
	uint32_t rate, samples; /* of one packet */
	bool begun;
	int64_t origin_us;      /* of sample 0 */
	int64_t made;           /* samples */
	AVCodecContext *aac;
	AVFrame *frame;
	AVPacket *packet;
	struct buf out;
};

/* --- the waveform ------------------------------------------------------------------ */

static double sample_at(const struct sound *s, int64_t n)
{
	int64_t us = s->origin_us + n * 1000000 / s->rate;

	if (us % 1000000 >= BEEP_US)
		return 0;
	return 0.5 * sin(2 * M_PI * BEEP_HZ * (double)(us % 1000000) / 1e6);
}

/* ITU-T G.711, by its definition: 13 and 14 bits, segments of 16 steps. */
static uint8_t alaw(double v)
{
	int x = (int)(v * 4095), negative = x < 0, seg = 0;

	x = negative ? -x - 1 : x;
	x = x < 0 ? 0 : x;
	while (seg < 7 && x >> (seg + 5))
		seg++;
	int code = seg << 4 | (x >> (seg ? seg : 1) & 15);
	return (uint8_t)((code | (negative ? 0 : 0x80)) ^ 0x55);
}

static uint8_t mulaw(double v)
{
	int x = (int)(v * 8158), negative = x < 0, seg = 0;

	x = (negative ? -x : x) + 33;
	x = x > 8191 ? 8191 : x;
	while (seg < 7 && x >> (seg + 6))
		seg++;
	return (uint8_t)~((negative ? 0x80 : 0) | seg << 4 | (x >> (seg + 1) & 15));
}

/* --- packets ------------------------------------------------------------------------ */

static uint8_t payload_type(const struct sound *s)
{
	return s->kind == SOUND_PCMA ? 8 : s->kind == SOUND_PCMU ? 0 : AAC_PAYLOAD_TYPE;
}

/* Length, and a header to be stamped by each session. */
static void begin_packet(struct sound *s, size_t payload)
{
	uint8_t head[2 + RTP_BYTES] = {[2] = 0x80};

	put_u16be(head, (uint16_t)(RTP_BYTES + payload));
	head[3] = (uint8_t)(payload_type(s) | (s->kind == SOUND_AAC ? 0x80 : 0));
	buf_clear(&s->out);
	buf_add(&s->out, head, sizeof head);
}

static int make_g711(struct sound *s, struct sound_packet *out)
{
	begin_packet(s, s->samples);
	out->timestamp = (uint32_t)s->made;
	for (uint32_t i = 0; i < s->samples; i++) {
		double v = sample_at(s, s->made++);
		uint8_t code = s->kind == SOUND_PCMA ? alaw(v) : mulaw(v);
		buf_add(&s->out, &code, 1);
	}
	return 1;
}

/* The encoder keeps a frame back: what comes out has the time of the one before. */
static int make_aac(struct sound *s, struct sound_packet *out)
{
	uint8_t head[4] = {0, 16}; /* one header of 16 bits: 13 of size, 3 of index */

	if (av_frame_make_writable(s->frame) < 0)
		return -1;
	s->frame->pts = s->made;
	for (uint32_t i = 0; i < s->samples; i++)
		((float *)(void *)s->frame->data[0])[i] = (float)sample_at(s, s->made++);
	av_packet_unref(s->packet);
	int rc = avcodec_send_frame(s->aac, s->frame);
	if (rc == 0)
		rc = avcodec_receive_packet(s->aac, s->packet);
	if (rc < 0)
		return rc == AVERROR(EAGAIN) ? 0 : rc;
	begin_packet(s, sizeof head + (size_t)s->packet->size);
	put_u16be(head + 2, (uint16_t)(s->packet->size << 3));
	buf_add(&s->out, head, sizeof head);
	buf_add(&s->out, s->packet->data, (size_t)s->packet->size);
	out->timestamp = (uint32_t)s->packet->pts;
	return 1;
}

static int64_t packet_us(const struct sound *s)
{
	return (int64_t)s->samples * 1000000 / s->rate;
}

static int64_t made_until_us(const struct sound *s)
{
	return s->origin_us + s->made * 1000000 / s->rate;
}

int sound_next(struct sound *s, int64_t now_us, struct sound_packet *out)
{
	int64_t late = now_us - made_until_us(s);

	if (!s->begun || late > LATE_US || late < -LATE_US) {
		s->begun = true;
		s->origin_us = now_us - s->made * 1000000 / s->rate;
		return 0;
	}
	if (late < packet_us(s))
		return 0;
	int rc = s->kind == SOUND_AAC ? make_aac(s, out) : make_g711(s, out);
	out->packets = (struct rtp_packets){s->out.data, s->out.len, 1};
	return rc;
}

/* --- description, lifetime ------------------------------------------------------------ */

void sound_describe(const struct sound *s, struct buf *sdp)
{
	buf_printf(sdp, "m=audio 0 RTP/AVP %u\r\n", payload_type(s));
	if (s->kind != SOUND_AAC) /* RFC 3551 says the rest */
		return;
	buf_printf(sdp, "a=rtpmap:%u mpeg4-generic/%u/1\r\na=fmtp:%u streamtype=5;profile-level-id=1;mode=AAC-hbr;"
		   "sizelength=13;indexlength=3;indexdeltalength=3;config=", payload_type(s), s->rate, payload_type(s));
	for (int i = 0; i < s->aac->extradata_size && i < 2; i++)
		buf_printf(sdp, "%02x", s->aac->extradata[i]);
	buf_add_text(sdp, "\r\n");
}

static int open_aac(struct sound *s)
{
	s->aac = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_AAC));
	s->frame = av_frame_alloc();
	s->packet = av_packet_alloc();
	REQUIRE(s->aac && s->frame && s->packet);
	s->aac->sample_rate = s->frame->sample_rate = AAC_RATE;
	av_channel_layout_default(&s->aac->ch_layout, 1);
	av_channel_layout_default(&s->frame->ch_layout, 1);
	s->aac->sample_fmt = AV_SAMPLE_FMT_FLTP;
	s->frame->format = AV_SAMPLE_FMT_FLTP;
	s->aac->bit_rate = AAC_BITRATE;
	s->aac->time_base = (AVRational){1, AAC_RATE};
	s->aac->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	int rc = avcodec_open2(s->aac, s->aac->codec, NULL);
	s->rate = AAC_RATE;
	s->samples = 1024;
	s->frame->nb_samples = 1024;
	return rc < 0 ? rc : av_frame_get_buffer(s->frame, 0);
}

int sound_create(struct sound **out, enum sound_kind kind, struct err *e)
{
	struct sound *s = xcalloc(1, sizeof *s);

	*s = (struct sound){.kind = kind, .rate = 8000, .samples = 160};
	int rc = kind == SOUND_AAC ? open_aac(s) : 0;
	if (rc < 0) {
		sound_destroy(s);
		return err_set(e, rc, "open AAC encoder: %s", av_err2str(rc));
	}
	*out = s;
	return 0;
}

void sound_destroy(struct sound *s)
{
	if (!s)
		return;
	avcodec_free_context(&s->aac);
	av_frame_free(&s->frame);
	av_packet_free(&s->packet);
	buf_finish(&s->out);
	free(s);
}
