#include "recorder/demuxer.h"

#include "recorder/libav_log.h"
#include "recorder/sdp_write.h"

#include <errno.h>
#include <string.h>

#define AVIO_BUFFER_BYTES 512 /* of receiver reports only: reads pass it by */

/* --- its input --------------------------------------------------------------------- */

static int read_packet(struct demuxer *d, uint8_t *out, int room)
{
	const struct rtp_packet *p = d->input;

	if (!p)
		return AVERROR(EAGAIN);
	d->input = NULL;
	size_t len = RTP_HEADER_BYTES + p->payload_len;
	if (room < 0 || len > (size_t)room)
		return AVERROR(EAGAIN);
	out[0] = 0x80;
	out[1] = (uint8_t)((p->marker ? 0x80 : 0) | SDP_WRITE_PAYLOAD_TYPE);
	put_u16be(out + 2, ++d->fed);
	put_u32be(out + 4, p->timestamp);
	put_u32be(out + 8, 1);
	memcpy(out + RTP_HEADER_BYTES, p->payload, p->payload_len);
	if (d->set_at < p->payload_len)
		out[RTP_HEADER_BYTES + d->set_at] |= d->set_bits;
	return (int)len;
}

static int on_read(void *arg, uint8_t *out, int room)
{
	struct demuxer *d = arg;

	if (d->ctx && d->ctx->nb_streams > 0)
		return read_packet(d, out, room);
	size_t left = d->sdp.len - d->sdp_at;
	if (left == 0 || room <= 0)
		return AVERROR_EOF;
	size_t n = left < (size_t)room ? left : (size_t)room;
	memcpy(out, d->sdp.data + d->sdp_at, n);
	d->sdp_at += n;
	return (int)n;
}

/* Receiver reports: the session's business. */
static int on_write(void *arg, AVIO_WRITTEN *data, int len)
{
	(void)arg;
	(void)data;
	return len;
}

/* libavformat looks for an ID3 tag and goes back. */
static int64_t on_seek(void *arg, int64_t to, int whence)
{
	struct demuxer *d = arg;

	if (whence != SEEK_SET || to < 0 || (uint64_t)to > d->sdp.len)
		return AVERROR(EINVAL);
	d->sdp_at = (size_t)to;
	return to;
}

/* --- opening ----------------------------------------------------------------------- */

static int set_options(AVDictionary **options)
{
	static const struct { const char *key, *value; } wanted[] = {
		{"sdp_flags", "custom_io"},
		{"reorder_queue_size", "0"},
		{"protocol_whitelist", "none"},
		{"format_whitelist", "sdp"},
	};

	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (av_dict_set(options, wanted[i].key, wanted[i].value, 0) < 0)
			return -ENOMEM;
	return 0;
}

static int allocate(struct demuxer *d)
{
	uint8_t *buffer = av_malloc(AVIO_BUFFER_BYTES);

	if (!buffer)
		return -ENOMEM;
	/* Opened for writing too, and direct: reads are never gathered, so each gets one packet, and
	 * AVERROR(EAGAIN) leaves no mark behind. */
	d->io = avio_alloc_context(buffer, AVIO_BUFFER_BYTES, 1, d, on_read, on_write, on_seek);
	if (!d->io) {
		av_free(buffer);
		return -ENOMEM;
	}
	d->io->direct = 1;
	d->piece = av_packet_alloc();
	d->ctx = avformat_alloc_context();
	if (!d->piece || !d->ctx)
		return -ENOMEM;
	d->ctx->pb = d->io;
	d->ctx->flags |= AVFMT_FLAG_NONBLOCK | AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
	d->ctx->max_delay = 0;
	return 0;
}

static int open_format(struct demuxer *d, struct err *e)
{
	const AVInputFormat *format = av_find_input_format("sdp");
	AVDictionary *options = NULL;
	int rc = allocate(d);

	if (!format)
		return err_set(e, -ENOSYS, "this libavformat has no sdp demuxer");
	if (rc == 0)
		rc = set_options(&options);
	if (rc == 0)
		rc = avformat_open_input(&d->ctx, "", format, &options);
	int left = av_dict_count(options);
	av_dict_free(&options);
	if (rc < 0)
		return err_set(e, rc, "libavformat does not take the stream's description (%d)", rc);
	if (left > 0)
		return err_set(e, -ENOSYS, "this libavformat does not know an option that we need");
	if (d->ctx->nb_streams != 1)
		return err_set(e, -EINVAL, "libavformat finds %u streams in place of one", d->ctx->nb_streams);
	return 0;
}

int demuxer_open(struct demuxer *d, const struct track *t, struct err *e)
{
	*d = (struct demuxer){0};
	libav_log_init();
	int rc = sdp_write(t, &d->sdp);
	if (rc < 0)
		err_set(e, rc, "the stream's format parameters cannot be used");
	else
		rc = open_format(d, e);
	if (rc < 0)
		demuxer_close(d);
	else
		buf_finish(&d->sdp);
	return rc;
}

void demuxer_close(struct demuxer *d)
{
	avformat_close_input(&d->ctx);
	av_packet_free(&d->piece);
	if (d->io)
		av_freep(&d->io->buffer);
	avio_context_free(&d->io);
	buf_finish(&d->sdp);
}

/* --- packets ----------------------------------------------------------------------- */

void demuxer_give(struct demuxer *d, const struct rtp_packet *p)
{
	demuxer_give_changed(d, p, 0, 0);
}

void demuxer_give_changed(struct demuxer *d, const struct rtp_packet *p, size_t at, uint8_t bits)
{
	d->input = p;
	d->set_at = at;
	d->set_bits = bits;
}

int demuxer_take(struct demuxer *d)
{
	int rc;

	do {
		av_packet_unref(d->piece);
		rc = av_read_frame(d->ctx, d->piece);
	} while (rc == 0 && d->piece->size <= 0);
	if (rc == 0)
		return 1;
	d->input = NULL;
	return rc == AVERROR(EAGAIN) ? 0 : rc;
}

const uint8_t *demuxer_config(const struct demuxer *d, size_t *len)
{
	const AVCodecParameters *par = d->ctx->streams[0]->codecpar;

	*len = par->extradata_size > 0 ? (size_t)par->extradata_size : 0;
	return par->extradata;
}
