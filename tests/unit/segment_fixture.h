/* Segment files made by hand, byte for byte as the recorder's muxer lays them out, for tests that
 * must not need libav: `ftyp moov (prft moof mdat)* seal` in a struct buf.
 *
 *	struct buf b = {0};
 *	fixture_init(&b);
 *	fixture_fragment(&b, &(struct fixture_fragment){.start = t, .frames = 50, .frame_us = 40000});
 *	fixture_seal(&b, &seal, key);   // fills seal->content
 */
#pragma once
#include "base/buf.h"
#include "media/box.h"
#include "media/seal.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIXTURE_START_US (INT64_C(1795478400) * US_PER_S + 123457)
#ifndef FIXTURE_FRAME_BYTES
#define FIXTURE_FRAME_BYTES 40u
#endif
/* Sound, where there is any: 20 ms each, of G.711 at 8 kHz, made smaller. */
#define FIXTURE_AUDIO_RATE 8000u
#define FIXTURE_AUDIO_TICKS 160u
#define FIXTURE_AUDIO_BYTES 16u

/* --- boxes ----------------------------------------------------------------------- */

static inline void fixture_u8(struct buf *b, uint8_t v) { buf_add(b, &v, 1); }
static inline void fixture_u16(struct buf *b, uint16_t v) { uint8_t x[2]; put_u16be(x, v); buf_add(b, x, 2); }
static inline void fixture_u32(struct buf *b, uint32_t v) { uint8_t x[4]; put_u32be(x, v); buf_add(b, x, 4); }
static inline void fixture_u64(struct buf *b, uint64_t v) { uint8_t x[8]; put_u64be(x, v); buf_add(b, x, 8); }

static inline void fixture_zeros(struct buf *b, size_t n)
{
	while (n--)
		fixture_u8(b, 0);
}

static inline size_t fixture_begin(struct buf *b, uint32_t type)
{
	fixture_u32(b, 0);
	fixture_u32(b, type);
	return b->len - 8;
}

static inline void fixture_end(struct buf *b, size_t at)
{
	put_u32be(b->data + at, (uint32_t)(b->len - at));
}

/* --- ftyp and moov ----------------------------------------------------------------- */

static inline void fixture_stsd(struct buf *b, bool sound)
{
	size_t stsd = fixture_begin(b, FOURCC('s', 't', 's', 'd'));
	fixture_u32(b, 0);
	fixture_u32(b, 1);
	if (sound) {
		size_t alaw = fixture_begin(b, FOURCC('a', 'l', 'a', 'w'));
		fixture_zeros(b, 28);
		fixture_end(b, alaw);
		fixture_end(b, stsd);
		return;
	}
	size_t avc1 = fixture_begin(b, FOURCC('a', 'v', 'c', '1'));
	fixture_zeros(b, 24);
	fixture_u16(b, 640);
	fixture_u16(b, 360);
	fixture_zeros(b, 50);
	fixture_end(b, avc1);
	fixture_end(b, stsd);
}

static inline void fixture_mdia(struct buf *b, uint32_t timescale, bool sound)
{
	size_t mdia = fixture_begin(b, FOURCC('m', 'd', 'i', 'a'));
	size_t mdhd = fixture_begin(b, FOURCC('m', 'd', 'h', 'd'));
	fixture_zeros(b, 12);
	fixture_u32(b, timescale);
	fixture_zeros(b, 8);
	fixture_end(b, mdhd);
	size_t hdlr = fixture_begin(b, FOURCC('h', 'd', 'l', 'r'));
	fixture_zeros(b, 8);
	fixture_u32(b, sound ? FOURCC('s', 'o', 'u', 'n') : FOURCC('v', 'i', 'd', 'e'));
	fixture_zeros(b, 13);
	fixture_end(b, hdlr);
	size_t minf = fixture_begin(b, FOURCC('m', 'i', 'n', 'f'));
	size_t stbl = fixture_begin(b, FOURCC('s', 't', 'b', 'l'));
	fixture_stsd(b, sound);
	fixture_end(b, stbl);
	fixture_end(b, minf);
	fixture_end(b, mdia);
}

