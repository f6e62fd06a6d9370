#include "recorder/nal.h"

#include <string.h>

static enum nal_role role_h264(unsigned type)
{
	switch (type) {
	case 1: case 2: case 3: case 4: return NAL_SLICE;
	case 5: return NAL_KEY_SLICE;
	case 7: return NAL_SPS;
	case 8: return NAL_PPS;
	case 6: case 9: case 14: case 15: case 16: case 17: case 18: return NAL_PREFIX;
	default: return NAL_OTHER;
	}
}

static enum nal_role role_h265(unsigned type)
{
	if (type < 32) /* 10–15 and 22–31 are reserved: a decoder ignores them */
		return type <= 9 ? NAL_SLICE : type >= 16 && type <= 21 ? NAL_KEY_SLICE : NAL_OTHER;
	switch (type) {
	case 32: return NAL_VPS;
	case 33: return NAL_SPS;
	case 34: return NAL_PPS;
	case 35: case 39: return NAL_PREFIX;
	default: return NAL_OTHER;
	}
}

enum nal_role nal_role(enum track_codec codec, const uint8_t *nal, size_t len)
{
	if (len == 0)
		return NAL_OTHER;
	return codec == TRACK_H264 ? role_h264(nal[0] & 0x1f) : role_h265(nal[0] >> 1 & 0x3f);
}

bool nal_is_first_slice(enum track_codec codec, const uint8_t *nal, size_t len)
{
	size_t header = codec == TRACK_H264 ? 1 : 2;

	/* first_mb_in_slice is ue(v): one bit when it is zero; H.265 has a flag in that place */
	return len > header && nal[header] & 0x80;
}

size_t nal_find_start(const uint8_t *data, size_t len, size_t from)
{
	if (from >= len)
		return len;
	const uint8_t *p = memmem(data + from, len - from, NAL_START_CODE, NAL_START_CODE_BYTES);
	return p ? (size_t)(p - data) : len;
}
