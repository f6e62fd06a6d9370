#include "recorder/sps.h"

#include "recorder/bits.h"
#include "recorder/nal.h"

#include <errno.h>
#include <string.h>

#define SIDE_MAX 16384u
#define REORDER_MAX 16u
#define EXTENDED_SAR 255u
#define BASELINE 66u
#define CHROMA_420 1u

static void read_crop(struct bits *b, struct sps *out)
{
	bool cropped = bits_one(b);

	for (int i = 0; cropped && i < 4; i++)
		out->crop[i] = bits_ue(b);
}

/* --- H.264 ---------------------------------------------------------------------------- */

static bool is_high(unsigned profile)
{
	static const uint8_t high[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};

	for (size_t i = 0; i < sizeof high; i++)
		if (profile == high[i])
			return true;
	return false;
}

static bool is_intra_only(unsigned profile, unsigned constraints)
{
	return profile == 44 || ((constraints & 0x10) && (profile == 86 || profile == 100 || profile == 110 || profile == 122 || profile == 244));
}

/* Macroblocks that a level's decoder holds (table A-1, MaxDpbMbs). */
static unsigned dpb_macroblocks(unsigned level)
{
	static const struct { uint8_t level; uint32_t mbs; } table[] = {
		{9, 396}, {10, 396}, {11, 900}, {12, 2376}, {13, 2376}, {20, 2376}, {21, 4752}, {22, 8100}, {30, 8100},
		{31, 18000}, {32, 20480}, {40, 32768}, {41, 32768}, {42, 34816}, {50, 110400}, {51, 184320}, {52, 184320},
		{60, 696320}, {61, 696320}, {62, 696320},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (level <= table[i].level)
			return table[i].mbs;
	return table[sizeof table / sizeof table[0] - 1].mbs;
}

static void skip_scaling_list(struct bits *b, unsigned size)
{
	int last = 8, next = 8;

	for (unsigned i = 0; i < size && !b->over; i++) {
		if (next != 0)
			next = (last + bits_se(b) % 256 + 256) % 256;
		last = next == 0 ? last : next;
	}
}

static void read_high(struct bits *b, struct sps *out)
{
	out->chroma = bits_ue(b);
	if (out->chroma == 3)
		bits_skip(b, 1);
	out->luma_bits = 8 + bits_ue(b);
	out->chroma_bits = 8 + bits_ue(b);
	bits_skip(b, 1);
	if (!bits_one(b))
		return;
	for (unsigned i = 0; i < (out->chroma == 3 ? 12u : 8u); i++)
		if (bits_one(b))
			skip_scaling_list(b, i < 6 ? 16 : 64);
}

static unsigned read_order_count(struct bits *b)
{
	unsigned type = bits_ue(b);

	if (type == 0) {
		bits_ue(b);
	} else if (type == 1) {
		bits_skip(b, 1);
		bits_se(b);
		bits_se(b);
		unsigned cycle = bits_ue(b);
		if (cycle > 255)
			b->over = true;
		for (unsigned i = 0; i < cycle && !b->over; i++)
			bits_se(b);
	}
	return type;
}

static void skip_hrd(struct bits *b)
{
	unsigned count = bits_ue(b) + 1;

	if (count > 32)
		b->over = true;
	bits_skip(b, 8);
	for (unsigned i = 0; i < count && !b->over; i++) {
		bits_ue(b);
		bits_ue(b);
		bits_skip(b, 1);
	}
	bits_skip(b, 20);
}

/* Whether it tells the reordering depth. */
static bool read_vui(struct bits *b, unsigned *reorder)
{
	bool nal_hrd, vcl_hrd;

	if (bits_one(b) && bits_u(b, 8) == EXTENDED_SAR)
		bits_skip(b, 32);
	if (bits_one(b)) /* overscan */
		bits_skip(b, 1);
	if (bits_one(b)) { /* video signal */
		bits_skip(b, 4);
		if (bits_one(b))
			bits_skip(b, 24);
	}
	if (bits_one(b)) { /* where the chroma lies */
		bits_ue(b);
		bits_ue(b);
	}
	if (bits_one(b)) /* timing */
		bits_skip(b, 65);
	if ((nal_hrd = bits_one(b)))
		skip_hrd(b);
	if ((vcl_hrd = bits_one(b)))
		skip_hrd(b);
	if (nal_hrd || vcl_hrd)
		bits_skip(b, 1);
	bits_skip(b, 1);
	if (!bits_one(b))
		return false;
	bits_skip(b, 1);
	for (int i = 0; i < 4; i++)
		bits_ue(b);
	*reorder = bits_ue(b);
	return !b->over;
}

static void read_size(struct bits *b, struct sps *out)
{
	uint32_t width = bits_ue(b) + 1, height = bits_ue(b) + 1;
	bool frames_only = bits_one(b);

	if (!frames_only)
		bits_skip(b, 1);
	out->width = width > SIDE_MAX / 16 ? 0 : width * 16;
	out->height = height > SIDE_MAX / 16 ? 0 : height * 16 * (frames_only ? 1 : 2);
}

static int read_h264(struct bits *b, struct sps *out)
{
	unsigned constraints, level, order, told = 0;

	*out = (struct sps){.profile = bits_u(b, 8), .chroma = CHROMA_420, .luma_bits = 8, .chroma_bits = 8};
	constraints = bits_u(b, 8);
	level = bits_u(b, 8);
	bits_ue(b);
	if (is_high(out->profile))
		read_high(b, out);
	bits_ue(b);
	order = read_order_count(b);
	bits_ue(b);
	bits_skip(b, 1);
	read_size(b, out);
	bits_skip(b, 1);
	read_crop(b, out);
	bool vui = bits_one(b);
	if (b->over || out->width == 0 || out->height == 0 || out->luma_bits > 14 || out->chroma_bits > 14)
		return -EBADMSG;
	if (order == 2 || out->profile == BASELINE || is_intra_only(out->profile, constraints))
		return 0;
	if (vui && read_vui(b, &told))
		out->reorder = told;
	else
		out->reorder = dpb_macroblocks(level) / (out->width / 16 * (out->height / 16));
	out->reorder = out->reorder > REORDER_MAX ? REORDER_MAX : out->reorder;
	return 0;
}

/* --- H.265 ---------------------------------------------------------------------------- */

static void read_profile(struct bits *b, unsigned sub_layers, struct sps *out)
{
	bool has_profile[8] = {false}, has_level[8] = {false};

	bits_skip(b, 3);
	out->profile = bits_u(b, 5);
	bits_skip(b, 32 + 48 + 8);
	for (unsigned i = 0; i < sub_layers; i++) {
		has_profile[i] = bits_one(b);
		has_level[i] = bits_one(b);
	}
	if (sub_layers > 0)
		bits_skip(b, 2 * (8 - sub_layers));
	for (unsigned i = 0; i < sub_layers; i++)
		bits_skip(b, (has_profile[i] ? 88u : 0) + (has_level[i] ? 8u : 0));
}

static int read_h265(struct bits *b, struct sps *out)
{
	*out = (struct sps){0};
	bits_skip(b, 4);
	unsigned sub_layers = bits_u(b, 3);
	if (sub_layers > 6)
		return -EBADMSG;
	bits_skip(b, 1);
	read_profile(b, sub_layers, out);
	bits_ue(b);
	out->chroma = bits_ue(b);
	if (out->chroma == 3)
		bits_skip(b, 1);
	out->width = bits_ue(b);
	out->height = bits_ue(b);
	read_crop(b, out);
	out->luma_bits = 8 + bits_ue(b);
	out->chroma_bits = 8 + bits_ue(b);
	bits_ue(b);
	for (unsigned i = bits_one(b) ? 0 : sub_layers; i <= sub_layers; i++) { /* the last one is of all layers */
		bits_ue(b);
		out->reorder = bits_ue(b);
		bits_ue(b);
	}
	if (b->over || out->width == 0 || out->width > SIDE_MAX || out->height == 0 || out->height > SIDE_MAX ||
	    out->luma_bits > 16 || out->chroma_bits > 16 || out->reorder > REORDER_MAX)
		return -EBADMSG;
	return 0;
}

/* --- both ------------------------------------------------------------------------------- */

bool sps_same_format(const struct sps *a, const struct sps *b)
{
	return a->profile == b->profile && a->chroma == b->chroma && a->luma_bits == b->luma_bits &&
	       a->chroma_bits == b->chroma_bits && a->width == b->width && a->height == b->height &&
	       memcmp(a->crop, b->crop, sizeof a->crop) == 0;
}

int sps_parse(enum track_codec codec, const uint8_t *nal, size_t len, struct sps *out)
{
	size_t header = codec == TRACK_H264 ? 1 : 2;

	if (len <= header || nal_role(codec, nal, len) != NAL_SPS)
		return -EBADMSG;
	struct bits b = bits_of(nal + header, len - header);
	return codec == TRACK_H264 ? read_h264(&b, out) : read_h265(&b, out);
}

int sps_find(enum track_codec codec, const uint8_t *sets, size_t len, struct sps *out)
{
	for (size_t at = nal_find_start(sets, len, 0), next; at < len; at = next) {
		size_t nal = at + NAL_START_CODE_BYTES;
		next = nal_find_start(sets, len, nal);
		if (nal_role(codec, sets + nal, next - nal) == NAL_SPS)
			return sps_parse(codec, sets + nal, next - nal, out);
	}
	return -EBADMSG;
}