static inline void fixture_trak(struct buf *b, uint32_t track_id, uint32_t timescale, bool sound)
{
	size_t trak = fixture_begin(b, FOURCC('t', 'r', 'a', 'k'));
	size_t tkhd = fixture_begin(b, FOURCC('t', 'k', 'h', 'd'));
	fixture_zeros(b, 12);
	fixture_u32(b, track_id);
	fixture_zeros(b, 68);
	fixture_end(b, tkhd);
	fixture_mdia(b, timescale, sound);
	fixture_end(b, trak);
}

static inline void fixture_init_tracks(struct buf *b, uint32_t timescale, bool sound)
{
	size_t ftyp = fixture_begin(b, BOX_FTYP);
	fixture_u32(b, FOURCC('i', 's', 'o', '5'));
	fixture_u32(b, 512);
	fixture_end(b, ftyp);
	size_t moov = fixture_begin(b, BOX_MOOV);
	fixture_trak(b, 1, timescale, false);
	if (sound)
		fixture_trak(b, 2, FIXTURE_AUDIO_RATE, true);
	fixture_end(b, moov);
}

static inline void fixture_init_scaled(struct buf *b, uint32_t timescale) { fixture_init_tracks(b, timescale, false); }
static inline void fixture_init(struct buf *b) { fixture_init_scaled(b, 1000000); }
static inline void fixture_init_with_sound(struct buf *b) { fixture_init_tracks(b, 1000000, true); }

/* --- fragments ----------------------------------------------------------------------- */

struct fixture_fragment {
	struct wall start;
	uint64_t tfdt;         /* ticks since the segment's start */
	uint32_t sequence, frames, frame_us;
	bool no_key;
	uint8_t fill;          /* the media bytes */
	uint32_t audio;        /* its frames of sound; 0: it has none */
	uint64_t audio_tfdt;   /* ticks of the sound's track */
};

static inline void fixture_prft(struct buf *b, const struct fixture_fragment *f)
{
	size_t prft = fixture_begin(b, BOX_PRFT);
	fixture_u32(b, UINT32_C(1) << 24 | 24);
	fixture_u32(b, 1);
	fixture_u64(b, prft_ntp_from_wall(f->start));
	fixture_u64(b, f->tfdt);
	fixture_end(b, prft);
}

static inline void fixture_traf(struct buf *b, const struct fixture_fragment *f, size_t moof)
{
	size_t traf = fixture_begin(b, FOURCC('t', 'r', 'a', 'f'));
	size_t tfhd = fixture_begin(b, FOURCC('t', 'f', 'h', 'd'));
	fixture_u32(b, 0x020038);
	fixture_u32(b, 1);
	fixture_u32(b, f->frame_us);
	fixture_u32(b, FIXTURE_FRAME_BYTES);
	fixture_u32(b, 0x01010000);
	fixture_end(b, tfhd);
	size_t tfdt = fixture_begin(b, FOURCC('t', 'f', 'd', 't'));
	fixture_u32(b, UINT32_C(1) << 24);
	fixture_u64(b, f->tfdt);
	fixture_end(b, tfdt);
	size_t trun = fixture_begin(b, FOURCC('t', 'r', 'u', 'n'));
	fixture_u32(b, 0x205);
	fixture_u32(b, f->frames);
	size_t offset_at = b->len;
	fixture_u32(b, 0);
	fixture_u32(b, f->no_key ? 0x01010000 : 0x02000000);
	for (uint32_t i = 0; i < f->frames; i++)
		fixture_u32(b, FIXTURE_FRAME_BYTES);
	fixture_end(b, trun);
	fixture_end(b, traf);
	put_u32be(b->data + offset_at, (uint32_t)(b->len - moof) + 8);
}

