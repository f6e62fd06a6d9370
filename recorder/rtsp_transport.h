/* How the media of a session's tracks reaches us: what SETUP asks for each, what the camera granted, and
 * to which track a piece that arrived belongs. Today: interleaved in the RTSP connection.
 *
 * Threads: loop thread. Memory: the caller's struct, nothing to free. Source: RFC 2326 §10.12, §12.39. */
#pragma once
#include "recorder/rtsp_url.h"

#include <stdbool.h>
#include <stdint.h>

#define RTSP_TRACKS_MAX 2 /* one video, one audio */

/* One track on its way. */
struct rtsp_lane {
	struct rtsp_url url, spare;        /* of SETUP; the same as read beside the URL that was asked for */
	uint8_t rtp_channel, rtcp_channel; /* asked for, then granted */
};

struct rtsp_transport {
	struct rtsp_lane lanes[RTSP_TRACKS_MAX];
	unsigned count;
	unsigned set_up;           /* lanes that the camera has granted, from the first on */
};

/* Adds a lane, set up at this address; or at the spare one, if the camera does not know the first. */
void rtsp_transport_add(struct rtsp_transport *t, const struct rtsp_url *url, const struct rtsp_url *spare);
/* The camera does not know the next lane's address: takes the spare one. False: there is no other. */
bool rtsp_transport_spare(struct rtsp_transport *t);
/* The header of SETUP for the next lane, with its line end. */
void rtsp_transport_ask(const struct rtsp_transport *t, char *out, unsigned room);
/* The camera's Transport for that lane (NULL: it named none, so it took what was asked). 0, or a negative
 * code: it is not what we can use. */
int rtsp_transport_grant(struct rtsp_transport *t, const char *reply);
/* Which track an interleaved frame belongs to. False: to none that is set up. */
bool rtsp_transport_route(const struct rtsp_transport *t, uint8_t channel, unsigned *track, bool *rtcp);
