/* RTP packets that a network may reorder, double and lose: handed on in sequence.
 *
 * What is in sequence passes through untouched. What came too early is kept until the missing packets come,
 * but for at most RTP_REORDER_HOLD_US, RTP_REORDER_PACKETS and RTP_REORDER_BYTES: then the missing ones are
 * lost, which the reader sees by the sequence numbers. What comes too late, or twice, is dropped.
 * A sequence that begins elsewhere is followed; packets of another source (SSRC) pass through and, when one has
 * the number that is due, or there are enough of them in a row, are followed (rtp_source.h judges them).
 * Pure. Threads: one at a time. Memory: the caller's struct; rtp_reorder_finish() frees what is kept.
 * Source: RFC 3550 A.1. */
#pragma once
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_REORDER_PACKETS 256       /* a power of two */
#define RTP_REORDER_BYTES (512u << 10)
#define RTP_REORDER_HOLD_US (100 * US_PER_MS)

typedef void rtp_reorder_fn(void *arg, const uint8_t *packet, size_t len);

struct rtp_kept { uint8_t *data; size_t len; struct mono at; };

struct rtp_reorder {
	rtp_reorder_fn *fn;
	void *arg;
	bool begun;
	uint32_t ssrc;
	uint16_t next;             /* sequence number */
	unsigned foreign;          /* packets of another source in a row */
	struct rtp_kept kept[RTP_REORDER_PACKETS]; /* by sequence number */
	unsigned count;
	size_t bytes;
	struct mono since;         /* the oldest packet kept came */
	uint64_t late;             /* packets: too late, or double */
};

/* fn is borrowed; it may call nothing of this. */
void rtp_reorder_init(struct rtp_reorder *r, rtp_reorder_fn *fn, void *arg);
void rtp_reorder_finish(struct rtp_reorder *r);
void rtp_reorder_put(struct rtp_reorder *r, const uint8_t *packet, size_t len, struct mono now);
/* Gives up on what is missing for too long. */
void rtp_reorder_expire(struct rtp_reorder *r, struct mono now);
/* Whether something is kept, and when to expire it. */
bool rtp_reorder_due(const struct rtp_reorder *r, struct mono *at);