static inline void fixture_audio_traf(struct buf *b, const struct fixture_fragment *f, size_t moof, size_t video_offset_at)
{
	size_t traf = fixture_begin(b, FOURCC('t', 'r', 'a', 'f'));
	size_t tfhd = fixture_begin(b, FOURCC('t', 'f', 'h', 'd'));
	fixture_u32(b, 0x020000);
	fixture_u32(b, 2);
	fixture_end(b, tfhd);
	size_t tfdt = fixture_begin(b, FOURCC('t', 'f', 'd', 't'));
	fixture_u32(b, UINT32_C(1) << 24);
	fixture_u64(b, f->audio_tfdt);
	fixture_end(b, tfdt);
	size_t trun = fixture_begin(b, FOURCC('t', 'r', 'u', 'n'));
	fixture_u32(b, 0x301);
	fixture_u32(b, f->audio);
	size_t offset_at = b->len;
	fixture_u32(b, 0);
	for (uint32_t i = 0; i < f->audio; i++) {
		fixture_u32(b, FIXTURE_AUDIO_TICKS);
		fixture_u32(b, FIXTURE_AUDIO_BYTES);
	}
	fixture_end(b, trun);
	fixture_end(b, traf);
	put_u32be(b->data + video_offset_at, (uint32_t)(b->len - moof) + 8);
	put_u32be(b->data + offset_at, (uint32_t)(b->len - moof) + 8 + f->frames * FIXTURE_FRAME_BYTES);
}

static inline void fixture_moof(struct buf *b, const struct fixture_fragment *f)
{
	size_t moof = fixture_begin(b, BOX_MOOF);
	size_t mfhd = fixture_begin(b, FOURCC('m', 'f', 'h', 'd'));
	fixture_u32(b, 0);
	fixture_u32(b, f->sequence);
	fixture_end(b, mfhd);
	size_t offset_at = b->len + 8 + 28 + 20 + 16; /* traf's head, tfhd, tfdt, and into its trun */
	fixture_traf(b, f, moof);
	if (f->audio)
		fixture_audio_traf(b, f, moof, offset_at);
	fixture_end(b, moof);
}

static inline void fixture_fragment(struct buf *b, const struct fixture_fragment *f)
{
	fixture_prft(b, f);
	fixture_moof(b, f);
	size_t mdat = fixture_begin(b, BOX_MDAT);
	for (uint32_t i = 0; i < f->frames * FIXTURE_FRAME_BYTES; i++)
		fixture_u8(b, (uint8_t)(f->fill + i));
	for (uint32_t i = 0; i < f->audio * FIXTURE_AUDIO_BYTES; i++)
		fixture_u8(b, (uint8_t)(0x80 + i / FIXTURE_AUDIO_BYTES));
	fixture_end(b, mdat);
}

/* `count` fragments of 50 frames of 40 ms, from FIXTURE_START_US. */
static inline void fixture_fragments(struct buf *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		fixture_fragment(b, &(struct fixture_fragment){
			.start = {FIXTURE_START_US + i * INT64_C(2000000)}, .tfdt = i * UINT64_C(2000000),
			.sequence = i + 1, .frames = 50, .frame_us = 40000, .fill = (uint8_t)i});
}

/* --- seal and file --------------------------------------------------------------------- */

/* A seal that fits fixture_fragments(count). */
static inline struct seal fixture_seal_of(uint32_t count)
{
	return (struct seal){.site = "cn-150625-0007", .camera = "playroom-east", .sequence = 1,
			     .start = {FIXTURE_START_US}, .end = {FIXTURE_START_US + count * INT64_C(2000000)},
			     .frames = 50 * count, .fragments = count};
}

static inline void fixture_seal(struct buf *b, struct seal *s, const struct key *k)
{
	uint8_t box[SEAL_MAX_BYTES];

	sha256(b->data, b->len, s->content);
	size_t n = seal_encode(s, k, box);
	buf_add(b, box, n);
}

/* A file in memory that holds the bytes of b; close(2) it. */
static inline int fixture_file(const struct buf *b)
{
	int fd = memfd_create("segment", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, b->data, b->len) != (ssize_t)b->len) {
		close(fd);
		return -1;
	}
	return fd;
}
