#include "recorder/mux_audio.h"

#include "media/box.h"
#include "media/segment.h"

#include <errno.h>
#include <string.h>

#define TRACK_ID 2u
#define LANGUAGE_UND 0x55c4u
#define TRAF_HEAD_BYTES (8u + 16u + 20u + 20u) /* traf, tfhd, tfdt, trun before its list */
#define TRUN_DATA_OFFSET 0x1u
#define TRUN_DURATION_SIZE 0x300u
#define TFHD_BASE_IS_MOOF 0x20000u

/* --- boxes ------------------------------------------------------------------------ */

static void add_u8(struct buf *b, unsigned v) { uint8_t x = (uint8_t)v; buf_add(b, &x, 1); }
static void add_u16(struct buf *b, unsigned v) { uint8_t x[2]; put_u16be(x, (uint16_t)v); buf_add(b, x, 2); }
static void add_u32(struct buf *b, uint32_t v) { uint8_t x[4]; put_u32be(x, v); buf_add(b, x, 4); }
static void add_u64(struct buf *b, uint64_t v) { uint8_t x[8]; put_u64be(x, v); buf_add(b, x, 8); }

static void add_zeros(struct buf *b, size_t n)
{
	while (n-- > 0)
		add_u8(b, 0);
}

static size_t begin_box(struct buf *b, const char type[5])
{
	add_u32(b, 0);
	buf_add(b, type, 4);
	return b->len - 8;
}

/* A full box: with version and flags. */
static size_t begin_full(struct buf *b, const char type[5], uint32_t flags)
{
	size_t at = begin_box(b, type);

	add_u32(b, flags);
	return at;
}

static void end_box(struct buf *b, size_t at)
{
	put_u32be(b->data + at, (uint32_t)(b->len - at));
}

/* A full box that is nothing but `words` zeros: the empty lists of a fragmented file's track. */
static void add_empty(struct buf *b, const char type[5], unsigned words)
{
	size_t at = begin_full(b, type, 0);

	add_zeros(b, 4 * words);
	end_box(b, at);
}

/* --- the track ----------------------------------------------------------------------- */

