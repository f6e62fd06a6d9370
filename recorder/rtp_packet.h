/* RTP and RTCP headers, read with bounds, and what is counted along a stream of them.
 *
 * Threads: any. Memory: nothing is kept but the caller's structs; payload points into the packet.
 * Input is hostile. Source: RFC 3550 §5.1, §5.3.1, §6.4.1. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER_BYTES 12

struct rtp_packet {
	uint8_t payload_type;
	bool marker;
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	const uint8_t *payload;
	size_t payload_len; /* without padding; 0: it carries nothing */
};
/* 0, or -EBADMSG: not RTP. */
int rtp_packet_parse(const uint8_t *data, size_t len, struct rtp_packet *out);

/* A sender report: the camera's clock at an RTP timestamp. */
struct rtcp_report {
	uint32_t ssrc;
	int64_t wall_us;    /* NTP time as UTC since 1970 */
	uint32_t ntp_middle; /* its middle 32 bits, which a receiver report gives back */
	uint32_t timestamp;
};
/* 0 and the first sender report of a compound packet; -ENOENT if it holds none; -EBADMSG. */
int rtcp_report_parse(const uint8_t *data, size_t len, struct rtcp_report *out);

/* Undoes the wraps of 32-bit timestamps: each is taken as the nearest to the one before. */
struct rtp_unwrap { bool begun; uint32_t last; int64_t ticks; };
int64_t rtp_unwrap(struct rtp_unwrap *u, uint32_t timestamp);
