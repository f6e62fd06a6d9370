#include "backoff.h"

#include "crypto.h"

#define JITTER_PERCENT 20

static const unsigned steps_ms[] = {1000, 2000, 4000, 8000, 15000};
#define STEPS (sizeof steps_ms / sizeof steps_ms[0])

void backoff_init(struct backoff *b, uint32_t (*random)(void *arg), void *arg)
{
	*b = (struct backoff){.random = random, .arg = arg};
}

unsigned backoff_next_ms(struct backoff *b)
{
	unsigned base = steps_ms[b->step];
	unsigned swing = base * JITTER_PERCENT / 100;

	if (b->step + 1 < STEPS)
		b->step++;
	return base - swing + (unsigned)((uint64_t)b->random(b->arg) * (2 * swing + 1) >> 32);
}

void backoff_reset(struct backoff *b)
{
	b->step = 0;
}

uint32_t backoff_random(void *arg)
{
	uint32_t v;

	(void)arg;
	random_bytes(&v, sizeof v);
	return v;
}
