/* A camera's SDP. What is taken must be fit to stand in an SDP of our own. */
#include "base/require.h"
#include "recorder/sdp.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_line(const char *s, size_t max)
{
	REQUIRE(!s || strlen(s) <= max);
	for (; s && *s; s++)
		REQUIRE((unsigned char)*s > 0x20 && *s != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sdp s;
	struct err e = {0};

	if (sdp_parse((const char *)data, len, &s, &e) < 0) {
		REQUIRE(e.text[0] != '\0');
		return 0;
	}
	check_line(s.track.fmtp, SDP_FMTP_MAX);
	check_line(s.track.control, SDP_CONTROL_MAX);
	check_line(s.control, SDP_CONTROL_MAX);
	REQUIRE(s.track.payload_type < 128 && s.track.clock_rate == 90000);
	sdp_finish(&s);
	return 0;
}
