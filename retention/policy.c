#include "retention/policy.h"

#define HEADROOM_BYTES (UINT64_C(256) << 20)

int64_t retention_age_us(const struct retention_item *i, const struct retention_state *s)
{
	int64_t wall = s->now.us - i->end.us, witnessed = s->witnessed_us - i->witnessed_us;

	if (s->clock_synced && wall - witnessed <= RETENTION_UNWITNESSED_MAX_US)
		return wall;
	return wall < witnessed ? wall : witnessed;
}

static bool is_held(const struct retention_item *i, const struct retention_hold *holds, size_t count)
{
	for (size_t h = 0; h < count; h++)
		if (holds[h].range.start.us < i->end.us && i->start.us < holds[h].range.end.us)
			return true;
	return false;
}

enum retention_verdict retention_judge(const struct retention_item *i, const struct retention_hold *holds,
				       size_t hold_count, const struct retention_state *s, bool need_room)
{
	int64_t age = retention_age_us(i, s);
	int64_t floor_us = (int64_t)(s->floor_days + RETENTION_MARGIN_DAYS) * US_PER_DAY;
	int64_t keep_us = (int64_t)s->keep_days * US_PER_DAY;

	if (is_held(i, holds, hold_count))
		return RETENTION_HELD;
	if (age < floor_us)
		return RETENTION_FLOOR;
	if (age >= keep_us)
		return RETENTION_OLD;
	return need_room ? RETENTION_PRESSED : RETENTION_KEEP;
}

uint64_t retention_need_bytes(uint64_t free_bytes, uint64_t reserve_bytes)
{
	uint64_t wanted = reserve_bytes + HEADROOM_BYTES;

	return free_bytes < wanted ? wanted - free_bytes : 0;
}
