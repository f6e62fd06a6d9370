/* How the media of a session's tracks reaches us: what SETUP asks for each, what the camera granted, and
 * to which track a piece that arrived belongs. Interleaved in the RTSP connection, or over UDP.
 *
 * Threads: loop thread. Memory: the caller's struct; rtsp_transport_finish() closes what is open.
 * Source: RFC 2326 §10.12, §12.39. */
#pragma once
#include "recorder/rtsp_conn.h"
#include "recorder/rtsp_udp.h"
#include "recorder/rtsp_url.h"

#include <stdbool.h>
#include <stdint.h>

#define RTSP_TRACKS_MAX 2 /* one video, one audio */

/* One track on its way. */
struct rtsp_lane {
	struct rtsp_url url, spare;        /* of SETUP; the same as read beside the URL that was asked for */
	uint32_t clock_rate;
	uint8_t rtp_channel, rtcp_channel; /* asked for, then granted */
	struct rtsp_udp *udp;              /* NULL: interleaved */
};

struct rtsp_transport {
	uv_loop_t *loop;
	bool udp;                  /* what is asked for */
	rtsp_udp_fn *fn;           /* gets the packets */
	void *owner;
	struct rtsp_lane lanes[RTSP_TRACKS_MAX];
	unsigned count;
	unsigned set_up;           /* lanes that the camera has granted, from the first on */
};

/* fn and owner are borrowed until rtsp_transport_finish(), after which nothing comes. */
void rtsp_transport_init(struct rtsp_transport *t, uv_loop_t *loop, bool udp, rtsp_udp_fn *fn, void *owner);
void rtsp_transport_finish(struct rtsp_transport *t);
/* Adds a lane, set up at this address; or at the spare one, if the camera does not know the first. */
void rtsp_transport_add(struct rtsp_transport *t, const struct rtsp_url *url, const struct rtsp_url *spare,
			uint32_t clock_rate);
/* The camera does not know the next lane's address: takes the spare one. False: there is no other. */
bool rtsp_transport_spare(struct rtsp_transport *t);
/* The header of SETUP for the next lane, with its line end. 0, or -errno: no port can be opened. */
int rtsp_transport_ask(struct rtsp_transport *t, const struct rtsp_conn *conn, char *out, unsigned room);
/* The camera's Transport for that lane (NULL: it named none, so it took what was asked). 0, or a negative
 * code: it is not what we can use. */
int rtsp_transport_grant(struct rtsp_transport *t, const char *reply);
/* The camera refuses UDP. True: from now on TCP is asked for. */
bool rtsp_transport_fall_back(struct rtsp_transport *t);
/* What to do about a camera that does not grant what is asked, in lang(). */
const char *rtsp_transport_remedy(const struct rtsp_transport *t);
/* An interleaved frame: a packet of a track, or of none that is set up. */
void rtsp_transport_frame(struct rtsp_transport *t, uint8_t channel, const uint8_t *data, size_t len);
/* The camera does not grant the next lane: does without it and what follows. False: it is the first one,
 * and without the video there is nothing. */
bool rtsp_transport_do_without(struct rtsp_transport *t);
