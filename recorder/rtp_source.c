#include "recorder/rtp_source.h"

#include "base/log.h"

#define LATE_MAX 100       /* packets behind: late or double; further: the camera began anew */
#define SILENCE_US (200 * US_PER_MS)
#define FOREIGN_MAX 8      /* packets of another source in a row: it has taken over */

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

/* Answers whether another source was followed until now. */
static bool follow(struct rtp_source *s, const struct rtp_packet *p)
{
	bool another = s->begun;

	if (another)
		log_info("rtp_source", "old=%08x new=%08x", s->ssrc, p->ssrc);
	s->begun = true;
	s->ssrc = p->ssrc;
	s->expected = (uint16_t)(p->sequence + 1);
	return another;
}

enum rtp_verdict rtp_source_judge(struct rtp_source *s, const struct rtp_packet *p, struct mono arrival)
{
	if (!is_ours(s, p, arrival))
		return RTP_SKIP;
	s->last_arrival = arrival;
	if (!s->begun || p->ssrc != s->ssrc)
		return follow(s, p) ? RTP_TAKE_OVER : RTP_TAKE;
	int ahead = (int16_t)(p->sequence - s->expected);
	if (ahead < 0 && ahead >= -LATE_MAX)
		return RTP_SKIP;
	s->expected = (uint16_t)(p->sequence + 1);
	if (ahead == 0)
		return RTP_TAKE;
	s->lost += ahead > 0 ? (uint64_t)ahead : 1;
	return RTP_AFTER_LOSS;
}
