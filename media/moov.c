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

static unsigned count(struct span in, uint32_t type)
{
	struct box b;
	unsigned n = 0;

	for (; in.len > 0; in.p += b.size, in.len -= b.size) {
		if (box_read(in.p, in.len, &b) < 0 || b.size > in.len)
			return 0;
		n += b.type == type;
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

static int read_codec(const uint8_t *entry, struct moov_info *out)
{
	for (int i = 0; i < 4; i++) {
		if (entry[4 + i] <= ' ' || entry[4 + i] > '~')
			return -EBADMSG; /* it will be logged and served */
		out->codec[i] = (char)entry[4 + i];
	}
	return 0;
}

static int read_stsd(struct span stsd, bool is_video, struct moov_info *out)
{
	struct box entry;
	uint8_t head[8];
	struct hash *h;

	if (!stsd.p || stsd.len < 16 || stsd.len > UINT32_MAX - 8 || get_u32be(stsd.p + 4) != 1)
		return -EBADMSG;
	const uint8_t *e = stsd.p + 8;
	if (box_read(e, stsd.len - 8, &entry) < 0 || entry.size > stsd.len - 8 || read_codec(e, out) < 0)
		return -EBADMSG;
	if (is_video && entry.size >= ENTRY_HEIGHT_AT + 2) {
		out->width = get_u16be(e + ENTRY_WIDTH_AT);
		out->height = get_u16be(e + ENTRY_HEIGHT_AT);
	}
	put_u32be(head, (uint32_t)stsd.len + 8);
	put_u32be(head + 4, BOX_STSD);
	h = hash_create();
	hash_add(h, head, sizeof head);
	hash_add(h, stsd.p, stsd.len);
	hash_peek(h, out->stsd_digest);
	hash_destroy(h);
	return 0;
}

int moov_parse(const uint8_t *moov, size_t len, struct moov_info *out)
{
	struct box b;

	*out = (struct moov_info){0};
	if (box_read(moov, len, &b) < 0 || b.type != BOX_MOOV || b.size != len)
		return -EBADMSG;
	struct span in = {moov + b.head, len - b.head};
	struct span trak = child(in, BOX_TRAK), mdia = child(trak, BOX_MDIA);
	struct span handler = child(mdia, BOX_HDLR);
	struct span stsd = child(child(child(mdia, BOX_MINF), BOX_STBL), BOX_STSD);
	if (count(in, BOX_TRAK) != 1 || read_after_times(child(trak, BOX_TKHD), &out->track_id) < 0 ||
	    read_after_times(child(mdia, BOX_MDHD), &out->timescale) < 0 || !handler.p || handler.len < 12)
		return -EBADMSG;
	return read_stsd(stsd, get_u32be(handler.p + 8) == HANDLER_VIDEO, out);
}
