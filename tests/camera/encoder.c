#include "encoder.h"

#include "base/buf.h"
#include "base/require.h"

#include <libavutil/opt.h>
#include <limits.h>

/* How each codec is coded, and how its parameter sets are told apart. */
struct codec {
	const char *name, *library, *plain, *other; /* parameters of the two ways (encoder_config.alternate) */
	const char *parameters;                     /* the option that takes them */
	unsigned type_shift, type_mask;             /* of a NAL unit's first byte */
	int vps, sps, pps;
};

#define H265_COMMON "pools=none:frame-threads=1:scenecut=0:open-gop=0:info=0:log-level=error:"

static const struct codec codecs[] = {
	[ENCODER_H264] = {"H.264", "libx264", "cabac=0", "cabac=1", "x264-params", 0, 31, -1, 7, 8},
	[ENCODER_H265] = {"H.265", "libx265", H265_COMMON "sao=0:signhide=0", H265_COMMON "sao=1:signhide=1",
			  "x265-params", 1, 63, 32, 33, 34},
};

struct encoder {
	AVCodecContext *ctx;
	AVFrame *frame;
	AVPacket *packet;
	const struct codec *codec;
	struct encoder_sets sets; /* inside ctx->extradata */
};

/* libx265 (3.5) frees neither all of its parameters nor its filters' rooms; asked by LeakSanitizer. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libx265";
}

static void configure(AVCodecContext *ctx, const struct encoder_config *cfg)
{
	ctx->width = cfg->width;
	ctx->height = cfg->height;
	ctx->pix_fmt = AV_PIX_FMT_YUV420P;
	ctx->time_base = (AVRational){1, cfg->fps};
	ctx->framerate = (AVRational){cfg->fps, 1};
	ctx->bit_rate = cfg->bitrate_bps;
	ctx->gop_size = INT_MAX / 2; /* key frames only on demand */
	ctx->max_b_frames = 0;
	ctx->thread_count = 1;
	ctx->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	if (cfg->filled)
		ctx->rc_max_rate = ctx->rc_buffer_size = cfg->bitrate_bps;
	if (cfg->codec == ENCODER_H264)
		ctx->profile = cfg->alternate ? FF_PROFILE_H264_MAIN : FF_PROFILE_H264_CONSTRAINED_BASELINE;
}

static int set_options(AVCodecContext *ctx, const struct codec *codec, const struct encoder_config *cfg)
{
	static const char *const options[][2] = {
		{"preset", "ultrafast"}, {"tune", "zerolatency"}, {"forced-idr", "1"},
	};
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < sizeof options / sizeof options[0]; i++)
		rc = av_opt_set(ctx, options[i][0], options[i][1], AV_OPT_SEARCH_CHILDREN);
	if (rc >= 0 && cfg->codec == ENCODER_H264)
		rc = av_opt_set(ctx, "sc_threshold", "0", AV_OPT_SEARCH_CHILDREN);
	if (rc >= 0 && cfg->filled)
		rc = av_opt_set(ctx, "nal-hrd", "cbr", AV_OPT_SEARCH_CHILDREN);
	if (rc >= 0)
		rc = av_opt_set(ctx, codec->parameters, cfg->alternate ? codec->other : codec->plain, AV_OPT_SEARCH_CHILDREN);
	return rc;
}

static size_t start_code_at(const uint8_t *p, size_t len, size_t from)
{
	for (size_t i = from; i + 3 <= len; i++)
		if (p[i] == 0 && p[i + 1] == 0 && p[i + 2] == 1)
			return i;
	return len;
}

/* Finds the parameter sets in Annex B extradata. */
static int find_sets(const struct codec *codec, const uint8_t *p, size_t len, struct encoder_sets *sets)
{
	*sets = (struct encoder_sets){0};
	for (size_t at = start_code_at(p, len, 0); at < len;) {
		size_t begin = at + 3, next = start_code_at(p, len, begin), end = next;
		while (end > begin && p[end - 1] == 0)
			end--; /* the first zero of a four-byte start code */
		struct nal nal = {p + begin, end - begin};
		int type = nal.len ? p[begin] >> codec->type_shift & (int)codec->type_mask : 0;
		if (type == codec->vps)
			sets->vps = nal;
		else if (type == codec->sps)
			sets->sps = nal;
		else if (type == codec->pps)
			sets->pps = nal;
		at = next;
	}
	return sets->sps.len >= 4 && sets->pps.len ? 0 : AVERROR_INVALIDDATA;
}

static int make_frame(struct encoder *enc)
{
	enc->frame->format = enc->ctx->pix_fmt;
	enc->frame->width = enc->ctx->width;
	enc->frame->height = enc->ctx->height;
	return av_frame_get_buffer(enc->frame, 0);
}

static int open_all(struct encoder *enc, const AVCodec *library, const struct encoder_config *cfg)
{
	configure(enc->ctx, cfg);
	int rc = set_options(enc->ctx, enc->codec, cfg);
	if (rc >= 0)
		rc = avcodec_open2(enc->ctx, library, NULL);
	if (rc >= 0)
		rc = make_frame(enc);
	if (rc >= 0)
		rc = find_sets(enc->codec, enc->ctx->extradata, (size_t)enc->ctx->extradata_size, &enc->sets);
	return rc;
}

int encoder_create(struct encoder **out, const struct encoder_config *cfg, struct err *e)
{
	const struct codec *codec = &codecs[cfg->codec];
	const AVCodec *library = avcodec_find_encoder_by_name(codec->library);

	if (!library)
		return err_set(e, AVERROR_ENCODER_NOT_FOUND, "libavcodec was built without %s", codec->library);
	struct encoder *enc = xcalloc(1, sizeof *enc);
	enc->codec = codec;
	enc->ctx = avcodec_alloc_context3(library);
	enc->frame = av_frame_alloc();
	enc->packet = av_packet_alloc();
	REQUIRE(enc->ctx && enc->frame && enc->packet);

	int rc = open_all(enc, library, cfg);
	if (rc < 0) {
		encoder_destroy(enc);
		return err_set(e, rc, "open %s encoder %dx%d: %s", codec->name, cfg->width, cfg->height,
			       av_err2str(rc));
	}
	*out = enc;
	return 0;
}

void encoder_destroy(struct encoder *enc)
{
	if (!enc)
		return;
	avcodec_free_context(&enc->ctx);
	av_frame_free(&enc->frame);
	av_packet_free(&enc->packet);
	free(enc);
}

struct picture encoder_picture(struct encoder *enc)
{
	struct picture p = {.width = (size_t)enc->ctx->width, .height = (size_t)enc->ctx->height};

	REQUIRE(av_frame_make_writable(enc->frame) >= 0);
	for (int i = 0; i < 3; i++) {
		p.plane[i] = enc->frame->data[i];
		p.stride[i] = (size_t)enc->frame->linesize[i];
	}
	return p;
}

int encoder_encode(struct encoder *enc, bool key, const AVPacket **out)
{
	enc->frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	int rc = avcodec_send_frame(enc->ctx, enc->frame);
	if (rc < 0)
		return rc;
	rc = avcodec_receive_packet(enc->ctx, enc->packet);
	if (rc < 0)
		return rc;
	enc->frame->pts++;
	*out = enc->packet;
	return 0;
}

struct encoder_sets encoder_sets(const struct encoder *enc)
{
	return enc->sets;
}

struct nal encoder_sets_annexb(const struct encoder *enc)
{
	return (struct nal){enc->ctx->extradata, (size_t)enc->ctx->extradata_size};
}
