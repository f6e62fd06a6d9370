#include "recorder/mux.h"

#include "media/box.h"
#include "recorder/libav_log.h"
#include "recorder/nal.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>

#define FRAGMENT_MAX_BYTES (64u << 20)
#define FIRST_HEAD_BYTES 512u
#define ROOM_STEP_BYTES (128u << 10)
#define FIRST_SAMPLES 64u
#define NTP_MINUS_UNIX_S INT64_C(2208988800)
#define COMPOSITION_MAX_US (INT64_C(1) << 29)

#define TRACK_ID 1u /* libavformat counts from it */
#define PRFT_CAPTURED 24u /* ISO/IEC 14496-12 §8.16.5: when the picture was taken */
#define TFHD_BASE_IS_MOOF 0x20000u
#define TRUN_FIELDS 0x701u /* where the data are; of each sample its duration, size and flags */
#define TRUN_COMPOSITION 0x800u
#define SAMPLE_KEY 0x2000000u      /* depends on no other */
#define SAMPLE_DEPENDS 0x1010000u  /* depends on others, is no sync sample */

#define BOX_HEAD_BYTES 8u
#define MFHD_BYTES 16u
#define TFHD_BYTES 16u
#define TFDT_BYTES 20u
#define TRUN_HEAD_BYTES 20u
#define BOX_MFHD FOURCC('m', 'f', 'h', 'd')
#define BOX_TRAF FOURCC('t', 'r', 'a', 'f')
#define BOX_TFHD FOURCC('t', 'f', 'h', 'd')
#define BOX_TFDT FOURCC('t', 'f', 'd', 't')
#define BOX_TRUN FOURCC('t', 'r', 'u', 'n')

struct sample { uint32_t duration_us, bytes, flags, shown_later_us; };

struct mux {
	struct wall start;
	uint32_t sequence;

	/* The fragment being gathered: room for its head, then its samples as they will stand in mdat. A frame's
	 * bytes are copied once, and the buffer becomes the fragment. */
	struct buf out;
	size_t head_room, last_bytes;
	struct sample *samples;
	unsigned frames, sample_room;
	int64_t first_us, last_us;
	bool reordered;
};

/* --- opening ------------------------------------------------------------------------ */

static int open_output(AVFormatContext **ctx)
{
	int rc = avformat_alloc_output_context2(ctx, NULL, "mp4", NULL);

	if (rc < 0)
		return rc;
	(*ctx)->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
	return avio_open_dyn_buf(&(*ctx)->pb);
}

/* avc1 and hvc1 wherever that is true: players on Apple systems refuse the others. The sets are in the moov either way. */
static unsigned sample_entry(const struct mux_conf *conf)
{
	if (conf->codec == TRACK_H264)
		return conf->sets_vary ? MKTAG('a', 'v', 'c', '3') : MKTAG('a', 'v', 'c', '1');
	return conf->sets_vary ? MKTAG('h', 'e', 'v', '1') : MKTAG('h', 'v', 'c', '1');
}

static int add_stream(AVFormatContext *ctx, const struct mux_conf *conf)
{
	AVStream *st = avformat_new_stream(ctx, NULL);

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
	par->codec_tag = sample_entry(conf);
	par->width = conf->size.width;
	par->height = conf->size.height;
	st->time_base = (AVRational){1, US_PER_S};
	return 0;
}

static int set_tags(AVFormatContext *ctx, const struct mux_conf *conf)
{
	char start[WALL_TEXT_MAX];
	const struct { const char *key, *value; } tags[] = {
		{"holdfast.site", conf->site},
		{"holdfast.camera", conf->camera},
		{"holdfast.run", conf->run},
		{"holdfast.start", wall_format(conf->start, start)},
	};

	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
		if (av_dict_set(&ctx->metadata, tags[i].key, tags[i].value, 0) < 0)
			return -ENOMEM;
	return 0;
}

static int write_header(AVFormatContext *ctx)
{
	static const struct { const char *key, *value; } wanted[] = {
		{"movflags", "frag_custom+empty_moov+default_base_moof+use_metadata_tags+skip_trailer"},
		{"video_track_timescale", "1000000"},
		{"use_editlist", "0"},
	};
	AVDictionary *options = NULL;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < sizeof wanted / sizeof wanted[0]; i++)
		rc = av_dict_set(&options, wanted[i].key, wanted[i].value, 0);
	if (rc >= 0)
		rc = avformat_write_header(ctx, &options);
	if (rc >= 0 && av_dict_count(options) > 0)
		rc = -ENOSYS;
	av_dict_free(&options);
	return rc < 0 ? rc : 0;
}

static void close_output(AVFormatContext *ctx, struct buf *written)
{
	uint8_t *data = NULL;

	if (ctx && ctx->pb) {
		int len = avio_close_dyn_buf(ctx->pb, &data);
		buf_add(written, data, len > 0 ? (size_t)len : 0);
		av_free(data);
		ctx->pb = NULL;
	}
	avformat_free_context(ctx);
}

