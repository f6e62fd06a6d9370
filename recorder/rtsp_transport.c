#include "rtsp_transport.h"

#include "rtsp_reply.h"

#include "base/lang.h"
#include "base/require.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void rtsp_transport_init(struct rtsp_transport *t, uv_loop_t *loop, bool udp, rtsp_udp_fn *fn, void *owner)
{
	*t = (struct rtsp_transport){.loop = loop, .udp = udp, .fn = fn, .owner = owner};
}

static void close_sockets(struct rtsp_transport *t, unsigned from)
{
	for (unsigned i = from; i < RTSP_TRACKS_MAX; i++) {
		if (t->lanes[i].udp)
			rtsp_udp_close(t->lanes[i].udp);
		t->lanes[i].udp = NULL;
	}
}

void rtsp_transport_finish(struct rtsp_transport *t)
{
	close_sockets(t, 0);
	t->count = t->set_up = 0;
}

void rtsp_transport_add(struct rtsp_transport *t, const struct rtsp_url *url, const struct rtsp_url *spare,
			uint32_t clock_rate)
{
	REQUIRE(t->count < RTSP_TRACKS_MAX);
	t->lanes[t->count] = (struct rtsp_lane){.url = *url, .spare = *spare, .clock_rate = clock_rate,
						.rtp_channel = (uint8_t)(2 * t->count),
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

/* --- asking ------------------------------------------------------------------------ */

static int open_sockets(struct rtsp_transport *t, const struct rtsp_conn *conn)
{
	struct rtsp_lane *l = &t->lanes[t->set_up];
	struct sockaddr_storage local, camera;
	int rc = rtsp_conn_addresses(conn, &local, &camera);

	if (rc < 0 || l->udp)
		return rc;
	return rtsp_udp_create(t->loop, (struct sockaddr *)&local, (struct sockaddr *)&camera, t->set_up, t->fn,
			       t->owner, &l->udp);
}

int rtsp_transport_ask(struct rtsp_transport *t, const struct rtsp_conn *conn, char *out, unsigned room)
{
	const struct rtsp_lane *l = &t->lanes[t->set_up];

	if (!t->udp) {
		snprintf(out, room, "Transport: RTP/AVP/TCP;unicast;interleaved=%u-%u\r\n", l->rtp_channel,
			 l->rtcp_channel);
		return 0;
	}
	int rc = open_sockets(t, conn);
	if (rc < 0)
		return rc;
	unsigned port = rtsp_udp_port(l->udp);
	snprintf(out, room, "Transport: RTP/AVP;unicast;client_port=%u-%u\r\n", port, port + 1);
	return 0;
}

/* --- answers ------------------------------------------------------------------------ */

static int take_channels(struct rtsp_lane *l, const struct rtsp_reply_transport *r)
{
	/* a camera that names neither way takes what was asked for */
	if (!r->tcp && (r->multicast || r->has_ports))
		return -ENOTSUP;
	if (r->has_channels) {
		l->rtp_channel = r->rtp_channel;
		l->rtcp_channel = r->rtcp_channel;
	}
	return 0;
}

static int take_ports(struct rtsp_lane *l, const struct rtsp_reply_transport *r)
{
	if (r->tcp || r->multicast)
		return -ENOTSUP;
	rtsp_udp_begin(l->udp, r->rtp_port, r->rtcp_port, l->clock_rate);
	return 0;
}

int rtsp_transport_grant(struct rtsp_transport *t, const char *reply)
{
	struct rtsp_lane *l = &t->lanes[t->set_up];
	struct rtsp_reply_transport r = {.tcp = !t->udp};
	int rc = reply ? rtsp_reply_transport(reply, &r) : 0;

	if (rc == 0)
		rc = t->udp ? take_ports(l, &r) : take_channels(l, &r);
	if (rc == 0)
		t->set_up++;
	return rc;
}

bool rtsp_transport_do_without(struct rtsp_transport *t)
{
	if (t->set_up == 0)
		return false;
	close_sockets(t, t->set_up);
	t->count = t->set_up;
	return true;
}

bool rtsp_transport_fall_back(struct rtsp_transport *t)
{
	if (!t->udp || t->set_up > 0)
		return false;
	close_sockets(t, 0);
	t->udp = false;
	return true;
}

const char *rtsp_transport_remedy(const struct rtsp_transport *t)
{
	return t->udp ? lang("摄像机不支持 RTP over UDP,请改用 transport: tcp",
			     "the camera offers no RTP over UDP: set transport: tcp")
		      : lang("摄像机不支持 RTP over TCP,请在摄像机中开启,或设置 transport: udp",
			     "the camera offers no RTP over TCP: enable it, or set transport: udp");
}

/* --- media ---------------------------------------------------------------------------- */

/* RFC 5761 §4: where both come on one channel, the packet types tell them apart. */
static bool is_rtcp(const struct rtsp_lane *l, uint8_t channel, const uint8_t *data, size_t len)
{
	if (l->rtp_channel != l->rtcp_channel)
		return channel == l->rtcp_channel;
	return len >= 2 && data[1] >= 192 && data[1] <= 223;
}

void rtsp_transport_frame(struct rtsp_transport *t, uint8_t channel, const uint8_t *data, size_t len)
{
	for (unsigned i = 0; i < t->set_up && !t->udp; i++) {
		const struct rtsp_lane *l = &t->lanes[i];
		if (len > 0 && (channel == l->rtp_channel || channel == l->rtcp_channel)) {
			t->fn(t->owner, i, data, len, is_rtcp(l, channel, data, len));
			return;
		}
	}
}
