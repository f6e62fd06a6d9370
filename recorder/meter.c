#include "recorder/meter.h"

void meter_add(struct meter *m, struct mono at, size_t bytes)
{
	int64_t age = at.us - m->start.us;

	if (!m->begun || age >= 2 * METER_WINDOW_US)
		*m = (struct meter){.begun = true, .start = at};
	else if (age >= METER_WINDOW_US)
		*m = (struct meter){.begun = true, .start = {m->start.us + METER_WINDOW_US},
				    .before = m->now, .has_before = true};
	m->now.frames++;
	m->now.bytes += bytes;
}

void meter_read(const struct meter *m, struct mono at, double *fps, double *bits_per_s)
{
	int64_t age = at.us - m->start.us;
	int64_t span = age + (m->has_before ? METER_WINDOW_US : 0);

	*fps = *bits_per_s = 0;
	if (!m->begun || age >= 2 * METER_WINDOW_US || span <= 0)
		return;
	double s = (double)span / US_PER_S;
	*fps = (double)(m->now.frames + m->before.frames) / s;
	*bits_per_s = (double)(m->now.bytes + m->before.bytes) * 8 / s;
}
