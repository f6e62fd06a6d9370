#include "recorder/rtp_source.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define LATE_MAX 100       /* packets behind: late or double; further: the camera began anew */
#define SILENCE_US (200 * US_PER_MS)
#define ANEW_US US_PER_S
#define FOREIGN_MAX 8      /* packets of another source in a row: it has taken over */
#define JUMP_MAX 3000      /* numbers ahead: a loss may be so long (RFC 3550 §A.1, MAX_DROPOUT) */
#define STEADY_LEAST 64    /* packets in sequence, before a jump is believed */
#define STEADY_MOST 256
#define STEADY_COST 64     /* of a jump */

static bool is_ours(struct rtp_source *s, const struct rtp_packet *p, struct mono arrival)
{
	if (s->begun && p->ssrc == s->ssrc) {
		s->foreign = 0;
		return true;
	}
	s->foreign++;
	if (s->begun && s->foreign < FOREIGN_MAX && arrival.us - s->last_arrival.us < SILENCE_US)
		return false;
	s->foreign = 0;
	return true;
}

static void tell_change(const struct rtp_source *s, const struct rtp_packet *p)
{
	log_info("rtp_source", "old=%08x new=%08x", s->ssrc, p->ssrc);
}

/* Answers whether another source was followed until now. */
static bool follow(struct rtp_source *s, const struct rtp_packet *p)
{
	bool another = s->begun;

	if (another)
		tell_change(s, p);
	s->begun = true;
	s->ssrc = p->ssrc;
	s->expected = (uint16_t)(p->sequence + 1);
	return another;
}

/* The time that it tells is not what went by. */
static bool counts_anew(const struct rtp_source *s, const struct rtp_packet *p, struct mono arrival)
{
	int64_t told = (int64_t)(int32_t)(p->timestamp - s->timestamp) * US_PER_S / (s->clock_rate ? s->clock_rate : 1);

	return llabs(told - (arrival.us - s->last_arrival.us)) > ANEW_US;
}

/* --- over UDP ------------------------------------------------------------------ */

static enum rtp_verdict judge_lossy(struct rtp_source *s, const struct rtp_packet *p, struct mono arrival)
{
	bool renamed = s->begun && p->ssrc != s->ssrc && p->sequence == s->expected;
	bool anew = renamed && counts_anew(s, p, arrival);

	if (renamed)
		s->ssrc = p->ssrc;
	if (!is_ours(s, p, arrival))
		return RTP_SKIP;
	s->last_arrival = arrival;
	s->timestamp = p->timestamp;
	if (!s->begun || p->ssrc != s->ssrc)
		return follow(s, p) ? RTP_TAKE_OVER : RTP_TAKE;
	int ahead = (int16_t)(p->sequence - s->expected);
	if (ahead < 0 && ahead >= -LATE_MAX)
		return RTP_SKIP;
	s->expected = (uint16_t)(p->sequence + 1);
	if (ahead == 0)
		return anew ? RTP_RESTART : RTP_TAKE;
	s->lost += ahead > 0 ? (uint64_t)ahead : 1;
	return RTP_AFTER_LOSS;
}

/* --- over TCP ------------------------------------------------------------------ */

static size_t print_len(const struct rtp_packet *p)
{
	return p->payload_len < RTP_SOURCE_PRINT_BYTES ? p->payload_len : RTP_SOURCE_PRINT_BYTES;
}

/* A number that stands still may be a camera's manner; the same number, time and bytes are the same packet. */
static bool is_double(const struct rtp_source *s, const struct rtp_packet *p)
{
	return s->begun && p->ssrc == s->ssrc && (uint16_t)(p->sequence + 1) == s->expected &&
	       p->timestamp == s->timestamp && p->payload_len == s->payload_len &&
	       memcmp(s->print, p->payload, print_len(p)) == 0;
}

static void remember(struct rtp_source *s, const struct rtp_packet *p)
{
	s->timestamp = p->timestamp;
	s->payload_len = p->payload_len;
	memcpy(s->print, p->payload, print_len(p));
}

static enum rtp_verdict judge_reliable(struct rtp_source *s, const struct rtp_packet *p, struct mono arrival)
{
	bool begun = s->begun, same = p->ssrc == s->ssrc, anew = begun && !same && counts_anew(s, p, arrival);
	int ahead = (int16_t)(p->sequence - s->expected);

	if (is_double(s, p))
		return RTP_SKIP;
	remember(s, p);
	s->last_arrival = arrival;
	s->begun = true;
	s->ssrc = p->ssrc;
	s->expected = (uint16_t)(p->sequence + 1);
	if (!begun || ahead == 0) {
		s->steady += s->steady < STEADY_MOST;
		return anew ? RTP_RESTART : RTP_TAKE;
	}
	bool steady = s->steady >= STEADY_LEAST;
	s->steady -= s->steady < STEADY_COST ? s->steady : STEADY_COST;
	if (!steady || !same || ahead < 0 || ahead > JUMP_MAX)
		return anew ? RTP_RESTART : RTP_TAKE;
	s->jumped = (unsigned)ahead;
	return RTP_AFTER_JUMP;
}

enum rtp_verdict rtp_source_judge(struct rtp_source *s, const struct rtp_packet *p, struct mono arrival)
{
	return s->reliable ? judge_reliable(s, p, arrival) : judge_lossy(s, p, arrival);
}

void rtp_source_believe(struct rtp_source *s)
{
	s->lost += s->jumped;
}

void rtp_source_pass(struct rtp_source *s, const struct rtp_packet *p)
{
	if (s->begun && p->ssrc == s->ssrc && p->sequence == s->expected)
		s->expected++;
}
