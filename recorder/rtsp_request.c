#include "rtsp_request.h"

#include "base/lang.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STALE_MAX 3
#define REQUEST_ROOM_BYTES 8192

void rtsp_request_init(struct rtsp_request *r, const struct rtsp_target *target, const struct rtsp_url *home)
{
	*r = (struct rtsp_request){.target = target, .home = *home, .digest_seen = target->digest_seen};
}

void rtsp_request_finish(struct rtsp_request *r)
{
	OPENSSL_cleanse(r, sizeof *r);
}

void rtsp_request_reset(struct rtsp_request *r, bool tls)
{
	r->tls = tls;
	r->auth = (struct rtsp_auth){0};
	r->method = NULL;
	r->unanswered = 0;
}

void rtsp_request_reopen(struct rtsp_request *r)
{
	r->method = NULL;
	r->unanswered = 0;
	r->accepted = true; /* so that a fresh nonce is answered, once */
}

void rtsp_request_begin(struct rtsp_request *r, const char *method, const struct rtsp_url *url,
			const char *extra)
{
	r->unanswered += r->method != NULL;
	r->method = method;
	r->url = url;
	r->retries = 0;
	snprintf(r->extra, sizeof r->extra, "%s", extra);
}

/* --- writing ------------------------------------------------------------------ */

static int add_credentials(struct rtsp_request *r, struct buf *b, const char *url)
{
	char header[RTSP_AUTH_HEADER_MAX];

	r->answered = false;
	if (r->auth.scheme == RTSP_AUTH_NONE || !rtsp_url_same_host(r->url, &r->home))
		return 0;
	if (rtsp_auth_answer(&r->auth, r->method, url, r->target->username, r->target->password, header) < 0)
		return -EINVAL;
	buf_printf(b, "Authorization: %s\r\n", header);
	OPENSSL_cleanse(header, sizeof header);
	r->answered = true;
	return 0;
}

int rtsp_request_write(struct rtsp_request *r, struct buf *out)
{
	char url[RTSP_URL_TEXT_MAX];

	rtsp_url_format(r->url, url);
	buf_reserve(out, REQUEST_ROOM_BYTES); /* one piece: growth would leave copies of secrets behind */
	buf_printf(out, "%s %s RTSP/1.0\r\nCSeq: %u\r\nUser-Agent: holdfast/" HOLDFAST_VERSION "\r\n", r->method,
		   url, ++r->cseq);
	if (r->session[0])
		buf_printf(out, "Session: %s\r\n", r->session);
	buf_add_text(out, r->extra);
	if (add_credentials(r, out, url) < 0)
		return -EINVAL;
	buf_add_text(out, "\r\n");
	return 0;
}

/* --- answers -------------------------------------------------------------------- */

bool rtsp_request_answered_by(struct rtsp_request *r, const struct rtsp_item *response)
{
	const char *cseq = rtsp_item_header(response, "CSeq");
	unsigned long number = cseq ? strtoul(cseq, NULL, 10) : 0;

	if (!r->method || response->status < 200)
		return false;
	if (r->unanswered == 0 || number == 0 || number >= r->cseq)
		return true;
	r->unanswered--;
	return false;
}

/* Whether it may be sent once more, with the fresh challenge: the first one; a nonce that was too old;
 * or one that served earlier requests and is worn out, which some cameras do not call stale. */
static bool may_answer(const struct rtsp_request *r, const struct rtsp_auth *fresh)
{
	return !r->answered || (fresh->stale && r->retries < STALE_MAX) || (r->accepted && r->retries == 0);
}

static const char *cannot_answer(const struct rtsp_request *r, const struct rtsp_auth *fresh)
{
	if (!rtsp_url_same_host(r->url, &r->home))
		return lang("摄像机转到另一台要求密码的主机,请把该地址写入 url",
			    "redirected to another host that wants a password: write its address in url");
	if (!r->target->username || !r->target->password)
		return lang("摄像机要求用户名和密码,请填写 username 和 password_file",
			    "the camera wants a user name and password: set username and password_file");
	if (fresh->scheme == RTSP_AUTH_NONE)
		return lang("摄像机的登录方式不受支持,请在摄像机中选 Digest",
			    "the camera's way of login is not supported: choose Digest in the camera");
	if (fresh->scheme == RTSP_AUTH_BASIC && r->digest_seen)
		return lang("摄像机先前使用 Digest 登录,现在只要求明文密码,已拒绝:请检查摄像机的认证设置,或是否有人冒充",
			    "the camera used Digest before and wants the password in plain text now, which is refused: "
			    "check its authentication setting, and whether it is the camera at all");
	if (r->plain_refused)
		return lang("摄像机只要求明文密码（Basic），网络上的人可以读到，因此没有发送:请在摄像机中选 Digest 或改用 rtsps://,"
			    "否则写 plain_password: true",
			    "the camera wants the password in plain text (Basic), which anybody on the network could read, so it was "
			    "not sent: choose Digest in the camera or rtsps://, or else set plain_password: true");
	return NULL;
}

int rtsp_request_challenged(struct rtsp_request *r, const struct rtsp_item *response, const char **why)
{
	struct rtsp_auth fresh = {0};

	for (unsigned i = 0; i < response->header_count; i++)
		if (strcasecmp(response->headers[i].name, "WWW-Authenticate") == 0)
			rtsp_auth_challenge(&fresh, response->headers[i].value);
	r->digest_seen |= fresh.digest_offered;
	r->plain_refused = fresh.scheme == RTSP_AUTH_BASIC && !r->tls && !r->target->plain_password;
	*why = cannot_answer(r, &fresh);
	if (*why)
		return -EPERM;
	if (!may_answer(r, &fresh))
		return -EACCES;
	r->retries += r->answered;
	r->auth = fresh;
	return 0;
}

void rtsp_request_accepted(struct rtsp_request *r)
{
	r->accepted |= r->answered;
	r->method = NULL;
}
