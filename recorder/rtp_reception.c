#include "rtp_reception.h"

#include "rtp_packet.h"

#include "base/buf.h"
#include "base/crypto.h"

#include <string.h>

#define RTCP_RECEIVER 201
#define RTCP_SDES 202
#define SDES_CNAME 1
#define LOST_MAX 0x7fffff   /* 24 bits, signed */
#define MISORDER_MAX 256    /* further behind: the source began anew */

void rtp_reception_init(struct rtp_reception *r, uint32_t clock_rate)
{
	uint8_t name[8];

	*r = (struct rtp_reception){.clock_rate = clock_rate};
	random_bytes(&r->own_ssrc, sizeof r->own_ssrc);
	random_bytes(name, sizeof name);
	hex_encode(name, sizeof name, r->cname);
}

/* --- counting ------------------------------------------------------------------ */

static void begin(struct rtp_reception *r, const struct rtp_packet *p)
{
	r->begun = true;
	r->ssrc = p->ssrc;
	r->base = r->highest = p->sequence;
	r->cycles = r->received = 0;
	r->expected_before = r->received_before = 0;
	r->jitter_x16 = 0;
	r->transit = 0;
	r->last_sr = 0;
}

static void measure_jitter(struct rtp_reception *r, const struct rtp_packet *p, struct mono now)
{
	int64_t arrival = now.us / US_PER_S * r->clock_rate + now.us % US_PER_S * r->clock_rate / US_PER_S;
	int64_t transit = (int64_t)(uint32_t)((uint64_t)arrival - p->timestamp);
	int32_t d = (int32_t)(uint32_t)(transit - r->transit);
	uint32_t away = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;

	r->transit = transit;
	if (r->received > 1) /* §A.8, with four binary places */
		r->jitter_x16 += away - ((r->jitter_x16 + 8) >> 4);
}

void rtp_reception_packet(struct rtp_reception *r, const uint8_t *packet, size_t len, struct mono now)
{
	struct rtp_packet p;

	if (rtp_packet_parse(packet, len, &p) < 0)
		return;
	int ahead = (int16_t)(p.sequence - r->highest);
	if (!r->begun || p.ssrc != r->ssrc || ahead <= -MISORDER_MAX)
		begin(r, &p);
	else if (ahead > 0) {
		r->cycles += p.sequence < r->highest ? 65536u : 0;
		r->highest = p.sequence;
	}
	r->received++;
	measure_jitter(r, &p, now);
}

void rtp_reception_report(struct rtp_reception *r, const uint8_t *packet, size_t len, struct mono now)
{
	struct rtcp_report report;

	if (rtcp_report_parse(packet, len, &report) < 0 || report.ssrc != r->ssrc || !r->begun)
		return;
	r->last_sr = report.ntp_middle;
	r->last_sr_at = now;
}

/* --- reporting -------------------------------------------------------------------- */

static uint32_t lost_word(struct rtp_reception *r, uint32_t extended)
{
	uint32_t expected = extended - r->base + 1;
	int64_t lost = (int64_t)expected - r->received;
	uint32_t expected_now = expected - r->expected_before;
	int64_t lost_now = (int64_t)expected_now - (r->received - r->received_before);
	uint32_t fraction = expected_now == 0 || lost_now <= 0 ? 0 : (uint32_t)((lost_now << 8) / expected_now);

	r->expected_before = expected;
	r->received_before = r->received;
	lost = lost > LOST_MAX ? LOST_MAX : lost < -LOST_MAX ? -LOST_MAX : lost;
	return (fraction > 255 ? 255 : fraction) << 24 | ((uint32_t)lost & 0xffffff);
}

static size_t write_block(struct rtp_reception *r, struct mono now, uint8_t *out)
{
	uint32_t extended = r->cycles + r->highest;

	put_u32be(out, r->ssrc);
	put_u32be(out + 4, lost_word(r, extended));
	put_u32be(out + 8, extended);
	put_u32be(out + 12, r->jitter_x16 >> 4);
	put_u32be(out + 16, r->last_sr);
	put_u32be(out + 20, r->last_sr ? (uint32_t)((now.us - r->last_sr_at.us) * 65536 / US_PER_S) : 0);
	return 24;
}

static size_t write_name(const struct rtp_reception *r, uint8_t *out)
{
	size_t len = strlen(r->cname), bytes = (4 + 4 + 2 + len + 1 + 3) / 4 * 4;

	memset(out, 0, bytes);
	out[0] = 0x80 | 1; /* one chunk */
	out[1] = RTCP_SDES;
	put_u16be(out + 2, (uint16_t)(bytes / 4 - 1));
	put_u32be(out + 4, r->own_ssrc);
	out[8] = SDES_CNAME;
	out[9] = (uint8_t)len;
	memcpy(out + 10, r->cname, len);
	return bytes;
}

size_t rtp_reception_write(struct rtp_reception *r, struct mono now, uint8_t out[RTP_REPORT_MAX_BYTES])
{
	size_t len = 8;

	out[0] = (uint8_t)(0x80 | r->begun); /* blocks */
	out[1] = RTCP_RECEIVER;
	put_u32be(out + 4, r->own_ssrc);
	if (r->begun)
		len += write_block(r, now, out + len);
	put_u16be(out + 2, (uint16_t)(len / 4 - 1));
	return len + write_name(r, out + len);
}
