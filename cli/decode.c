#include "cli/decode.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_BYTES (64 << 10)
#define AWAITED_MAX 32 /* more than any stream reorders */
#define RASL_N 8       /* H.265: leading pictures that cannot be shown after a seek, and are not */
#define RASL_R 9
#define PIXELS_MAX (INT64_C(8192) * 8192)

struct decode {
	int fd;
	int64_t bytes, at;              /* at: where the demuxer reads next */
	AVFormatContext *format;
	AVIOContext *io;
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
	int stream;
	int64_t packet_us;              /* of the packet under way, from the segment's start */
	int64_t awaited[AWAITED_MAX];   /* times of H.265 pictures that have not come yet, oldest first */
	unsigned awaited_count;
	struct fsck_decoded *out;
};

static void fault(struct decode *d, int64_t at_us, const char *why)
{
	if (d->out->faults++ > 0)
		return;
	d->out->first_us = at_us;
	snprintf(d->out->why, sizeof d->out->why, "%s", why);
}

static void fault_of(struct decode *d, int rc)
{
	char text[AV_ERROR_MAX_STRING_SIZE] = "";

	av_strerror(rc, text, sizeof text);
	fault(d, d->packet_us, text);
}

/* --- the file ------------------------------------------------------------------------------ */

static int on_read(void *arg, uint8_t *p, int len)
{
	struct decode *d = arg;
	int64_t left = d->bytes - d->at;
	ssize_t n = left <= 0 ? 0 : pread(d->fd, p, (size_t)(left < len ? left : len), d->at);

	if (n <= 0)
		return n < 0 ? AVERROR(errno) : AVERROR_EOF;
	d->at += n;
	return (int)n;
}

static int64_t on_seek(void *arg, int64_t to, int whence)
{
	struct decode *d = arg;

	whence &= ~AVSEEK_FORCE;
	if (whence == AVSEEK_SIZE)
		return d->bytes;
	to += whence == SEEK_CUR ? d->at : whence == SEEK_END ? d->bytes : 0;
	if (to < 0)
		return AVERROR(EINVAL);
	return d->at = to;
}

/* Only what we write ourselves is opened: MP4, whatever its name. */
static int open_format(struct decode *d)
{
	AVDictionary *options = NULL;
	uint8_t *window = av_malloc(WINDOW_BYTES);

	d->io = window ? avio_alloc_context(window, WINDOW_BYTES, 0, d, on_read, NULL, on_seek) : NULL;
	d->format = d->io ? avformat_alloc_context() : NULL;
	if (!d->format) {
		if (!d->io)
			av_free(window);
		return AVERROR(ENOMEM);
	}
	d->format->pb = d->io;
	av_dict_set(&options, "ignore_editlist", "1", 0); /* times are the file's own */
	int rc = avformat_open_input(&d->format, NULL, av_find_input_format("mov"), &options);
	av_dict_free(&options);
	return rc;
}

static bool is_ours(enum AVCodecID id) { return id == AV_CODEC_ID_H264 || id == AV_CODEC_ID_HEVC; }