static void add_tkhd(struct buf *b)
{
	static const uint32_t matrix[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
	size_t at = begin_full(b, "tkhd", 3); /* enabled, part of the presentation */

	add_zeros(b, 8);
	add_u32(b, TRACK_ID);
	add_zeros(b, 4 + 4 + 8 + 2 + 2);
	add_u16(b, 0x100); /* volume */
	add_zeros(b, 2);
	for (unsigned i = 0; i < 9; i++)
		add_u32(b, matrix[i]);
	add_zeros(b, 8);
	end_box(b, at);
}

static void add_edts(struct buf *b, uint32_t rate)
{
	size_t edts = begin_box(b, "edts"), at = begin_full(b, "elst", 0);

	add_u32(b, 1);
	add_u32(b, 0); /* to the end, which nobody knows */
	add_u32(b, (uint32_t)(rate * SEGMENT_AUDIO_AHEAD_US / US_PER_S));
	add_u32(b, 0x10000);
	end_box(b, at);
	end_box(b, edts);
}

/* ISO/IEC 14496-14 §5.6, 14496-1 §7.2.6: descriptors are a tag, a length, contents. */
static void add_esds(struct buf *b, const struct audio_format *f)
{
	unsigned config = (unsigned)f->config_len, decoder = 13 + 2 + config;
	size_t at = begin_full(b, "esds", 0);

	add_u8(b, 3); /* the stream */
	add_u8(b, 3 + 2 + decoder + 3);
	add_u16(b, TRACK_ID);
	add_u8(b, 0);
	add_u8(b, 4); /* its decoder: MPEG-4 audio */
	add_u8(b, decoder);
	add_u8(b, 0x40);
	add_u8(b, 0x15);
	add_zeros(b, 3 + 4 + 4);
	add_u8(b, 5);
	add_u8(b, config);
	buf_add(b, f->config, config);
	add_u8(b, 6); /* its packets: as in MP4 files */
	add_u8(b, 1);
	add_u8(b, 2);
	end_box(b, at);
}

static void add_stsd(struct buf *b, const struct audio_format *f)
{
	const char *type = f->codec == TRACK_PCMA ? "alaw" : f->codec == TRACK_PCMU ? "ulaw" : "mp4a";
	size_t stsd = begin_full(b, "stsd", 0);

	add_u32(b, 1);
	size_t entry = begin_box(b, type);
	add_zeros(b, 6);
	add_u16(b, 1); /* in this file */
	add_zeros(b, 8);
	add_u16(b, f->channels);
	add_u16(b, 16);
	add_zeros(b, 4);
	add_u32(b, f->rate << 16);
	if (f->codec == TRACK_AAC)
		add_esds(b, f);
	end_box(b, entry);
	end_box(b, stsd);
}

static void add_minf(struct buf *b, const struct audio_format *f)
{
	size_t minf = begin_box(b, "minf");

	add_empty(b, "smhd", 1);
	size_t dinf = begin_box(b, "dinf"), dref = begin_full(b, "dref", 0);
	add_u32(b, 1);
	end_box(b, begin_full(b, "url ", 1));
	end_box(b, dref);
	end_box(b, dinf);
	size_t stbl = begin_box(b, "stbl");
	add_stsd(b, f);
	add_empty(b, "stts", 1);
	add_empty(b, "stsc", 1);
	add_empty(b, "stsz", 2);
	add_empty(b, "stco", 1);
	end_box(b, stbl);
	end_box(b, minf);
}

static void add_trak(struct buf *b, const struct audio_format *f)
{
	static const char name[] = "SoundHandler";
	size_t trak = begin_box(b, "trak");

	add_tkhd(b);
	add_edts(b, f->rate);
	size_t mdia = begin_box(b, "mdia");
	size_t mdhd = begin_full(b, "mdhd", 0);
	add_zeros(b, 8);
	add_u32(b, f->rate);
	add_zeros(b, 4);
	add_u16(b, LANGUAGE_UND);
	add_zeros(b, 2);
	end_box(b, mdhd);
	size_t hdlr = begin_full(b, "hdlr", 0);
	add_zeros(b, 4);
	buf_add_text(b, "soun");
	add_zeros(b, 12);
	buf_add(b, name, sizeof name);
	end_box(b, hdlr);
	add_minf(b, f);
	end_box(b, mdia);
	end_box(b, trak);
}

static void add_trex(struct buf *b)
{
	size_t at = begin_full(b, "trex", 0);

	add_u32(b, TRACK_ID);
	add_u32(b, 1);
	add_zeros(b, 12);
	end_box(b, at);
}

/* One box of the moov, with what belongs into or behind it. */
static void copy_child(struct buf *b, const uint8_t *p, const struct box *box, const struct audio_format *f)
{
	size_t at = b->len;

	buf_add(b, p, (size_t)box->size);
	switch (box->type) {
	case FOURCC('m', 'v', 'h', 'd'): put_u32be(b->data + b->len - 4, TRACK_ID + 1); break; /* the next free one */
	case FOURCC('t', 'r', 'a', 'k'): add_trak(b, f); break;
	case FOURCC('m', 'v', 'e', 'x'): add_trex(b); end_box(b, at); break;
	}
}

int mux_audio_add_track(struct buf *init, const struct audio_format *f)
{
	struct box ftyp, moov, child;
	struct moov_info info;
	struct buf b = {0};

	if (box_read(init->data, init->len, &ftyp) < 0 || ftyp.size >= init->len)
		return -EBADMSG;
	const uint8_t *p = init->data + ftyp.size, *end = init->data + init->len;
	if (moov_parse(p, (size_t)(end - p), &info) < 0 || box_read(p, (size_t)(end - p), &moov) < 0)
		return -EBADMSG;
	buf_add(&b, init->data, (size_t)ftyp.size);
	size_t at = begin_box(&b, "moov");
	for (p += moov.head; p < end; p += child.size) {
		if (box_read(p, (size_t)(end - p), &child) < 0 || child.size > (uint64_t)(end - p))
			break;
		copy_child(&b, p, &child, f);
	}
	end_box(&b, at);
	buf_finish(init);
	*init = b;
	return 0;
}

/* --- a fragment ------------------------------------------------------------------------ */

/* The data of every trun lie so much farther from the moof's first byte. */
static void move_data(uint8_t *traf, size_t len, uint32_t by)
{
	struct box b;

	for (size_t at = 8; at < len && box_read(traf + at, len - at, &b) == 0 && b.size <= len - at;
	     at += (size_t)b.size)
		if (b.type == FOURCC('t', 'r', 'u', 'n') && get_u32be(traf + at + 8) & TRUN_DATA_OFFSET)
			put_u32be(traf + at + 16, get_u32be(traf + at + 16) + by);
}

static void move_all_data(uint8_t *moof, size_t len, uint32_t by)
{
	struct box b;

	for (size_t at = 8; at < len && box_read(moof + at, len - at, &b) == 0 && b.size <= len - at;
	     at += (size_t)b.size)
		if (b.type == FOURCC('t', 'r', 'a', 'f'))
			move_data(moof + at, (size_t)b.size, by);
}

static void make_traf(struct buf *b, const struct mux_audio_samples *s, uint64_t data_offset)
{
	size_t traf = begin_box(b, "traf");
	size_t tfhd = begin_full(b, "tfhd", TFHD_BASE_IS_MOOF);

	add_u32(b, TRACK_ID);
	end_box(b, tfhd);
	size_t tfdt = begin_full(b, "tfdt", UINT32_C(1) << 24);
	add_u64(b, s->decode_time);
	end_box(b, tfdt);
	size_t trun = begin_full(b, "trun", TRUN_DATA_OFFSET | TRUN_DURATION_SIZE);
	add_u32(b, s->count);
	add_u32(b, (uint32_t)data_offset);
	for (unsigned i = 0; i < s->count; i++) {
		add_u32(b, s->list[i].ticks);
		add_u32(b, s->list[i].len);
	}
	end_box(b, trun);
	end_box(b, traf);
}

int mux_audio_add_samples(struct buf *fragment, const struct mux_audio_samples *s)
{
	struct box prft, moof, mdat;
	struct moof m;
	struct buf traf = {0};
	uint8_t *p = fragment->data;
	size_t len = fragment->len, more = TRAF_HEAD_BYTES + 8u * s->count;

	if (box_read(p, len, &prft) < 0 || prft.size >= len ||
	    box_read(p + prft.size, len - prft.size, &moof) < 0 || moof.size >= len - prft.size ||
	    moof_parse(p + prft.size, (size_t)moof.size, &m) < 0 || m.audio.samples)
		return -EBADMSG;
	size_t moof_at = (size_t)prft.size, mdat_at = moof_at + (size_t)moof.size;
	if (box_read(p + mdat_at, len - mdat_at, &mdat) < 0 || mdat.head != 8 || mdat.size != len - mdat_at ||
	    len + more + s->len > SEGMENT_FRAGMENT_MAX)
		return -EBADMSG;
	make_traf(&traf, s, (uint64_t)m.video.data_offset + more + m.video.data_bytes);
	buf_reserve(fragment, more + s->len);
	p = fragment->data;
	memmove(p + mdat_at + more, p + mdat_at, (size_t)mdat.size);
	memcpy(p + mdat_at, traf.data, more);
	move_all_data(p + moof_at, (size_t)moof.size, (uint32_t)more);
	put_u32be(p + moof_at, (uint32_t)(moof.size + more));
	put_u32be(p + mdat_at + more, (uint32_t)(mdat.size + s->len));
	fragment->len += more;
	buf_add(fragment, s->data, s->len);
	buf_finish(&traf);
	return 0;
}
