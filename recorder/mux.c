#include "recorder/mux.h"

#include "media/box.h"
#include "recorder/libav_log.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>

#define AVIO_BUFFER_BYTES 4096
#define FRAGMENT_MAX_BYTES (64u << 20)
#define NTP_MINUS_UNIX_S INT64_C(2208988800)
#define PRFT_NTP_AT 16 /* size, type, version and flags, track; then the time, and the media's time */
#define PRFT_MEDIA_AT 24
#define TRUN_DATA_OFFSET 0x1u
#define TRUN_FIRST_FLAGS 0x4u
#define TRUN_PER_SAMPLE 0xf00u
#define TRUN_COMPOSITION 0x800u /* the last of a sample's fields */
/* libavformat takes no frame that is shown before its decode time, unless it may shift all of them; so
 * such offsets go in by this much larger, and come out right in patch_trun(). */
#define COMPOSITION_BIAS (INT32_C(1) << 30)
#define BOX_TRAF FOURCC('t', 'r', 'a', 'f')
#define BOX_TRUN FOURCC('t', 'r', 'u', 'n')

struct mux {
	AVFormatContext *ctx;
	AVIOContext *io;
	AVPacket *packet;
	struct buf out; /* what the muxer wrote since it was last taken */
	size_t at;      /* where it writes next */
	int64_t base;   /* file position of out.data[0] */
	struct wall start;

	bool has_pending;
	struct mux_frame pending; /* data: in pending_data */
	struct buf pending_data;

	struct wall fragment_start;
	unsigned frames;
	bool key, reordered;
};

/* --- output ----------------------------------------------------------------------- */

static int on_write(void *arg, uint8_t *data, int len)
{
	struct mux *m = arg;
	size_t n = (size_t)len, over = m->out.len - m->at;

	if (len < 0 || m->at + n > FRAGMENT_MAX_BYTES)
		return AVERROR(ENOSPC);
	if (over > n)
		over = n;
	if (over)
		memcpy(m->out.data + m->at, data, over);
	if (n > over)
		buf_add(&m->out, data + over, n - over);
	m->at += n;
	return len;
}

static int64_t on_seek(void *arg, int64_t to, int whence)
{
	struct mux *m = arg;

	if (whence != SEEK_SET || to < m->base || (uint64_t)(to - m->base) > m->out.len)
		return AVERROR(EINVAL);
	m->at = (size_t)(to - m->base);
	return to;
}

static void take_output(struct mux *m, struct buf *bytes)
{
	avio_flush(m->io);
	buf_finish(bytes);
	*bytes = m->out;
	bytes->data = xrealloc(bytes->data, bytes->len); /* a queue that is bounded by its room holds twice as much */
	bytes->room = bytes->len;
	m->base += (int64_t)m->out.len;
	m->out = (struct buf){0};
	m->at = 0;
}

/* --- opening ------------------------------------------------------------------------ */

static int open_output(struct mux *m)
{
	uint8_t *buffer = av_malloc(AVIO_BUFFER_BYTES);

	if (!buffer)
		return -ENOMEM;
	m->io = avio_alloc_context(buffer, AVIO_BUFFER_BYTES, 1, m, NULL, on_write, on_seek);
	if (!m->io) {
		av_free(buffer);
		return -ENOMEM;
	}
	m->io->direct = 1; /* the media is one large write, not many of a buffer's size */
	m->packet = av_packet_alloc();
	int rc = avformat_alloc_output_context2(&m->ctx, NULL, "mp4", NULL);
	if (rc < 0 || !m->packet)
		return rc < 0 ? rc : -ENOMEM;
	m->ctx->pb = m->io;
	m->ctx->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
	m->ctx->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
	return 0;
}

static int add_stream(struct mux *m, const struct mux_conf *conf)
{
	AVStream *st = avformat_new_stream(m->ctx, NULL);

	if (!st)
		return -ENOMEM;
	AVCodecParameters *par = st->codecpar;
	par->extradata = av_mallocz(conf->sets_len + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!par->extradata)
		return -ENOMEM;
	memcpy(par->extradata, conf->sets, conf->sets_len);
	par->extradata_size = (int)conf->sets_len;
	par->codec_type = AVMEDIA_TYPE_VIDEO;
	par->codec_id = conf->codec == TRACK_H264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_HEVC;
	/* hvc1: players on Apple systems refuse hev1; the sets are in the moov either way */
	par->codec_tag = conf->codec == TRACK_H264 ? MKTAG('a', 'v', 'c', '1') : MKTAG('h', 'v', 'c', '1');
	par->width = conf->size.width;
	par->height = conf->size.height;
	st->time_base = (AVRational){1, US_PER_S};
	return 0;
}