/* libavformat writes ftyp and moov, which say all that a decoder must know; it is not kept for longer. */
static int make_header(const struct mux_conf *conf, struct buf *init)
{
	AVFormatContext *ctx = NULL;
	int rc = open_output(&ctx);

	if (rc == 0)
		rc = add_stream(ctx, conf);
	if (rc == 0)
		rc = set_tags(ctx, conf);
	if (rc == 0)
		rc = write_header(ctx);
	close_output(ctx, init);
	if (rc == 0 && conf->sets_in_band)
		rc = moov_mark_sets_in_band(init);
	if (rc < 0)
		buf_finish(init);
	return rc;
}

int mux_create(const struct mux_conf *conf, struct mux **out, struct buf *init, struct err *e)
{
	*out = NULL;
	libav_log_init();
	int rc = make_header(conf, init);
	if (rc < 0)
		return err_set(e, rc, "libavformat makes no MP4 of this stream (%d)", rc);
	struct mux *m = xcalloc(1, sizeof *m);
	m->start = conf->start;
	m->head_room = FIRST_HEAD_BYTES;
	m->last_bytes = m->head_room;
	*out = m;
	return 0;
}

void mux_destroy(struct mux *m)
{
	if (!m)
		return;
	buf_finish(&m->out);
	free(m->samples);
	free(m);
}

/* --- frames -------------------------------------------------------------------------- */

static void make_room(struct buf *b, size_t bytes)
{
	if (bytes <= b->room)
		return;
	b->room = (bytes + bytes / 16) / ROOM_STEP_BYTES * ROOM_STEP_BYTES + ROOM_STEP_BYTES;
	b->data = xrealloc(b->data, b->room);
}

/* Fragments of a camera are much alike: what the last one needed is asked for at once, and not grown into;
 * in steps, so that the allocator finds the last one's memory again, whose pages are there. */
static void begin_fragment(struct mux *m, int64_t at_us)
{
	m->out = (struct buf){.len = m->head_room};
	make_room(&m->out, m->last_bytes);
	m->first_us = at_us;
	m->reordered = false;
}

static struct sample *new_sample(struct mux *m)
{
	if (m->frames == m->sample_room) {
		m->sample_room = m->sample_room ? 2 * m->sample_room : FIRST_SAMPLES;
		m->samples = xrealloc(m->samples, m->sample_room * sizeof *m->samples);
	}
	return &m->samples[m->frames++];
}

static uint32_t composition(const struct mux_frame *f)
{
	int64_t offset = f->shown_us - f->at_us;

	return offset < -COMPOSITION_MAX_US || offset > COMPOSITION_MAX_US ? 0 : (uint32_t)(int32_t)offset;
}

/* The last frame lasts until `end_us`. */
static int end_sample(struct mux *m, int64_t end_us)
{
	if (m->frames == 0)
		return 0;
	if (end_us <= m->last_us || end_us - m->last_us > UINT32_MAX)
		return -ERANGE;
	m->samples[m->frames - 1].duration_us = (uint32_t)(end_us - m->last_us);
	return 0;
}

/* A start code of four bytes makes way for a length of four bytes (ISO/IEC 14496-15 §5.3.2). */
static void add_nals(struct mux *m, const struct mux_frame *f)
{
	uint8_t *to = m->out.data + m->out.len;
	size_t at = f->nals ? f->nal_at[0] : nal_find_start(f->data, f->len, 0);

	buf_add(&m->out, f->data, f->len);
	for (unsigned i = 1; at < f->len; i++) {
		size_t nal = at + NAL_START_CODE_BYTES;
		size_t next = !f->nals ? nal_find_start(f->data, f->len, nal) : i < f->nals ? f->nal_at[i] : f->len;
		put_u32be(to + at, (uint32_t)(next - nal));
		at = next;
	}
}

int mux_add(struct mux *m, const struct mux_frame *f)
{
	int rc = end_sample(m, f->at_us);

	if (rc < 0)
		return rc;
	if (m->frames == 0)
		begin_fragment(m, f->at_us);
	if (f->len < NAL_START_CODE_BYTES || m->out.len + f->len > FRAGMENT_MAX_BYTES)
		return -EFBIG;
	make_room(&m->out, m->out.len + f->len);
	add_nals(m, f);
	*new_sample(m) = (struct sample){.bytes = (uint32_t)f->len, .flags = f->key ? SAMPLE_KEY : SAMPLE_DEPENDS,
					 .shown_later_us = composition(f)};
	m->last_us = f->at_us;
	m->reordered |= f->shown_us != f->at_us;
	return 0;
}

/* --- fragments ------------------------------------------------------------------------- */

