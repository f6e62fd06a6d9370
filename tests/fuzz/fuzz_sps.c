/* The parameter sets of a camera, of either codec: the first byte says which. */
#include "base/require.h"
#include "recorder/sps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sps sps;

	if (len == 0)
		return 0;
	enum track_codec codec = data[0] & 1 ? TRACK_H265 : TRACK_H264;
	if (sps_find(codec, data + 1, len - 1, &sps) < 0 && sps_parse(codec, data + 1, len - 1, &sps) < 0)
		return 0;
	REQUIRE(sps.width > 0 && sps.width <= 16384 && sps.height > 0 && sps.height <= 32768);
	REQUIRE(sps.reorder <= 16 && sps_same_format(&sps, &sps));
	return 0;
}
