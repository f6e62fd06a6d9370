#include "rtsp_request.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TRACK "track"
#define INTERLEAVED "interleaved="

/* --- head ------------------------------------------------------------------------ */

/* Cuts the text at the next CRLF or LF and returns what follows, or NULL at the end. */
static char *cut_line(char *text)
{
	char *end = strchr(text, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	if (end > text && end[-1] == '\r')
		end[-1] = '\0';
	return end + 1;
}

static int parse_first_line(char *line, struct rtsp_request *req)
{
	char *save = NULL;

	req->method = strtok_r(line, " ", &save);
	req->url = strtok_r(NULL, " ", &save);
	const char *version = strtok_r(NULL, " ", &save);
	if (!version || strtok_r(NULL, " ", &save))
		return 400;
	return strcmp(version, "RTSP/1.0") == 0 ? 0 : 505;
}

static int parse_header(char *line, struct rtsp_request *req)
{
	char *colon = strchr(line, ':');

	if (!colon || colon == line || req->header_count == RTSP_HEADERS_MAX)
		return 400;
	*colon = '\0';
	char *value = colon + 1 + strspn(colon + 1, " \t");
	size_t len = strlen(value);
	while (len && isspace((unsigned char)value[len - 1]))
		value[--len] = '\0';
	req->headers[req->header_count++] = (struct rtsp_header){line, value};
	return 0;
}

static int find_cseq(struct rtsp_request *req)
{
	const char *cseq = rtsp_request_header(req, "CSeq");

	if (!cseq || !*cseq || strlen(cseq) > 10 || cseq[strspn(cseq, "0123456789")])
		return 400;
	req->cseq = cseq;
	return 0;
}

int rtsp_request_parse(char *head, struct rtsp_request *req)
{
	*req = (struct rtsp_request){0};
	char *next = cut_line(head);
	int rc = parse_first_line(head, req);

	for (char *line = next; line && *line && rc == 0; line = next) {
		next = cut_line(line);
		if (*line)
			rc = parse_header(line, req);
	}
	int no_cseq = find_cseq(req);
	return rc ? rc : no_cseq;
}

const char *rtsp_request_header(const struct rtsp_request *req, const char *name)
{
	for (unsigned i = 0; i < req->header_count; i++)
		if (strcasecmp(req->headers[i].name, name) == 0)
			return req->headers[i].value;
	return NULL;
}

/* --- URL ------------------------------------------------------------------------- */

const char *rtsp_url_path(const char *url)
{
	const char *authority = strstr(url, "://");

	if (!authority)
		return url;
	return authority + 3 + strcspn(authority + 3, "/?");
}

static int copy_span(char *out, size_t room, const char *from, size_t len)
{
	if (len >= room)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)from[i]) || from[i] == '"')
			return -EINVAL;
	memcpy(out, from, len);
	out[len] = '\0';
	return 0;
}

int rtsp_target_parse(const char *url, struct rtsp_target *out)
{
	static const char scheme[] = "rtsp://";

	*out = (struct rtsp_target){0};
	if (strncasecmp(url, scheme, sizeof scheme - 1) != 0)
		return -EINVAL;
	const char *authority = url + sizeof scheme - 1;
	size_t authority_len = strcspn(authority, "/?");
	const char *path = authority + authority_len;
	const char *at = memchr(authority, '@', authority_len);
	const char *host = at ? at + 1 : authority;
	char name[sizeof out->base];

	if (copy_span(name, sizeof name - sizeof scheme, host, (size_t)(path - host)) < 0)
		return -EINVAL;
	snprintf(out->base, sizeof out->base, "%s%.*s", scheme, (int)(sizeof name - sizeof scheme), name);
	path += *path == '/';
	size_t len = strcspn(path, "/?");
	if (copy_span(out->name, sizeof out->name, path, len) < 0)
		return -EINVAL;
	const char *track = path + len;
	if (*track == '/' && strncmp(track + 1, TRACK, sizeof TRACK - 1) == 0)
		out->track = track[sizeof TRACK] == '2' ? 2 : 1;
	return 0;
}

/* --- Transport ------------------------------------------------------------------- */

static int parse_channel(const char **text, unsigned char *out)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	unsigned long v = strtoul(*text, &end, 10);
	if (v > 255)
		return -EINVAL;
	*text = end;
	*out = (unsigned char)v;
	return 0;
}

static int parse_channels(const char *text, struct rtsp_channels *out)
{
	if (parse_channel(&text, &out->rtp) < 0)
		return -EINVAL;
	if (*text != '-') {
		out->rtcp = (unsigned char)(out->rtp + 1);
		return out->rtp == 255 ? -EINVAL : 0;
	}
	text++;
	if (parse_channel(&text, &out->rtcp) < 0)
		return -EINVAL;
	return out->rtp == out->rtcp ? -EINVAL : 0;
}

int rtsp_transport_parse(const char *value, struct rtsp_channels *out)
{
	static const char wanted[] = "RTP/AVP/TCP";
	char proposal[256];

	for (const char *p = value; *p;) {
		size_t len = strcspn(p, ",");
		const char *begin = p + strspn(p, " \t");
		size_t skipped = (size_t)(begin - p);
		p += len + (p[len] == ',');
		if (skipped > len || strncasecmp(begin, wanted, sizeof wanted - 1) != 0)
			continue;
		if (copy_span(proposal, sizeof proposal, begin, len - skipped) < 0)
			return -EINVAL;
		const char *channels = strstr(proposal, INTERLEAVED);
		*out = (struct rtsp_channels){0, 1};
		return channels ? parse_channels(channels + sizeof INTERLEAVED - 1, out) : 0;
	}
	return -EPROTONOSUPPORT;
}
