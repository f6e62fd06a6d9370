#include "recorder/clock_watch.h"

#define SAMPLE_APART_US (20 * US_PER_MS) /* two clocks read further apart say nothing of each other */
#define SAMPLES 3

/* Both clocks at one instant; false if the machine would not let us. */
static bool sample(struct clock *c, int64_t *offset_us)
{
	for (int i = 0; i < SAMPLES; i++) {
		struct mono a = clock_mono(c);
		struct wall w = clock_wall(c);
		struct mono b = clock_mono(c);
		*offset_us = w.us - a.us;
		if (b.us - a.us < SAMPLE_APART_US)
			return true;
	}
	return false;
}

void clock_watch_init(struct clock_watch *w, struct clock *clock)
{
	sample(clock, &w->offset_us);
}

int64_t clock_watch_look(struct clock_watch *w, struct clock *clock)
{
	int64_t offset_us;

	if (!sample(clock, &offset_us))
		return 0;
	int64_t step_us = offset_us - w->offset_us;
	w->offset_us = offset_us;
	return step_us < -CLOCK_WATCH_STEP_US || step_us > CLOCK_WATCH_STEP_US ? step_us : 0;
}