static int open_codec(struct decode *d)
{
	d->stream = av_find_best_stream(d->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
	if (d->stream < 0)
		return d->stream;
	const AVCodecParameters *par = d->format->streams[d->stream]->codecpar;
	const AVCodec *codec = is_ours(par->codec_id) ? avcodec_find_decoder(par->codec_id) : NULL;
	if (!codec)
		return AVERROR_DECODER_NOT_FOUND;
	d->codec = avcodec_alloc_context3(codec);
	d->packet = av_packet_alloc();
	d->frame = av_frame_alloc();
	if (!d->codec || !d->packet || !d->frame)
		return AVERROR(ENOMEM);
	int rc = avcodec_parameters_to_context(d->codec, par);
	d->codec->pkt_timebase = d->format->streams[d->stream]->time_base;
	d->codec->thread_count = 1;
	d->codec->max_pixels = PIXELS_MAX;
	return rc < 0 ? rc : avcodec_open2(d->codec, codec, NULL);
}

static int64_t us_of(const struct decode *d, int64_t pts)
{
	return pts == AV_NOPTS_VALUE ? d->packet_us : av_rescale_q(pts, d->codec->pkt_timebase, (AVRational){1, US_PER_S});
}

/* --- pictures that do not come (H.265) --------------------------------------------------------- */

static void no_longer_awaited(struct decode *d, unsigned i)
{
	memmove(&d->awaited[i], &d->awaited[i + 1], (d->awaited_count - i - 1) * sizeof *d->awaited);
	d->awaited_count--;
}

static void missing(struct decode *d)
{
	fault(d, d->awaited[0], "a picture is missing");
	no_longer_awaited(d, 0);
}

static bool has_picture(const AVPacket *p)
{
	uint32_t size;

	for (const uint8_t *at = p->data, *end = p->data + p->size; end - at > 4; at += 4 + size) {
		size = get_u32be(at);
		unsigned type = at[4] >> 1 & 0x3f;
		if (type < 32)
			return type != RASL_N && type != RASL_R;
		if (size > (size_t)(end - at) - 4)
			return true;
	}
	return true;
}

static void await_picture(struct decode *d, const AVPacket *p)
{
	if (d->codec->codec_id != AV_CODEC_ID_HEVC || !has_picture(p))
		return;
	if (d->awaited_count == AWAITED_MAX)
		missing(d);
	d->awaited[d->awaited_count++] = d->packet_us;
}

static void came(struct decode *d, int64_t us)
{
	for (unsigned i = 0; i < d->awaited_count; i++)
		if (d->awaited[i] == us) {
			no_longer_awaited(d, i);
			return;
		}
}

/* --- the pictures ---------------------------------------------------------------------------- */

static void take_pictures(struct decode *d)
{
	int rc;

	while ((rc = avcodec_receive_frame(d->codec, d->frame)) >= 0) {
		d->out->pictures++;
		int64_t us = us_of(d, d->frame->best_effort_timestamp);
		came(d, us);
		if (d->frame->decode_error_flags || d->frame->flags & AV_FRAME_FLAG_CORRUPT)
			fault(d, us, "a damaged picture");
		av_frame_unref(d->frame);
	}
	if (rc != AVERROR(EAGAIN) && rc != AVERROR_EOF)
		fault_of(d, rc);
}

/* NULL: there are no more. */
static void send(struct decode *d, const AVPacket *p)
{
	int rc = avcodec_send_packet(d->codec, p);

	if (rc < 0)
		fault_of(d, rc);
	take_pictures(d);
}

static void decode_all(struct decode *d)
{
	int rc;

	while ((rc = av_read_frame(d->format, d->packet)) >= 0) {
		if (d->packet->stream_index == d->stream) {
			d->packet_us = us_of(d, d->packet->pts);
			if (d->packet->flags & AV_PKT_FLAG_CORRUPT)
				fault(d, d->packet_us, "a cut packet");
			await_picture(d, d->packet);
			send(d, d->packet);
		}
		av_packet_unref(d->packet);
	}
	if (rc != AVERROR_EOF)
		fault_of(d, rc);
	send(d, NULL);
	while (d->awaited_count > 0)
		missing(d);
	if (d->out->pictures == 0 && d->out->faults == 0)
		fault(d, 0, "no picture comes of it");
}

void decode_video(int fd, int64_t bytes, struct fsck_decoded *out)
{
	struct decode d = {.fd = fd, .bytes = bytes, .out = out};

	*out = (struct fsck_decoded){0};
	av_log_set_level(AV_LOG_QUIET); /* what matters is told by codes and flags */
	int rc = open_format(&d);
	if (rc >= 0)
		rc = open_codec(&d);
	if (rc < 0)
		fault_of(&d, rc);
	else
		decode_all(&d);
	av_frame_free(&d.frame);
	av_packet_free(&d.packet);
	avcodec_free_context(&d.codec);
	avformat_close_input(&d.format);
	if (d.io)
		av_freep(&d.io->buffer);
	avio_context_free(&d.io);
}
