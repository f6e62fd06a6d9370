#include "recorder/rtp_packet.h"

#include "base/buf.h"

#include <errno.h>

#define RTP_VERSION 2
#define RTCP_SENDER_REPORT 200
#define RTCP_HEADER_BYTES 4
#define SENDER_REPORT_BYTES 28
#define NTP_TO_UNIX_S INT64_C(2208988800)
#define US INT64_C(1000000)

static bool skip_extension(const uint8_t *data, size_t len, size_t *at)
{
	if (len - *at < 4)
		return false;
	size_t bytes = 4 + (size_t)get_u16be(data + *at + 2) * 4;
	if (len - *at < bytes)
		return false;
	*at += bytes;
	return true;
}

int rtp_packet_parse(const uint8_t *data, size_t len, struct rtp_packet *out)
{
	if (len < RTP_HEADER_BYTES || data[0] >> 6 != RTP_VERSION)
		return -EBADMSG;
	size_t at = RTP_HEADER_BYTES + (size_t)(data[0] & 0x0f) * 4;
	if (at > len)
		return -EBADMSG;
	if (data[0] & 0x10 && !skip_extension(data, len, &at))
		return -EBADMSG;
	size_t padding = data[0] & 0x20 ? data[len - 1] : 0;
	if ((data[0] & 0x20 && padding == 0) || len - at < padding)
		return -EBADMSG;
	*out = (struct rtp_packet){
		.payload_type = data[1] & 0x7f,
		.marker = data[1] >> 7,
		.sequence = get_u16be(data + 2),
		.timestamp = get_u32be(data + 4),
		.ssrc = get_u32be(data + 8),
		.payload = data + at,
		.payload_len = len - at - padding,
	};
	return 0;
}

static int64_t ntp_to_wall_us(uint64_t ntp)
{
	int64_t s = (int64_t)(ntp >> 32) - NTP_TO_UNIX_S;
	uint64_t fraction = ntp & UINT32_MAX;

	return s * US + (int64_t)((fraction * (uint64_t)US) >> 32);
}

int rtcp_report_parse(const uint8_t *data, size_t len, struct rtcp_report *out)
{
	while (len > 0) {
		if (len < RTCP_HEADER_BYTES || data[0] >> 6 != RTP_VERSION)
			return -EBADMSG;
		size_t bytes = RTCP_HEADER_BYTES + (size_t)get_u16be(data + 2) * 4;
		if (bytes > len)
			return -EBADMSG;
		if (data[1] == RTCP_SENDER_REPORT && bytes >= SENDER_REPORT_BYTES) {
			*out = (struct rtcp_report){
				.ssrc = get_u32be(data + 4),
				.wall_us = ntp_to_wall_us(get_u64be(data + 8)),
				.ntp_middle = get_u32be(data + 10),
				.timestamp = get_u32be(data + 16),
			};
			return 0;
		}
		data += bytes;
		len -= bytes;
	}
	return -ENOENT;
}

int64_t rtp_unwrap(struct rtp_unwrap *u, uint32_t timestamp)
{
	if (!u->begun)
		*u = (struct rtp_unwrap){.begun = true, .last = timestamp, .ticks = timestamp};
	u->ticks += (int32_t)(timestamp - u->last);
	u->last = timestamp;
	return u->ticks;
}
