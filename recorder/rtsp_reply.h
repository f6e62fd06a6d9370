/* What a camera's RTSP answers say, read strictly into small structs; and what we answer to it.
 *
 * Threads: any. Memory: the caller's structs. Source: RFC 2326 §12. */
#pragma once
#include "base/buf.h"
#include "recorder/rtsp_parse.h"

#include <stdbool.h>
#include <stdint.h>

#define RTSP_SESSION_ID_MAX 128

/* Session: 12345678;timeout=60 → id and time-out in seconds (60 if it names none; 2 to 3600).
 * 0 or -EINVAL: no id that could be sent back. */
int rtsp_reply_session(const char *value, char id[RTSP_SESSION_ID_MAX], unsigned *timeout_s);

/* Transport: RTP/AVP/TCP;unicast;interleaved=2-3, or RTP/AVP;unicast;client_port=…;server_port=6970-6971 */
struct rtsp_reply_transport {
	bool tcp, multicast;
	bool has_ports;               /* of either side, so it is UDP */
	bool has_channels;
	uint8_t rtp_channel, rtcp_channel;
	uint16_t rtp_port, rtcp_port; /* the server's; 0: it names none */
};
int rtsp_reply_transport(const char *value, struct rtsp_reply_transport *out); /* 0 or -EINVAL */

bool rtsp_reply_lists(const char *value, const char *word); /* Public: OPTIONS, DESCRIBE, … */

/* A status that is not 200, for a person: what it means and what to do, in lang(). */
const char *rtsp_reply_remedy(int status);

const char *rtsp_torn_text(void); /* a camera broke off a packet: what that is, and what to do */

/* Our answer to a request of the server: 200 to what asks whether we live, 501 to the rest. */
void rtsp_reply_write(const struct rtsp_item *request, struct buf *out);
