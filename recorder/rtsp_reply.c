#include "rtsp_reply.h"

#include "base/lang.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TIMEOUT_DEFAULT_S 60
#define TIMEOUT_MIN_S 2
#define TIMEOUT_MAX_S 3600

/* A number of at most five digits at p; -1 if there is none. */
static int small_number(const char *p, const char **end)
{
	size_t digits = strspn(p, "0123456789");

	*end = p + digits;
	return digits == 0 || digits > 5 ? -1 : atoi(p);
}

/* "first-second", or "first" and the one after it. Both may be one. */
static int pair(const char *p, int max, int *first, int *second)
{
	const char *end;

	*first = small_number(p, &end);
	*second = *first + 1;
	if (*end == '-')
		*second = small_number(end + 1, &end);
	return *first < 0 || *first > max || *second < 0 || *second > max ? -EINVAL : 0;
}

/* The value of ";name=value", or NULL. */
static const char *param(const char *value, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = strchr(value, ';'); p; p = strchr(p, ';')) {
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, name, len) == 0 && p[len] == '=')
			return p + len + 1;
	}
	return NULL;
}

int rtsp_reply_session(const char *value, char id[RTSP_SESSION_ID_MAX], unsigned *timeout_s)
{
	size_t len = strcspn(value, "; \t");
	const char *timeout = param(value, "timeout"), *end;
	int n = timeout ? small_number(timeout, &end) : -1;

	if (len == 0 || len >= RTSP_SESSION_ID_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)value[i]))
			return -EINVAL;
	snprintf(id, RTSP_SESSION_ID_MAX, "%.*s", (int)len, value);
	*timeout_s = n < TIMEOUT_MIN_S || n > TIMEOUT_MAX_S ? TIMEOUT_DEFAULT_S : (unsigned)n;
	return 0;
}

static bool has_word(const char *value, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = strchr(value, ';'); p; p = strchr(p, ';')) {
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, word, len) == 0 && (p[len] == '\0' || strchr("; \t", p[len])))
			return true;
	}
	return false;
}

int rtsp_reply_transport(const char *value, struct rtsp_reply_transport *out)
{
	const char *channels = param(value, "interleaved"), *ports = param(value, "server_port");
	int first, second;

	*out = (struct rtsp_reply_transport){.tcp = channels || strcasestr(value, "/TCP"),
					     .multicast = has_word(value, "multicast"),
					     .has_channels = channels != NULL,
					     .has_ports = ports || param(value, "client_port")};
	if (channels) {
		if (pair(channels, UINT8_MAX, &first, &second) < 0)
			return -EINVAL;
		out->rtp_channel = (uint8_t)first;
		out->rtcp_channel = (uint8_t)second;
	}
	if (ports && !out->tcp) {
		if (pair(ports, UINT16_MAX, &first, &second) < 0)
			return -EINVAL;
		out->rtp_port = (uint16_t)first;
		out->rtcp_port = (uint16_t)second;
	}
	return 0;
}

bool rtsp_reply_lists(const char *value, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = value; *p;) {
		p += strspn(p, ", \t");
		size_t n = strcspn(p, ", \t");
		if (n == len && strncasecmp(p, word, len) == 0)
			return true;
		p += n;
	}
	return false;
}

const char *rtsp_reply_remedy(int status)
{
	switch (status) {
	case 401: return lang("用户名或密码不对,请检查 username 和 password_file",
			      "the user name or password is wrong: check username and password_file");
	case 403: return lang("该用户无权观看,请在摄像机中授权",
			      "this user may not watch: allow it in the camera");
	case 404: return lang("摄像机没有这个地址,请检查 url 中的路径",
			      "the camera knows no such address: check the path in url");
	case 453:
	case 503: return lang("摄像机连接数或带宽已满,请关闭其他观看端",
			      "the camera has no room for one more viewer: close other viewers");
	default: return lang("请检查摄像机的设置", "check the camera's settings");
	}
}

const char *rtsp_torn_text(void)
{
	return lang("摄像机发来半个数据包(它的发送缓冲区已满):请降低码率,或检查网络",
		    "the camera sent half a packet (its send buffer was full): lower its bit rate, or check the network");
}

void rtsp_reply_write(const struct rtsp_item *request, struct buf *out)
{
	const char *cseq = rtsp_item_header(request, "CSeq"), *method = request->method;
	bool known = strcmp(method, "OPTIONS") == 0 || strcmp(method, "GET_PARAMETER") == 0 ||
		     strcmp(method, "TEARDOWN") == 0;

	buf_printf(out, "RTSP/1.0 %s\r\nCSeq: %lu\r\n%s\r\n", known ? "200 OK" : "501 Not Implemented",
		   cseq ? strtoul(cseq, NULL, 10) : 0, known ? "Public: OPTIONS, GET_PARAMETER\r\n" : "");
}
