/* What a receiver counts of an RTP stream, and the reports about it that RTCP wants.
 *
 * A report is a compound packet: receiver report and SDES with a CNAME. Servers take reports as a sign of
 * life, and some end a session that sends none.
 * Pure. Threads: any. Memory: the caller's struct. Source: RFC 3550 §6.4, §6.5, A.1, A.3, A.8; RFC 7022. */
#pragma once
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_REPORT_MAX_BYTES 64
#define RTP_REPORT_EVERY_MS 5000

struct rtp_reception {
	uint32_t clock_rate;       /* RTP ticks per second */
	uint32_t own_ssrc;
	char cname[17];
	bool begun;                /* the rest is of this source: */
	uint32_t ssrc;
	uint16_t base, highest;    /* sequence numbers */
	uint32_t cycles;           /* wraps, × 65536 */
	uint32_t received;         /* packets, late and double ones included */
	uint32_t expected_before, received_before; /* by the last report */
	int64_t transit;           /* of the last packet: arrival minus timestamp, in ticks */
	uint32_t jitter_x16;       /* A.8 */
	uint32_t last_sr;          /* the middle of its NTP time; 0: none came */
	struct mono last_sr_at;
};

/* With a source and a name drawn at random. */
void rtp_reception_init(struct rtp_reception *r, uint32_t clock_rate);
/* Any packet of the RTP port, before it is put in sequence. */
void rtp_reception_packet(struct rtp_reception *r, const uint8_t *packet, size_t len, struct mono now);
/* Any packet of the RTCP port. */
void rtp_reception_report(struct rtp_reception *r, const uint8_t *packet, size_t len, struct mono now);
/* Returns the length of the report that is due. Without a packet until now it is about nobody. */
size_t rtp_reception_write(struct rtp_reception *r, struct mono now, uint8_t out[RTP_REPORT_MAX_BYTES]);
