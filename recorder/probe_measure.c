#include "recorder/probe_measure.h"

#include "recorder/nal.h"

#include <math.h>
#include <stdlib.h>

#define JUMP_US INT64_C(1000000)    /* beyond what frames wait in a camera's buffer or are reordered */
#define PACE_MIN_SPAN_US INT64_C(2000000)
#define PACE_MIN 0.8
#define PACE_MAX 1.25

void probe_measure_init(struct probe_measure *m, enum track_codec codec, uint32_t clock_rate)
{
	*m = (struct probe_measure){.codec = codec, .clock_rate = clock_rate};
}

static int64_t us_of(const struct probe_measure *m, int64_t ticks)
{
	return (int64_t)((double)ticks * US_PER_S / m->clock_rate);
}

/* --- packets --------------------------------------------------------------------------------- */

void probe_measure_packet(struct probe_measure *m, const uint8_t *data, size_t len, struct mono arrival)
{
	struct rtp_packet p;

	if (rtp_packet_parse(data, len, &p) < 0)
		return;
	int64_t ticks = rtp_unwrap(&m->unwrap, p.timestamp);
	/* the rest of a picture, or one that was sent behind a later one (B-frames): it says nothing of delay */
	if (m->has_packet && ticks <= m->packet_ticks && m->packet_ticks - ticks < m->clock_rate)
		return;
	if (m->has_packet) {
		double d = (double)(arrival.us - m->packet_at.us - us_of(m, ticks - m->packet_ticks));
		if (fabs(d) < JUMP_US)
			m->jitter_us += (fabs(d) - m->jitter_us) / 16;
	}
	m->has_packet = true;
	m->packet_ticks = ticks;
	m->packet_at = arrival;
}

void probe_measure_report(struct probe_measure *m, const uint8_t *data, size_t len, struct wall arrival)
{
	struct rtcp_report report;

	if (rtcp_report_parse(data, len, &report) < 0)
		return;
	m->clock_known = true;
	m->clock_error_us = report.wall_us - arrival.us;
}

/* --- frames ------------------------------------------------------------------------------------ */

static bool has_parameter_sets(enum track_codec codec, const uint8_t *data, size_t len)
{
	for (size_t at = nal_find_start(data, len, 0); at < len; at = nal_find_start(data, len, at + 1)) {
		size_t nal = at + NAL_START_CODE_BYTES;
		if (nal < len && nal_role(codec, data + nal, len - nal) == NAL_SPS)
			return true;
	}
	return false;
}

/* By the timestamps, unless they tell quite another story than the clock on the wall. */
static int64_t key_interval_us(const struct probe_measure *m, const struct frame *f)
{
	int64_t told = us_of(m, f->rtp_ticks - m->key_ticks), arrived = f->arrival.us - m->key_at.us;

	return llabs(told - arrived) > JUMP_US ? arrived : told;
}

static void measure_key(struct probe_measure *m, const struct frame *f)
{
	int64_t interval = key_interval_us(m, f);

	m->sets_inband |= has_parameter_sets(m->codec, f->data, f->len);
	if (m->keys > 0 && interval > m->longest_key_us)
		m->longest_key_us = interval;
	if (m->keys > 1) {
		m->longest_own_us = interval > m->longest_own_us ? interval : m->longest_own_us;
		m->shortest_own_us = m->shortest_own_us == 0 || interval < m->shortest_own_us ? interval : m->shortest_own_us;
	}
	m->keys++;
	m->key_ticks = f->rtp_ticks;
	m->key_at = f->arrival;
}

static void begin(struct probe_measure *m, const struct frame *f)
{
	m->first_ticks = m->newest_ticks = m->before_ticks = f->rtp_ticks;
	m->first_at = m->before_at = f->arrival;
}

static void measure_order(struct probe_measure *m, const struct frame *f)
{
	int64_t step_us = us_of(m, f->rtp_ticks - m->before_ticks);

	m->jumps += f->restarted || llabs(step_us - (f->arrival.us - m->before_at.us)) > JUMP_US;
	m->reordered += f->rtp_ticks < m->newest_ticks && m->newest_ticks - f->rtp_ticks < m->clock_rate;
	if (f->rtp_ticks > m->newest_ticks)
		m->newest_ticks = f->rtp_ticks;
	m->before_ticks = f->rtp_ticks;
	m->before_at = f->arrival;
}

void probe_measure_frame(struct probe_measure *m, const struct frame *f)
{
	if (m->frames++ == 0)
		begin(m, f);
	measure_order(m, f);
	m->last_at = f->arrival;
	m->bytes += m->last_bytes;
	m->last_bytes = f->len;
	m->damaged += f->damaged;
	if (f->key)
		measure_key(m, f);
}

/* --- judging ------------------------------------------------------------------------------------- */

bool probe_measure_is_sane(const struct probe_measure *m)
{
	int64_t arrived = m->last_at.us - m->first_at.us, told = us_of(m, m->newest_ticks - m->first_ticks);

	if (m->jumps > 0)
		return false;
	if (arrived < PACE_MIN_SPAN_US) /* the first pictures may come out of a buffer, faster than they were made */
		return true;
	/* and so the timestamps may be ahead, by as much as a jump */
	return (double)told >= PACE_MIN * (double)arrived && (double)(told - JUMP_US) <= PACE_MAX * (double)arrived;
}

double probe_measure_span_s(const struct probe_measure *m)
{
	if (probe_measure_is_sane(m))
		return (double)(m->newest_ticks - m->first_ticks) / m->clock_rate;
	return (double)(m->last_at.us - m->first_at.us) / US_PER_S;
}
