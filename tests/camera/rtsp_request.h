/* An RTSP 1.0 request head (RFC 2326 §6) as text → its parts. What clients send is
 * hostile until it has passed here.
 *
 * Pure. Memory: everything points into the head, which is cut up in place. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define RTSP_HEADERS_MAX 32

struct rtsp_header { const char *name, *value; };

struct rtsp_request {
	const char *method, *url;
	const char *cseq; /* digits, at most 10 */
	struct rtsp_header headers[RTSP_HEADERS_MAX];
	unsigned header_count;
};

/* head: a NUL-terminated head without its empty last line. Returns 0, or an RTSP status
 * (400, 505) when it cannot be understood; req->cseq may be NULL then. */
int rtsp_request_parse(char *head, struct rtsp_request *req);
/* The first header of that name (any case), or NULL. */
const char *rtsp_request_header(const struct rtsp_request *req, const char *name);

/* Where an RTSP URL points: "rtsp://host:port" without credentials, and the camera's
 * name (the first component of the path; "" if there is none). */
struct rtsp_target { char base[128]; char name[64]; unsigned track; /* 0: the whole */ };
/* Returns 0, or -EINVAL when the URL is not one of ours. */
int rtsp_target_parse(const char *url, struct rtsp_target *out);
/* The part of the URL after scheme and authority. */
const char *rtsp_url_path(const char *url);

/* A Transport header → the channels of its first interleaved proposal (RFC 2326 §12.39).
 * Returns 0, -EINVAL, or -EPROTONOSUPPORT when only other transports are proposed. */
struct rtsp_channels { unsigned char rtp, rtcp; };
int rtsp_transport_parse(const char *value, struct rtsp_channels *out);
