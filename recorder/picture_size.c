#include "recorder/picture_size.h"

#include "base/buf.h"
#include "recorder/libav_log.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdbool.h>

static int parse(AVCodecParserContext *parser, AVCodecContext *codec, struct buf *b,
		 struct picture_size *out)
{
	uint8_t *unit;
	int unit_len;

	parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
	av_parser_parse2(parser, codec, &unit, &unit_len, b->data, (int)b->len, AV_NOPTS_VALUE,
			 AV_NOPTS_VALUE, 0);
	*out = (struct picture_size){parser->width, parser->height};
	bool good = out->width > 0 && out->width <= PICTURE_SIDE_MAX && out->height > 0 &&
		    out->height <= PICTURE_SIDE_MAX;
	return good ? 0 : -EBADMSG;
}

int picture_size_find(enum track_codec codec, const uint8_t *sets, size_t sets_len, const uint8_t *key,
		      size_t key_len, struct picture_size *out)
{
	static const uint8_t padding[AV_INPUT_BUFFER_PADDING_SIZE];
	enum AVCodecID id = codec == TRACK_H264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_HEVC;
	AVCodecParserContext *parser = av_parser_init((int)id);
	AVCodecContext *context = avcodec_alloc_context3(NULL);
	struct buf b = {0};
	int rc = -ENOMEM;

	libav_log_init();
	if (parser && context) {
		context->codec_id = id;
		context->codec_type = AVMEDIA_TYPE_VIDEO;
		buf_add(&b, sets, sets_len);
		buf_add(&b, key, key_len);
		buf_add(&b, padding, sizeof padding);
		b.len -= sizeof padding;
		rc = parse(parser, context, &b, out);
	}
	buf_finish(&b);
	avcodec_free_context(&context);
	av_parser_close(parser);
	return rc;
}
