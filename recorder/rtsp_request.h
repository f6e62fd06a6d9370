/* The request of a session that waits for its answer, and the credentials that go with it.
 *
 *	rtsp_request_begin(&r, "DESCRIBE", &url, "Accept: application/sdp\r\n");
 *	rtsp_request_write(&r, &bytes);             send them; then, with its answer:
 *	rtsp_request_challenged(&r, answer, &why);  401: write it once more, or give up
 *	rtsp_request_accepted(&r);                  anything else
 *
 * Credentials are shown to the configured host only, and never to one that it redirects to.
 * Threads: loop thread. Memory: the caller's struct; rtsp_request_finish() wipes it.
 * Source: RFC 2326 §12, RFC 7616. */
#pragma once
#include "base/buf.h"
#include "recorder/rtsp_auth.h"
#include "recorder/rtsp_parse.h"
#include "recorder/rtsp_reply.h"
#include "recorder/rtsp_target.h"
#include "recorder/rtsp_url.h"

#define RTSP_REQUEST_EXTRA_MAX 256

struct rtsp_request {
	const struct rtsp_target *target; /* borrowed */
	struct rtsp_url home;             /* the configured address: only its host is shown the credentials */
	const char *method;               /* NULL: nothing waits for an answer */
	const struct rtsp_url *url;       /* borrowed while it waits */
	char extra[RTSP_REQUEST_EXTRA_MAX]; /* header lines of this method */
	char session[RTSP_SESSION_ID_MAX];  /* sent along from now on; "": there is none */
	uint32_t cseq;
	unsigned unanswered;       /* earlier requests whose answers may still come */
	struct rtsp_auth auth;
	bool answered;             /* it carries credentials for the challenge in auth */
	bool tls;                  /* of the connection, whatever scheme the url names */
	bool digest_seen;          /* the camera can do better than Basic: that is not answered any more */
	bool plain_refused;        /* it wants Basic, which the target does not allow here */
	bool accepted;             /* credentials of ours were taken before */
	unsigned retries;          /* with a fresh nonce */
};

void rtsp_request_init(struct rtsp_request *r, const struct rtsp_target *target, const struct rtsp_url *home);
void rtsp_request_finish(struct rtsp_request *r);
/* A new connection: what the last one was challenged with, or waited for, is void. */
void rtsp_request_reset(struct rtsp_request *r, bool tls);
/* A new connection, on which the last challenge is to be answered. */
void rtsp_request_reopen(struct rtsp_request *r);

/* method is static; extra is whole header lines, or "". */
void rtsp_request_begin(struct rtsp_request *r, const char *method, const struct rtsp_url *url,
			const char *extra);
/* Appends the text, with a new CSeq. 0, or -EINVAL: the credentials cannot be sent. */
int rtsp_request_write(struct rtsp_request *r, struct buf *out);
/* Whether it is the final answer to what waits: not 1xx, not one to an earlier request that was given up. One
 * request is under way, so an answer that bears another number, or none, is the answer to it. */
bool rtsp_request_answered_by(struct rtsp_request *r, const struct rtsp_item *response);
/* A 401. 0: write it again; -EACCES: the credentials are refused; -EPERM: *why says, in lang(), why we
 * have none to show. */
int rtsp_request_challenged(struct rtsp_request *r, const struct rtsp_item *response, const char **why);
/* Answered with anything but 401: nothing waits any more. */
void rtsp_request_accepted(struct rtsp_request *r);