static uint8_t *put_box(uint8_t *p, size_t size, uint32_t type)
{
	put_u32be(p, (uint32_t)size);
	put_u32be(p + 4, type);
	return p + BOX_HEAD_BYTES;
}

static uint8_t *put_full(uint8_t *p, size_t size, uint32_t type, unsigned version, uint32_t flags)
{
	p = put_box(p, size, type);
	put_u32be(p, version << 24 | flags);
	return p + 4;
}

static uint8_t *put32(uint8_t *p, uint32_t v) { put_u32be(p, v); return p + 4; }
static uint8_t *put64(uint8_t *p, uint64_t v) { put_u64be(p, v); return p + 8; }

static uint8_t *put_prft(uint8_t *p, const struct mux *m)
{
	uint64_t s = (uint64_t)(m->first_us / US_PER_S + NTP_MINUS_UNIX_S);
	uint64_t us = (uint64_t)(m->first_us % US_PER_S);

	p = put_full(p, PRFT_MAX_BYTES, BOX_PRFT, 1, PRFT_CAPTURED);
	p = put32(p, TRACK_ID);
	p = put64(p, s << 32 | ((us << 32) + US_PER_S / 2) / (uint64_t)US_PER_S);
	return put64(p, (uint64_t)(m->first_us - m->start.us));
}

static size_t trun_bytes(const struct mux *m)
{
	return TRUN_HEAD_BYTES + (size_t)m->frames * (m->reordered ? 16 : 12);
}

/* Offsets are signed, as version 1 has them (ISO/IEC 14496-12 §8.8.8). */
static uint8_t *put_trun(uint8_t *p, const struct mux *m, size_t data_at)
{
	p = put_full(p, trun_bytes(m), BOX_TRUN, 1, TRUN_FIELDS | (m->reordered ? TRUN_COMPOSITION : 0));
	p = put32(p, m->frames);
	p = put32(p, (uint32_t)data_at);
	for (const struct sample *s = m->samples; s < m->samples + m->frames; s++) {
		p = put32(put32(put32(p, s->duration_us), s->bytes), s->flags);
		if (m->reordered)
			p = put32(p, s->shown_later_us);
	}
	return p;
}

static void put_head(uint8_t *p, const struct mux *m, size_t data_bytes)
{
	size_t traf = BOX_HEAD_BYTES + TFHD_BYTES + TFDT_BYTES + trun_bytes(m);
	size_t moof = BOX_HEAD_BYTES + MFHD_BYTES + traf;

	p = put_prft(p, m);
	p = put_box(p, moof, BOX_MOOF);
	p = put32(put_full(p, MFHD_BYTES, BOX_MFHD, 0, 0), m->sequence);
	p = put_box(p, traf, BOX_TRAF);
	p = put32(put_full(p, TFHD_BYTES, BOX_TFHD, 0, TFHD_BASE_IS_MOOF), TRACK_ID);
	p = put64(put_full(p, TFDT_BYTES, BOX_TFDT, 1, 0), (uint64_t)(m->first_us - m->start.us));
	p = put_trun(p, m, moof + BOX_HEAD_BYTES);
	put_box(p, BOX_HEAD_BYTES + data_bytes, BOX_MDAT);
}

/* The room that was left for the head is what the last one needed: mostly it fits. */
static void close_fragment(struct mux *m)
{
	size_t head = PRFT_MAX_BYTES + 3 * BOX_HEAD_BYTES + MFHD_BYTES + TFHD_BYTES + TFDT_BYTES + trun_bytes(m);
	size_t data_bytes = m->out.len - m->head_room;

	if (head != m->head_room) {
		if (head > m->head_room)
			make_room(&m->out, head + data_bytes);
		memmove(m->out.data + head, m->out.data + m->head_room, data_bytes);
		m->out.len = head + data_bytes;
		m->head_room = head;
	}
	m->sequence++;
	put_head(m->out.data, m, data_bytes);
	m->last_bytes = m->out.len;
}

static void take_output(struct mux *m, struct buf *bytes)
{
	buf_finish(bytes);
	*bytes = m->out;
	if (bytes->room - bytes->len > bytes->len / 4 + ROOM_STEP_BYTES) { /* the queue to the disk is bounded by its room */
		bytes->data = xrealloc(bytes->data, bytes->len);
		bytes->room = bytes->len;
	}
	m->out = (struct buf){0};
}

int mux_flush(struct mux *m, struct wall end, struct buf *bytes, struct fragment *f)
{
	if (m->frames == 0)
		return 0;
	int rc = end_sample(m, end.us);
	if (rc < 0)
		return rc;
	close_fragment(m);
	take_output(m, bytes);
	*f = (struct fragment){
		.start = {m->first_us},
		.duration_us = end.us - m->first_us,
		.bytes = (uint32_t)bytes->len,
		.frames = m->frames,
		.key = m->samples[0].flags == SAMPLE_KEY,
	};
	m->frames = 0;
	return 1;
}
