#include "box.h"

#include "base/buf.h"
#include "base/crypto.h"

#include <errno.h>
#include <string.h>

#define BOX_TRAK FOURCC('t', 'r', 'a', 'k')
#define BOX_TKHD FOURCC('t', 'k', 'h', 'd')
#define BOX_MDIA FOURCC('m', 'd', 'i', 'a')
#define BOX_MDHD FOURCC('m', 'd', 'h', 'd')
#define BOX_HDLR FOURCC('h', 'd', 'l', 'r')
#define BOX_MINF FOURCC('m', 'i', 'n', 'f')
#define BOX_STBL FOURCC('s', 't', 'b', 'l')
#define BOX_STSD FOURCC('s', 't', 's', 'd')
#define HANDLER_VIDEO FOURCC('v', 'i', 'd', 'e')
#define HANDLER_SOUND FOURCC('s', 'o', 'u', 'n')

#define BOX_AVCC FOURCC('a', 'v', 'c', 'C')
#define BOX_HVCC FOURCC('h', 'v', 'c', 'C')
#define SAMPLE_ENTRY_BYTES 86  /* of a VisualSampleEntry, before its boxes */

/* "every key frame brings its own parameter sets" */
static const uint8_t sets_in_band_uuid[16] = {0x9b, 0x2e, 0x5c, 0x71, 0x04, 0xd8, 0x4f, 0x13, 0xa6, 0x3d, 0xe0, 0x57, 0xc2, 0x88, 0x1b, 0x94};

#define ENTRY_WIDTH_AT 32  /* in a VisualSampleEntry, from its first byte */
#define ENTRY_HEIGHT_AT 34

struct span { const uint8_t *p; size_t len; }; /* the payload of a box */

static struct span child(struct span in, uint32_t type)
{
	struct span out = {0};

	if (in.p)
		out.p = box_child(in.p, in.len, type, &out.len);
	return out;
}

/* The payloads of all children of a type; their count, also beyond max; 0 if the list is broken. */
static unsigned children(struct span in, uint32_t type, struct span *out, unsigned max)
{
	struct box b;
	unsigned n = 0;

	for (; in.len > 0; in.p += b.size, in.len -= b.size) {
		if (box_read(in.p, in.len, &b) < 0 || b.size > in.len)
			return 0;
		if (b.type != type)
			continue;
		if (n < max)
			out[n] = (struct span){in.p + b.head, b.size - b.head};
		n++;
	}
	return n;
}

/* The field behind the two times of a tkhd or mdhd, whose width hangs on the version. */
static int read_after_times(struct span full, uint32_t *out)
{
	size_t at = full.len > 0 && full.p[0] == 1 ? 20 : 12;

	if (!full.p || full.len < at + 4)
		return -EBADMSG;
	*out = get_u32be(full.p + at);
	return *out == 0 ? -EBADMSG : 0;
}

static int read_codec(const uint8_t *entry, char codec[5])
{
	for (int i = 0; i < 4; i++) {
		if (entry[4 + i] <= ' ' || entry[4 + i] > '~')
			return -EBADMSG; /* it will be logged and served */
		codec[i] = (char)entry[4 + i];
	}
	return 0;
}

/* What both kinds of track have. */
struct trak { uint32_t track_id, timescale, handler; struct span stsd; size_t entry_size; char codec[5]; };

static int read_trak(struct span trak, struct trak *out)
{
	struct span mdia = child(trak, BOX_MDIA), handler = child(mdia, BOX_HDLR);
	struct box entry;

	*out = (struct trak){.stsd = child(child(child(mdia, BOX_MINF), BOX_STBL), BOX_STSD)};
	if (read_after_times(child(trak, BOX_TKHD), &out->track_id) < 0 ||
	    read_after_times(child(mdia, BOX_MDHD), &out->timescale) < 0 || !handler.p || handler.len < 12)
		return -EBADMSG;
	out->handler = get_u32be(handler.p + 8);
	struct span s = out->stsd;
	if (!s.p || s.len < 16 || s.len > UINT32_MAX - 8 || get_u32be(s.p + 4) != 1 ||
	    box_read(s.p + 8, s.len - 8, &entry) < 0 || entry.size > s.len - 8)
		return -EBADMSG;
	out->entry_size = (size_t)entry.size;
	return read_codec(s.p + 8, out->codec);
}

static void add_stsd(struct hash *h, struct span stsd)
{
	uint8_t head[8];

	put_u32be(head, (uint32_t)stsd.len + 8);
	put_u32be(head + 4, BOX_STSD);
	hash_add(h, head, sizeof head);
	hash_add(h, stsd.p, stsd.len);
}

static void take_video(const struct trak *t, struct moov_info *out)
{
	const uint8_t *e = t->stsd.p + 8;

	out->track_id = t->track_id;
	out->timescale = t->timescale;
	memcpy(out->codec, t->codec, sizeof out->codec);
	if (t->handler == HANDLER_VIDEO && t->entry_size >= ENTRY_HEIGHT_AT + 2) {
		out->width = get_u16be(e + ENTRY_WIDTH_AT);
		out->height = get_u16be(e + ENTRY_HEIGHT_AT);
	}
}