static int set_tags(struct mux *m, const struct mux_conf *conf)
{
	char start[WALL_TEXT_MAX];
	const struct { const char *key, *value; } tags[] = {
		{"holdfast.site", conf->site},
		{"holdfast.camera", conf->camera},
		{"holdfast.run", conf->run},
		{"holdfast.start", wall_format(conf->start, start)},
	};

	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
		if (av_dict_set(&m->ctx->metadata, tags[i].key, tags[i].value, 0) < 0)
			return -ENOMEM;
	return 0;
}

static int write_header(struct mux *m)
{
	static const struct { const char *key, *value; } wanted[] = {
		{"movflags", "frag_custom+empty_moov+default_base_moof+use_metadata_tags+skip_trailer"},
		{"video_track_timescale", "1000000"},
		{"write_prft", "wallclock"},
		{"use_editlist", "0"},
	};
	AVDictionary *options = NULL;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < sizeof wanted / sizeof wanted[0]; i++)
		rc = av_dict_set(&options, wanted[i].key, wanted[i].value, 0);
	if (rc >= 0)
		rc = avformat_write_header(m->ctx, &options);
	if (rc >= 0 && av_dict_count(options) > 0)
		rc = -ENOSYS;
	av_dict_free(&options);
	return rc < 0 ? rc : 0;
}

int mux_create(const struct mux_conf *conf, struct mux **out, struct buf *init, struct err *e)
{
	struct mux *m = xcalloc(1, sizeof *m);
	int rc;

	*out = NULL;
	libav_log_init();
	m->start = conf->start;
	rc = open_output(m);
	if (rc == 0)
		rc = add_stream(m, conf);
	if (rc == 0)
		rc = set_tags(m, conf);
	if (rc == 0)
		rc = write_header(m);
	if (rc < 0) {
		mux_destroy(m);
		return err_set(e, rc, "libavformat makes no MP4 of this stream (%d)", rc);
	}
	take_output(m, init);
	*out = m;
	return 0;
}

/* Frees without av_write_trailer(): there is nothing to write after the last fragment. */
void mux_destroy(struct mux *m)
{
	if (!m)
		return;
	avformat_free_context(m->ctx);
	av_packet_free(&m->packet);
	if (m->io)
		av_freep(&m->io->buffer);
	avio_context_free(&m->io);
	buf_finish(&m->out);
	buf_finish(&m->pending_data);
	free(m);
}

/* --- frames -------------------------------------------------------------------------- */

/* Only that there is a time: the muxer rounds it to milliseconds, patch_prft() writes it in full. */
static int attach_wallclock(AVPacket *p, int64_t us)
{
	AVProducerReferenceTime t = {.wallclock = us, .flags = 24};
	uint8_t *side = av_packet_new_side_data(p, AV_PKT_DATA_PRFT, sizeof t);

	if (!side)
		return -ENOMEM;
	memcpy(side, &t, sizeof t);
	return 0;
}

static int64_t composition(const struct mux_frame *f)
{
	int64_t offset = f->shown_us - f->at_us;

	if (offset == 0 || offset < -COMPOSITION_BIAS / 2 || offset >= COMPOSITION_BIAS / 2)
		return 0;
	return offset + COMPOSITION_BIAS;
}

static int write_pending(struct mux *m, int64_t end_us)
{
	const struct mux_frame *f = &m->pending;
	AVPacket *p = m->packet;
	int rc = 0;

	p->data = m->pending_data.data;
	p->size = (int)f->len;
	p->stream_index = 0;
	p->dts = f->at_us - m->start.us;
	p->pts = p->dts + composition(f);
	p->duration = end_us - f->at_us;
	p->flags = f->key ? AV_PKT_FLAG_KEY : 0;
	if (m->frames == 0) {
		m->fragment_start = (struct wall){f->at_us};
		m->key = f->key;
		rc = attach_wallclock(p, f->at_us);
	}
	if (rc == 0)
		rc = av_write_frame(m->ctx, p);
	av_packet_unref(p);
	m->has_pending = false;
	m->frames++;
	m->reordered |= f->shown_us != f->at_us;
	return rc < 0 ? rc : 0;
}

