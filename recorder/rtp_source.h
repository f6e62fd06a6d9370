/* Which RTP packets of a track are taken, each once, losses counted.
 *
 * Over UDP: one source (SSRC) at a time. Two of them happen when a camera begins anew, or when one is not meant
 * for us: a new one takes over at once if it goes on with the numbers of the old one, and else when the old one
 * has been silent, or is outnumbered.
 * Over TCP (track.reliable) nothing is lost, doubled or misplaced on the way, so every packet is taken, whatever
 * its SSRC and its number; only a camera's own double of a packet is left out. A number that jumps ahead, of a
 * camera whose numbers were steady, hints that the camera itself let packets fall: whether it did is told by what
 * they carry (depay.c).
 * Threads: any. Memory: the caller's struct, nothing to free. Source: RFC 3550 §5.1, §8.2. */
#pragma once
#include "base/clock.h"
#include "recorder/rtp_packet.h"

#define RTP_SOURCE_PRINT_BYTES 64

struct rtp_source {
	bool reliable;            /* set by the owner, as is: */
	uint32_t clock_rate;
	bool begun;
	uint32_t ssrc;
	uint16_t expected;        /* sequence number */
	unsigned foreign;         /* packets of another source in a row */
	struct mono last_arrival;
	uint32_t timestamp;       /* of the packet before */
	uint64_t lost;            /* packets */

	/* over TCP */
	unsigned steady;          /* how far the numbers can be trusted */
	unsigned jumped;          /* of RTP_AFTER_JUMP: numbers left out */
	/* of the payload before */
	size_t payload_len;
	uint8_t print[RTP_SOURCE_PRINT_BYTES];
};

enum rtp_verdict {
	RTP_SKIP,       /* late, double, or not of our source */
	RTP_TAKE,
	RTP_AFTER_LOSS, /* taken; packets before it are missing */
	RTP_TAKE_OVER,  /* taken; it is the first of a source that replaces another */
	RTP_RESTART,    /* taken; the source has another name, goes on, but counts its time anew */
	RTP_AFTER_JUMP, /* taken; packets before it may be missing: rtp_source_believe() if so */
};

enum rtp_verdict rtp_source_judge(struct rtp_source *s, const struct rtp_packet *p, struct mono arrival);
/* What jumped was lost. */
void rtp_source_believe(struct rtp_source *s);
/* A packet of another payload type: it may share the numbers of ours, and then it is none that was lost. */
void rtp_source_pass(struct rtp_source *s, const struct rtp_packet *p);
