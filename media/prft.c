#include "box.h"

#include "base/buf.h"
#include "base/require.h"

#include <errno.h>

#define NTP_TO_UNIX_S INT64_C(2208988800)
#define NTP_ERA_S (INT64_C(1) << 32)
#define NTP_AT 16

uint64_t prft_ntp_from_wall(struct wall w)
{
	REQUIRE(w.us >= 0);
	uint64_t seconds = (uint64_t)(w.us / US_PER_S + NTP_TO_UNIX_S);
	uint64_t fraction = (uint64_t)(w.us % US_PER_S) * UINT32_MAX / US_PER_S;

	return seconds << 32 | fraction;
}

struct wall prft_wall_from_ntp(uint64_t ntp)
{
	int64_t seconds = (int64_t)(ntp >> 32) - NTP_TO_UNIX_S;
	uint64_t fraction = ntp & UINT32_MAX;

	if (seconds < 0)
		seconds += NTP_ERA_S;
	/* Nearest: the fraction was cut, by less than 1/4000 of a microsecond. */
	return (struct wall){seconds * US_PER_S +
			     (int64_t)((fraction * US_PER_S + UINT32_MAX / 2) / UINT32_MAX)};
}

int prft_parse(const uint8_t *prft, size_t len, struct prft *out)
{
	struct box b;

	if (box_read(prft, len, &b) < 0 || b.type != BOX_PRFT || b.size != len || b.head != 8 || len < 12)
		return -EBADMSG;
	if (prft[8] > 1 || len != (prft[8] ? PRFT_MAX_BYTES : PRFT_MIN_BYTES))
		return -EBADMSG;
	out->track_id = get_u32be(prft + 12);
	out->at = prft_wall_from_ntp(get_u64be(prft + NTP_AT));
	out->media_time = prft[8] ? get_u64be(prft + 24) : get_u32be(prft + 24);
	return 0;
}

void prft_patch(uint8_t *prft, struct wall at)
{
	put_u64be(prft + NTP_AT, prft_ntp_from_wall(at));
}
