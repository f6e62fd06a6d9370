#include "retention/policy.h"

/* A disk that holds 90 days of writing gives 1/4096 of itself in half an hour. */
#define HEADROOM_PARTS 4096
#define HEADROOM_MIN_BYTES (UINT64_C(256) << 20)

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t retention_age_us(const struct retention_item *i, const struct retention_state *s)
{
	int64_t wall = s->now.us - i->end.us, witnessed = s->witnessed_us - i->witnessed_us;
	int64_t calendar = wall + s->offset_us - i->offset_us;
	int64_t age = least(wall, calendar);

	return s->clock_synced && wall - witnessed <= RETENTION_UNWITNESSED_MAX_US ? age : least(age, witnessed);
}

static bool notice_is_over(const struct catalog_keep *k, struct wall now, int64_t witnessed_us)
{
	return now.us - k->asked_at.us >= CATALOG_KEEP_NOTICE_US &&
	       witnessed_us - k->asked_witnessed_us >= CATALOG_KEEP_NOTICE_US;
}

enum retention_keep_news retention_keep(struct catalog_keep *k, unsigned configured_days,
					struct wall now, int64_t witnessed_us)
{
	struct catalog_keep was = *k;

	if (configured_days >= was.days) {
		*k = (struct catalog_keep){.days = configured_days};
		return was.days == 0		       ? KEEP_BEGUN
		       : was.days != configured_days ? KEEP_IN_FORCE
		       : was.asked_days		       ? KEEP_WITHDRAWN
						       : KEEP_SAME;
	}
	if (was.asked_days != configured_days) {
		*k = (struct catalog_keep){.days = was.days, .asked_days = configured_days, .asked_at = now,
					   .asked_witnessed_us = witnessed_us};
		return KEEP_ASKED;
	}
	if (!notice_is_over(k, now, witnessed_us))
		return KEEP_SAME;
	*k = (struct catalog_keep){.days = configured_days};
	return KEEP_IN_FORCE;
}

struct wall retention_held_until(const struct retention_item *i, const struct retention_hold *holds,
				 size_t hold_count)
{
	struct wall until = {i->start.us - 1};

	for (size_t h = 0; h < hold_count; h++) {
		const struct wall_range *r = &holds[h].range;
		if (r->start.us < i->end.us && i->start.us < r->end.us && r->end.us > until.us)
			until = r->end;
	}
	return until;
}

static int64_t floor_us(unsigned floor_days)
{
	return ((int64_t)floor_days + RETENTION_MARGIN_DAYS) * US_PER_DAY;
}

struct wall retention_floor_end(const struct retention_item *i, unsigned floor_days, int64_t (*offset_us)(struct wall))
{
	struct wall end = {i->end.us + floor_us(floor_days)};
	int64_t behind = i->offset_us - offset_us(end);

	end.us += behind > 0 ? behind : 0;
	return end;
}

enum retention_verdict retention_judge(const struct retention_item *i,
				       const struct retention_hold *holds, size_t hold_count,
				       const struct retention_state *s, bool need_room)
{
	int64_t age = retention_age_us(i, s);

	if (retention_held_until(i, holds, hold_count).us >= i->start.us)
		return RETENTION_HELD;
	if (age < floor_us(s->floor_days))
		return RETENTION_FLOOR;
	if (age >= (int64_t)s->keep_days * US_PER_DAY)
		return RETENTION_OLD;
	return need_room ? RETENTION_PRESSED : RETENTION_KEEP;
}

int64_t retention_weight_us(const struct retention_item *i)
{
	int64_t us = i->end.us - i->start.us;

	return us < 0 ? 0 : least(us, RETENTION_BRAKE_US);
}

bool retention_brakes(const struct retention_item *i, int64_t gone_us, const struct retention_state *s)
{
	return !s->brake_lifted && gone_us + retention_weight_us(i) > RETENTION_BRAKE_US;
}

bool retention_may_release(const struct retention_item *i, const struct retention_hold *holds, size_t hold_count,
			   const struct retention_state *s, unsigned local_days)
{
	bool held = retention_held_until(i, holds, hold_count).us >= i->start.us;

	return !held && retention_age_us(i, s) >= (int64_t)local_days * US_PER_DAY;
}

struct retention_bound retention_bound(const struct retention_state *s, bool need_room)
{
	int64_t age = floor_us(s->floor_days), keep = (int64_t)s->keep_days * US_PER_DAY;

	if (!need_room && keep > age)
		age = keep;
	int64_t witnessed = s->clock_synced ? age - RETENTION_UNWITNESSED_MAX_US : age;
	return (struct retention_bound){{s->now.us - age}, s->witnessed_us - witnessed};
}

uint64_t retention_need_bytes(uint64_t free_bytes, uint64_t total_bytes, uint64_t reserve_bytes)
{
	uint64_t headroom = total_bytes / HEADROOM_PARTS;
	uint64_t wanted = reserve_bytes + (headroom > HEADROOM_MIN_BYTES ? headroom : HEADROOM_MIN_BYTES);

	return free_bytes < wanted ? wanted - free_bytes : 0;
}
