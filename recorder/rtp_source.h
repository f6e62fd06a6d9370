/* Which RTP packets of a track are taken: one source (SSRC) at a time, each packet once, losses counted.
 *
 * Two sources on one channel happen when a camera begins anew, or when one is not meant for us: a new one
 * takes over when the old one has been silent, or is outnumbered.
 * Threads: any. Memory: the caller's struct, nothing to free. Source: RFC 3550 §5.1, §8.2. */
#pragma once
#include "base/clock.h"
#include "recorder/rtp_packet.h"

struct rtp_source {
	bool begun;
	uint32_t ssrc;
	uint16_t expected;        /* sequence number */
	unsigned foreign;         /* packets of another source in a row */
	struct mono last_arrival;
	uint64_t lost;            /* packets */
};

enum rtp_verdict {
	RTP_SKIP,       /* late, double, or not of our source */
	RTP_TAKE,
	RTP_AFTER_LOSS, /* taken; packets before it are missing */
	RTP_TAKE_OVER,  /* taken; it is the first of a source that replaces another */
};

enum rtp_verdict rtp_source_judge(struct rtp_source *s, const struct rtp_packet *p, struct mono arrival);
