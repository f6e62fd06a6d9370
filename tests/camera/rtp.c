#include "rtp.h"

#include "base/crypto.h"
#include "base/require.h"

#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <string.h>

#define PACKET_MAX_BYTES 1400 /* what cameras send: below any MTU with tunnels */
#define HEADER_BYTES 12
#define NTP_1970_S UINT64_C(2208988800)

#define RTCP_SR 200
#define RTCP_SDES 202
#define SDES_CNAME 1

struct rtp_packetiser {
	AVFormatContext *mux;
	AVIOContext *io;
	AVPacket *packet;
	struct buf unit; /* parameter sets and picture put together */
	struct buf out;
	unsigned count;
	int64_t pts;
};

/* --- packetiser -------------------------------------------------------------- */

static int on_packet(void *opaque, AVIO_WRITTEN *data, int len)
{
	struct rtp_packetiser *p = opaque;
	uint8_t head[2];

	if (len < HEADER_BYTES || len > PACKET_MAX_BYTES)
		return AVERROR_INVALIDDATA;
	put_u16be(head, (uint16_t)len);
	buf_add(&p->out, head, sizeof head);
	buf_add(&p->out, data, (size_t)len);
	p->count++;
	return len;
}

static int open_mux(struct rtp_packetiser *p, const struct encoder_config *cfg)
{
	int rc = avformat_alloc_output_context2(&p->mux, NULL, "rtp", NULL);
	if (rc < 0)
		return rc;
	AVStream *st = avformat_new_stream(p->mux, NULL);
	REQUIRE(st);
	st->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
	st->codecpar->codec_id = cfg->codec == ENCODER_H265 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264;
	st->codecpar->width = cfg->width;
	st->codecpar->height = cfg->height;
	p->mux->pb = p->io;
	p->mux->packet_size = PACKET_MAX_BYTES;

	AVDictionary *options = NULL;
	av_dict_set(&options, "rtpflags", "skip_rtcp", 0);
	av_dict_set_int(&options, "payload_type", RTP_PAYLOAD_TYPE, 0);
	rc = avformat_write_header(p->mux, &options);
	if (rc >= 0 && av_dict_count(options) > 0)
		rc = AVERROR_OPTION_NOT_FOUND;
	av_dict_free(&options);
	return rc;
}

int rtp_packetiser_create(struct rtp_packetiser **out, const struct encoder_config *cfg, struct err *e)
{
	struct rtp_packetiser *p = xcalloc(1, sizeof *p);
	uint8_t *room = av_malloc(PACKET_MAX_BYTES);

	p->packet = av_packet_alloc();
	p->io = avio_alloc_context(room, PACKET_MAX_BYTES, 1, p, NULL, on_packet, NULL);
	REQUIRE(room && p->packet && p->io);
	p->io->max_packet_size = PACKET_MAX_BYTES;
	int rc = open_mux(p, cfg);
	if (rc < 0) {
		rtp_packetiser_destroy(p);
		return err_set(e, rc, "open RTP muxer: %s", av_err2str(rc));
	}
	*out = p;
	return 0;
}

void rtp_packetiser_destroy(struct rtp_packetiser *p)
{
	if (!p)
		return;
	if (p->mux && p->mux->priv_data)
		av_write_trailer(p->mux);
	avformat_free_context(p->mux);
	av_freep(&p->io->buffer);
	avio_context_free(&p->io);
	av_packet_free(&p->packet);
	buf_finish(&p->unit);
	buf_finish(&p->out);
	free(p);
}

int rtp_packetise(struct rtp_packetiser *p, const uint8_t *sets, size_t sets_len,
		  const uint8_t *unit, size_t unit_len, struct rtp_packets *out)
{
	static const uint8_t padding[AV_INPUT_BUFFER_PADDING_SIZE];

	buf_clear(&p->unit);
	buf_clear(&p->out);
	p->count = 0;
	buf_add(&p->unit, sets, sets_len);
	buf_add(&p->unit, unit, unit_len);
	buf_add(&p->unit, padding, sizeof padding);
	p->packet->data = p->unit.data;
	p->packet->size = (int)(sets_len + unit_len);
	p->packet->pts = p->packet->dts = p->pts++;
	int rc = av_write_frame(p->mux, p->packet);
	*out = (struct rtp_packets){p->out.data, p->out.len, p->count};
	return rc < 0 ? rc : 0;
}

/* --- one session's stream ------------------------------------------------------ */

void rtp_stream_init(struct rtp_stream *s)
{
	*s = (struct rtp_stream){0};
	random_bytes(&s->ssrc, sizeof s->ssrc);
	random_bytes(&s->next_seq, sizeof s->next_seq);
	random_bytes(&s->timestamp_base, sizeof s->timestamp_base);
}

uint32_t rtp_stream_timestamp(const struct rtp_stream *s, int64_t clock_us, int64_t shift_us)
{
	int64_t ticks = (clock_us + shift_us) / 100 * 9 + (clock_us + shift_us) % 100 * 9 / 100;

	return s->timestamp_base + (uint32_t)(uint64_t)ticks;
}

static void add_frame_head(struct buf *out, uint8_t channel, size_t len)
{
	uint8_t head[4] = {'$', channel, 0, 0};

	put_u16be(head + 2, (uint16_t)len);
	buf_add(out, head, sizeof head);
}

void rtp_stream_add_packets(struct rtp_stream *s, struct buf *out, uint8_t channel,
			    const struct rtp_packets *packets, uint32_t timestamp)
{
	for (size_t at = 0; at < packets->len;) {
		size_t len = get_u16be(packets->data + at);
		const uint8_t *packet = packets->data + at + 2;
		add_frame_head(out, channel, len);
		size_t begin = out->len;
		buf_add(out, packet, len);
		put_u16be(out->data + begin + 2, s->next_seq++);
		put_u32be(out->data + begin + 4, timestamp);
		put_u32be(out->data + begin + 8, s->ssrc);
		s->packets++;
		s->octets += (uint32_t)(len - HEADER_BYTES);
		at += 2 + len;
	}
}

static uint64_t ntp_of(int64_t wall_us)
{
	uint64_t s = (uint64_t)(wall_us / 1000000), us = (uint64_t)(wall_us % 1000000);

	return (s + NTP_1970_S) << 32 | (us << 32) / 1000000;
}

void rtp_stream_add_report(const struct rtp_stream *s, struct buf *out, uint8_t channel,
			   int64_t wall_us, uint32_t timestamp)
{
	static const char cname[] = "holdfast-camera";
	uint8_t p[28 + 8 + 20] = {0};
	size_t name_len = sizeof cname - 1;

	p[0] = p[28] = 0x80;
	p[1] = RTCP_SR;
	put_u16be(p + 2, 28 / 4 - 1);
	put_u32be(p + 4, s->ssrc);
	put_u64be(p + 8, ntp_of(wall_us));
	put_u32be(p + 16, timestamp);
	put_u32be(p + 20, s->packets);
	put_u32be(p + 24, s->octets);

	p[28] |= 1; /* one chunk */
	p[29] = RTCP_SDES;
	put_u16be(p + 30, (sizeof p - 28) / 4 - 1);
	put_u32be(p + 32, s->ssrc);
	p[36] = SDES_CNAME;
	p[37] = (uint8_t)name_len;
	memcpy(p + 38, cname, name_len); /* the zeros after it end the chunk */
	add_frame_head(out, channel, sizeof p);
	buf_add(out, p, sizeof p);
}
