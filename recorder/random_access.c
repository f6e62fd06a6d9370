#include "recorder/random_access.h"

#include "recorder/bits.h"

#define H264_SLICE 1u
#define H264_PARTITION_A 2u
#define H264_IDR 5u
#define H264_SEI 6u
#define H265_BLA_FIRST 16u
#define H265_BLA_LAST 18u
#define H265_IDR_LAST 20u
#define H265_CRA 21u
#define H265_PREFIX_SEI 39u
#define SEI_RECOVERY_POINT 6u
#define SEI_BYTES_MAX 4096u         /* of a unit that are looked at */

struct seen { bool idr, open, point, inter; unsigned recovery; };

/* A sum of bytes, all but the last of them 255. */
static uint32_t read_sum(struct bits *b)
{
	uint32_t sum = 0, byte;

	do {
		byte = bits_u(b, 8);
		sum += byte;
	} while (byte == 255 && !b->over && sum < SEI_BYTES_MAX);
	return sum;
}

/* A message begins at a whole byte. */
static void look_at_sei(struct seen *s, const uint8_t *nal, size_t len, enum track_codec codec)
{
	size_t header = codec == TRACK_H264 ? 1 : 2;
	struct bits b = bits_of(nal + header, len - header > SEI_BYTES_MAX ? SEI_BYTES_MAX : len - header);

	while (!b.over && b.at + 2 < b.len) {
		uint32_t type = read_sum(&b), bytes = read_sum(&b);
		if (type != SEI_RECOVERY_POINT) {
			bits_skip(&b, bytes * 8);
			continue;
		}
		int64_t count = codec == TRACK_H264 ? (int64_t)bits_ue(&b) : bits_se(&b);
		s->point = !b.over && count >= 0 && count <= RANDOM_ACCESS_RECOVERY_MAX;
		s->recovery = s->point ? (unsigned)count : 0;
		return;
	}
}

/* first_mb_in_slice, slice_type: 2, 4, 7 and 9 refer to no other picture. */
static bool is_intra(const uint8_t *nal, size_t len)
{
	struct bits b = bits_of(nal + 1, len - 1);

	bits_ue(&b);
	uint32_t type = bits_ue(&b) % 5;
	return !b.over && (type == 2 || type == 4);
}

static void look_at_h264(struct seen *s, const uint8_t *nal, size_t len)
{
	unsigned type = nal[0] & 0x1f;

	s->idr |= type == H264_IDR;
	if (type == H264_SEI)
		look_at_sei(s, nal, len, TRACK_H264);
	if (type == H264_SLICE || type == H264_PARTITION_A)
		s->inter |= !is_intra(nal, len);
}

/* Whether a slice refers to others stands behind what only the parameter sets tell: a recovery point that is no IRAP
 * picture is taken for a gradual one. */
static void look_at_h265(struct seen *s, const uint8_t *nal, size_t len)
{
	unsigned type = nal[0] >> 1 & 0x3f;

	s->idr |= type > H265_BLA_LAST && type <= H265_IDR_LAST;
	s->open |= (type >= H265_BLA_FIRST && type <= H265_BLA_LAST) || type == H265_CRA;
	s->inter |= type < H265_BLA_FIRST;
	if (type == H265_PREFIX_SEI)
		look_at_sei(s, nal, len, TRACK_H265);
}

enum random_access random_access_of(const struct access_unit *au, enum track_codec codec, unsigned *recovery)
{
	struct access_unit_walk w = {0};
	struct seen s = {0};
	const uint8_t *nal;
	size_t len;

	*recovery = 0;
	while ((nal = access_unit_next(au, &w, &len)) != NULL) {
		if (len > 1 && codec == TRACK_H264)
			look_at_h264(&s, nal, len);
		else if (len > 2)
			look_at_h265(&s, nal, len);
	}
	if (s.idr)
		return RANDOM_ACCESS_CLOSED;
	if (s.open || (s.point && s.recovery == 0 && !s.inter))
		return RANDOM_ACCESS_OPEN;
	if (!s.point || s.recovery == 0)
		return RANDOM_ACCESS_NONE;
	*recovery = s.recovery;
	return RANDOM_ACCESS_GRADUAL;
}
