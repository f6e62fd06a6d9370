/* One coded picture → RTP packets (RFC 3550, RFC 6184 and RFC 7798: single, gathered, split NAL units),
 * by libavformat's rtp muxer through a custom AVIO.
 *
 * The muxer's sequence numbers, timestamps and SSRC are place-holders: the packets are
 * made once per camera, and each session stamps its own into its copy (rtp_stream).
 *
 * Threads: loop thread only. Memory: create/destroy; packets belong to the packetiser
 * and live until the next call. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "encoder.h"

#include <stdbool.h>
#include <stdint.h>

#define RTP_PAYLOAD_TYPE 96
#define RTP_CLOCK_HZ 90000

/* The RTP packets of one picture, each preceded by its length as two bytes: the framing
 * of RFC 2326 §10.12 without its first two bytes. */
struct rtp_packets { const uint8_t *data; size_t len; unsigned count; };

struct rtp_packetiser;
int rtp_packetiser_create(struct rtp_packetiser **out, const struct encoder_config *cfg, struct err *e);
void rtp_packetiser_destroy(struct rtp_packetiser *p);
/* sets: parameter sets to go first, or len 0. Both in Annex B. */
int rtp_packetise(struct rtp_packetiser *p, const uint8_t *sets, size_t sets_len,
		  const uint8_t *unit, size_t unit_len, struct rtp_packets *out);

/* What distinguishes one session's packets from another's, and what its sender reports say. */
struct rtp_stream {
	uint32_t ssrc;
	uint16_t next_seq;
	uint32_t timestamp_base; /* random, RFC 3550 §5.1 */
	uint32_t packets, octets;
};

void rtp_stream_init(struct rtp_stream *s);
/* The RTP timestamp of an instant of the camera's clock, shifted by a fault. */
uint32_t rtp_stream_timestamp(const struct rtp_stream *s, int64_t clock_us, int64_t shift_us);
/* Appends the packets to out as interleaved frames of that channel. */
void rtp_stream_add_packets(struct rtp_stream *s, struct buf *out, uint8_t channel,
			    const struct rtp_packets *packets, uint32_t timestamp);
/* Appends a sender report and an SDES CNAME (RFC 3550 §6.4.1, §6.5). */
void rtp_stream_add_report(const struct rtp_stream *s, struct buf *out, uint8_t channel,
			   int64_t wall_us, uint32_t timestamp);