int mux_add(struct mux *m, const struct mux_frame *f)
{
	static const uint8_t padding[AV_INPUT_BUFFER_PADDING_SIZE];
	int rc = m->has_pending ? write_pending(m, f->at_us) : 0;

	m->pending = *f;
	m->has_pending = true;
	buf_clear(&m->pending_data);
	buf_reserve(&m->pending_data, f->len + sizeof padding);
	buf_add(&m->pending_data, f->data, f->len);
	buf_add(&m->pending_data, padding, sizeof padding);
	return rc;
}

/* --- what libavformat leaves to be done -------------------------------------------------- */

static void patch_prft(const struct mux *m, uint8_t *prft)
{
	int64_t at = m->fragment_start.us;
	uint64_t s = (uint64_t)(at / US_PER_S + NTP_MINUS_UNIX_S);
	uint64_t us = (uint64_t)(at % US_PER_S);

	put_u64be(prft + PRFT_NTP_AT, s << 32 | ((us << 32) + US_PER_S / 2) / (uint64_t)US_PER_S);
	put_u64be(prft + PRFT_MEDIA_AT, (uint64_t)(at - m->start.us));
}

/* Offset of a box of this type among those in [at, end); 0 if there is none. */
static size_t find_box(const uint8_t *data, size_t at, size_t end, uint32_t type)
{
	struct box b;

	while (at < end && box_read(data + at, end - at, &b) == 0 && b.size <= end - at) {
		if (b.type == type)
			return at;
		at += (size_t)b.size;
	}
	return 0;
}

/* Signed offsets, as version 1 of `trun` has them (ISO/IEC 14496-12 §8.8.8). */
static void unbias_trun(uint8_t *trun, size_t len)
{
	uint32_t flags = get_u32be(trun + 8) & 0xffffff, count = get_u32be(trun + 12);
	size_t at = 16u + (flags & TRUN_DATA_OFFSET ? 4u : 0u) + (flags & TRUN_FIRST_FLAGS ? 4u : 0u);
	size_t step = 4 * (size_t)__builtin_popcount(flags & TRUN_PER_SAMPLE);

	if (!(flags & TRUN_COMPOSITION))
		return;
	trun[8] = 1;
	for (at += step - 4; count > 0 && at + 4 <= len; count--, at += step)
		if (get_u32be(trun + at) != 0)
			put_u32be(trun + at, get_u32be(trun + at) - (uint32_t)COMPOSITION_BIAS);
}

static void patch_trun(struct buf *bytes, size_t moof)
{
	size_t moof_end = moof + get_u32be(bytes->data + moof);
	size_t traf = find_box(bytes->data, moof + 8, moof_end, BOX_TRAF);
	size_t traf_end = traf ? traf + get_u32be(bytes->data + traf) : 0;
	size_t trun = traf ? find_box(bytes->data, traf + 8, traf_end, BOX_TRUN) : 0;

	while (trun) {
		size_t len = get_u32be(bytes->data + trun);
		unbias_trun(bytes->data + trun, len);
		trun = find_box(bytes->data, trun + len, traf_end, BOX_TRUN);
	}
}

static int patch(struct mux *m, struct buf *bytes)
{
	size_t prft = bytes->len >= 32 ? get_u32be(bytes->data) : 0;

	if (prft != 32 || get_u32be(bytes->data + 4) != BOX_PRFT || bytes->len < prft + 8 ||
	    get_u32be(bytes->data + prft + 4) != BOX_MOOF ||
	    get_u32be(bytes->data + prft) > bytes->len - prft)
		return -EBADMSG;
	patch_prft(m, bytes->data);
	if (m->reordered)
		patch_trun(bytes, prft);
	return 0;
}

int mux_flush(struct mux *m, struct wall end, struct buf *bytes, struct fragment *f)
{
	if (!m->has_pending)
		return 0;
	int rc = write_pending(m, end.us);
	if (rc == 0)
		rc = av_write_frame(m->ctx, NULL);
	if (rc < 0)
		return rc;
	take_output(m, bytes);
	*f = (struct fragment){
		.start = m->fragment_start,
		.duration_us = end.us - m->fragment_start.us,
		.bytes = (uint32_t)bytes->len,
		.frames = m->frames,
		.key = m->key,
	};
	rc = patch(m, bytes);
	m->frames = 0;
	m->reordered = false;
	return rc < 0 ? rc : 1;
}