static int take_audio(const struct trak *t, struct moov_info *out)
{
	if (t->handler != HANDLER_SOUND || t->track_id == out->track_id)
		return -EBADMSG;
	out->audio.track_id = t->track_id;
	out->audio.timescale = t->timescale;
	memcpy(out->audio.codec, t->codec, sizeof out->audio.codec);
	return 0;
}

/* What of a configuration record is not parameter sets, nor a limit that they could change within one format: profile,
 * chroma and depth (ISO/IEC 14496-15 §5.3.3.1, §8.3.3.1). Of High profiles an avcC tells chroma and depth at its end. */
static void add_format(struct hash *h, const struct trak *t)
{
	const uint8_t *e = t->stsd.p + 8;
	size_t boxes = t->entry_size > SAMPLE_ENTRY_BYTES ? t->entry_size - SAMPLE_ENTRY_BYTES : 0, len = 0;
	const uint8_t *avcc = box_child(e + SAMPLE_ENTRY_BYTES, boxes, BOX_AVCC, &len);
	bool is_avc = avcc != NULL;
	const uint8_t *record = is_avc ? avcc : box_child(e + SAMPLE_ENTRY_BYTES, boxes, BOX_HVCC, &len);
	uint8_t format[9] = {is_avc};

	if (!record || len < 23 - 16u * is_avc) { /* of a form that is not known: the same only to the byte */
		add_stsd(h, t->stsd);
		return;
	}
	memcpy(format + 1, e + ENTRY_WIDTH_AT, 4);
	format[5] = is_avc ? record[1] : record[1] & 0x1f;
	if (!is_avc)
		memcpy(format + 6, record + 16, 3);
	hash_add(h, format, sizeof format);
}

enum digest { DIGEST_ALL, DIGEST_SETS, DIGEST_FORMAT };

static void digest_traks(const struct trak *list, unsigned count, enum digest what, bool in_band, uint8_t out[32])
{
	uint8_t timescale[4];
	struct hash *h = hash_create();

	if (what == DIGEST_FORMAT)
		add_format(h, &list[0]);
	else
		add_stsd(h, list[0].stsd);
	if (count > 1) {
		put_u32be(timescale, list[1].timescale);
		hash_add(h, timescale, sizeof timescale);
		add_stsd(h, list[1].stsd);
	}
	if (what == DIGEST_ALL && in_band)
		hash_add(h, sets_in_band_uuid, sizeof sets_in_band_uuid);
	hash_peek(h, out);
	hash_destroy(h);
}

int moov_parse(const uint8_t *moov, size_t len, struct moov_info *out)
{
	struct box b;

	*out = (struct moov_info){0};
	if (box_read(moov, len, &b) < 0 || b.type != BOX_MOOV || b.size != len)
		return -EBADMSG;
	struct span traks[2];
	struct trak list[2];
	unsigned count = children((struct span){moov + b.head, len - b.head}, BOX_TRAK, traks, 2);
	if (count < 1 || count > 2 || read_trak(traks[0], &list[0]) < 0)
		return -EBADMSG;
	take_video(&list[0], out);
	if (count == 2 && (read_trak(traks[1], &list[1]) < 0 || take_audio(&list[1], out) < 0))
		return -EBADMSG;
	struct span mark[1];
	unsigned marks = children((struct span){moov + b.head, len - b.head}, BOX_UUID, mark, 1);
	out->sets_in_band = marks > 0 && mark[0].len == sizeof sets_in_band_uuid &&
			    memcmp(mark[0].p, sets_in_band_uuid, sizeof sets_in_band_uuid) == 0;
	out->entry_at = (uint32_t)(list[0].stsd.p + 8 - moov);
	digest_traks(list, count, DIGEST_ALL, out->sets_in_band, out->stsd_digest);
	digest_traks(list, count, DIGEST_SETS, false, out->sets_digest);
	digest_traks(list, count, DIGEST_FORMAT, false, out->format_digest);
	return 0;
}

int moov_mark_sets_in_band(struct buf *init)
{
	struct box ftyp, moov;
	uint8_t head[8];

	if (box_read(init->data, init->len, &ftyp) < 0 || ftyp.size >= init->len ||
	    box_read(init->data + ftyp.size, init->len - ftyp.size, &moov) < 0 || moov.head != sizeof head ||
	    ftyp.size + moov.size != init->len)
		return -EBADMSG;
	put_u32be(init->data + ftyp.size, (uint32_t)(moov.size + sizeof head + sizeof sets_in_band_uuid));
	put_u32be(head, sizeof head + sizeof sets_in_band_uuid);
	put_u32be(head + 4, BOX_UUID);
	buf_add(init, head, sizeof head);
	buf_add(init, sets_in_band_uuid, sizeof sets_in_band_uuid);
	return 0;
}

void moov_patch_sets_in_band(uint8_t *moov, const struct moov_info *m)
{
	put_u32be(moov + m->entry_at + 4, m->codec[0] == 'a' ? FOURCC('a', 'v', 'c', '3') : FOURCC('h', 'e', 'v', '1'));
}
