#include "rtsp_transport.h"

#include "rtsp_reply.h"

#include "base/require.h"

#include <stdio.h>
#include <string.h>

void rtsp_transport_add(struct rtsp_transport *t, const struct rtsp_url *url, const struct rtsp_url *spare)
{
	REQUIRE(t->count < RTSP_TRACKS_MAX);
	t->lanes[t->count] = (struct rtsp_lane){.url = *url, .spare = *spare, .rtp_channel = (uint8_t)(2 * t->count),
						.rtcp_channel = (uint8_t)(2 * t->count + 1)};
	t->count++;
}

bool rtsp_transport_spare(struct rtsp_transport *t)
{
	struct rtsp_lane *l = &t->lanes[t->set_up];
	bool other = strcmp(l->url.path, l->spare.path) != 0;

	l->url = l->spare;
	return other;
}

void rtsp_transport_ask(const struct rtsp_transport *t, char *out, unsigned room)
{
	const struct rtsp_lane *l = &t->lanes[t->set_up];

	snprintf(out, room, "Transport: RTP/AVP/TCP;unicast;interleaved=%u-%u\r\n", l->rtp_channel,
		 l->rtcp_channel);
}

int rtsp_transport_grant(struct rtsp_transport *t, const char *reply)
{
	struct rtsp_lane *l = &t->lanes[t->set_up];
	int rc = reply ? rtsp_reply_transport(reply, &l->rtp_channel, &l->rtcp_channel) : 0;

	if (rc == 0)
		t->set_up++;
	return rc;
}

bool rtsp_transport_route(const struct rtsp_transport *t, uint8_t channel, unsigned *track, bool *rtcp)
{
	for (unsigned i = 0; i < t->set_up; i++) {
		const struct rtsp_lane *l = &t->lanes[i];
		if (channel != l->rtp_channel && channel != l->rtcp_channel)
			continue;
		*track = i;
		*rtcp = channel == l->rtcp_channel;
		return true;
	}
	return false;
}
