/* The two sockets that one track's media comes to over UDP: an even port for RTP and the next for RTCP.
 *
 * Only packets from the camera's address are taken, from whatever port, since a router may change it. RTP is
 * put in sequence (rtp_reorder.h), receiver reports are sent (rtp_reception.h), and the first packets go out
 * before any comes in, so that firewalls on the way let the answers through.
 * Threads: loop thread only.
 * Memory:  rtsp_udp_create() allocates; after rtsp_udp_close() nothing is told, and it frees itself.
 * Source:  RFC 2326 §12.39, RFC 3550 §11. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

struct rtsp_udp;
/* Borrowed for the call; may close. */
typedef void rtsp_udp_fn(void *owner, unsigned track, const uint8_t *packet, size_t len, bool rtcp);

/* local: the address of ours that the camera knows; camera: its own. Ports are ignored. 0 or -errno. */
int rtsp_udp_create(uv_loop_t *loop, const struct sockaddr *local, const struct sockaddr *camera,
		    unsigned track, rtsp_udp_fn *fn, void *owner, struct rtsp_udp **out);
uint16_t rtsp_udp_port(const struct rtsp_udp *u); /* of RTP */
/* The camera sends from these ports (0: it did not say). */
void rtsp_udp_begin(struct rtsp_udp *u, uint16_t rtp_port, uint16_t rtcp_port, uint32_t clock_rate);
void rtsp_udp_close(struct rtsp_udp *u);
