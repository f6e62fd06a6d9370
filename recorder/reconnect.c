#include "recorder/reconnect.h"

#include "base/clock.h"

#define SHORTER_LEAST_PERCENT 10
#define SHORTER_MOST_PERCENT 30
#define FULL_S 15

static const unsigned lost_s[] = {1, 2, 4, 5};
static const unsigned login_s[] = {15, 60, 5 * 60, 30 * 60};
#define LOST_STEPS (sizeof lost_s / sizeof lost_s[0])
#define LOGIN_STEPS (sizeof login_s / sizeof login_s[0])

void reconnect_init(struct reconnect *r, uint32_t (*random)(void *arg), void *arg)
{
	*r = (struct reconnect){.random = random, .arg = arg};
}

void reconnect_reset(struct reconnect *r)
{
	r->lost = r->refused = 0;
}

static int64_t shorten(struct reconnect *r, int64_t s)
{
	int64_t percent_us = s * US_PER_S / 100, spread = SHORTER_MOST_PERCENT - SHORTER_LEAST_PERCENT;

	return s * US_PER_S - percent_us * SHORTER_MOST_PERCENT +
	       (int64_t)((uint64_t)r->random(r->arg) * (uint64_t)(percent_us * spread) >> 32);
}

static unsigned next(const unsigned steps[], unsigned count, unsigned *at)
{
	unsigned s = steps[*at];

	if (*at + 1 < count)
		++*at;
	return s;
}

static int64_t wait_lost(struct reconnect *r, int64_t took_us)
{
	int64_t least_us = shorten(r, lost_s[0]);
	int64_t us = shorten(r, next(lost_s, LOST_STEPS, &r->lost)) - took_us;

	return us > least_us ? us : least_us;
}

int64_t reconnect_wait_us(struct reconnect *r, enum reconnect_why why, int64_t took_us)
{
	switch (why) {
	case RECONNECT_FULL:  return shorten(r, FULL_S);
	case RECONNECT_LOGIN: return shorten(r, next(login_s, LOGIN_STEPS, &r->refused));
	case RECONNECT_LOST:  break;
	}
	return wait_lost(r, took_us);
}
