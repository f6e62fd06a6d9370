#include "http_parse.h"

#include <string.h>
#include <strings.h>

#define WIRE_FACTOR 8 /* a chunked body may be at most so much longer than what it holds */

static int bad(struct http_parser *p, int status, const char *why)
{
	if (!p->status) {
		p->status = status;
		p->why = why;
	}
	return HPE_USER;
}

/* --- the head as bytes --------------------------------------------------------- */

static bool is_token(const uint8_t *p, size_t len)
{
	static const char more[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < len; i++)
		if (!((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z') && !(p[i] >= '0' && p[i] <= '9') &&
		    !memchr(more, p[i], sizeof more - 1))
			return false;
	return len > 0;
}

static const char *header_fault(const uint8_t *line, size_t len)
{
	const uint8_t *colon = memchr(line, ':', len);

	if (len && (line[0] == ' ' || line[0] == '\t'))
		return "a folded header line (obs-fold); write each header on one line";
	if (!colon || !is_token(line, (size_t)(colon - line)))
		return "a header whose name is empty or not a token";
	for (size_t i = 0; i < len; i++)
		if ((line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return "a control character, or a line that does not end with CR LF";
	return NULL;
}

/* METHOD SP TARGET SP HTTP/1.1 and nothing else */
static const char *request_line_fault(const uint8_t *line, size_t len)
{
	const uint8_t *end = line + len, *first = memchr(line, ' ', len);
	const uint8_t *second = first ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;

	if (!second || !is_token(line, (size_t)(first - line)) || end - second != 9)
		return "the first line is not METHOD TARGET HTTP/1.1";
	for (const uint8_t *p = first + 1; p < second; p++)
		if (*p < 0x21 || *p > 0x7e)
			return "a byte in the request target that must be percent-encoded";
	return NULL;
}

/* Every line of the head, its last empty one excepted. */
static int head_check(struct http_parser *p, const uint8_t *head, size_t len)
{
	unsigned lines = 0;

	for (const uint8_t *at = head, *end = head + len - 2; at < end; lines++) {
		const uint8_t *stop = memmem(at, (size_t)(head + len - at), "\r\n", 2);
		size_t n = (size_t)(stop - at);
		const char *why = lines ? header_fault(at, n) : request_line_fault(at, n);
		if (why)
			return bad(p, 400, why);
		at = stop + 2;
	}
	if (lines > HTTP_HEADERS_MAX + 1)
		return bad(p, 431, "more than 100 headers");
	return 0;
}

/* --- llhttp's callbacks ------------------------------------------------------------ */

static int on_text(llhttp_t *l, const char *data, size_t len)
{
	struct http_parser *p = l->data;

	if (p->head_ended)
		return bad(p, 400, "headers after the body (trailers) are not taken");
	buf_add(&p->text, data, len);
	return 0;
}

static int on_text_end(llhttp_t *l)
{
	struct http_parser *p = l->data;

	while (p->text.len && (p->text.data[p->text.len - 1] == ' ' || p->text.data[p->text.len - 1] == '\t'))
		p->text.len--;
	buf_add(&p->text, "", 1);
	return 0;
}

static int on_url_end(llhttp_t *l)
{
	struct http_parser *p = l->data;

	p->target_len = p->text.len;
	return on_text_end(l);
}

static int on_name_end(llhttp_t *l)
{
	struct http_parser *p = l->data;
	size_t from = p->header_count ? p->at[p->header_count - 1].value : 0;

	if (p->header_count == HTTP_HEADERS_MAX)
		return bad(p, 431, "more than 100 headers");
	if (p->head_ended)
		return 0;
	on_text_end(l);
	/* the name stands behind the value before it, or behind the target */
	p->at[p->header_count].name = from + strlen((const char *)p->text.data + from) + 1;
	p->at[p->header_count].value = p->text.len;
	return 0;
}

static int on_value_end(llhttp_t *l)
{
	struct http_parser *p = l->data;

	if (p->head_ended)
		return 0;
	on_text_end(l);
	p->header_count++;
	return 0;
}

static void headers_point(struct http_parser *p)
{
	for (unsigned i = 0; i < p->header_count; i++)
		p->headers[i] = (struct http_header){(const char *)p->text.data + p->at[i].name,
						     (const char *)p->text.data + p->at[i].value};
}

static unsigned header_times(const struct http_parser *p, const char *name)
{
	unsigned times = 0;

	for (unsigned i = 0; i < p->header_count; i++)
		times += strcasecmp(p->headers[i].name, name) == 0;
	return times;
}

static const char *header_of(const struct http_parser *p, const char *name)
{
	for (unsigned i = 0; i < p->header_count; i++)
		if (strcasecmp(p->headers[i].name, name) == 0)
			return p->headers[i].value;
	return NULL;
}

static int host_check(struct http_parser *p)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]%";
	const char *host = header_of(p, "host");

	if (header_times(p, "host") > 1)
		return bad(p, 400, "more than one Host header");
	if (!host)
		return p->llhttp.http_minor ? bad(p, 400, "no Host header") : 0;
	if (!*host || host[strspn(host, allowed)])
		return bad(p, 400, "the Host header is not a host");
	return 0;
}

static int once_check(struct http_parser *p)
{
	static const char *const once[] = {"content-length", "transfer-encoding", "content-type",
		"authorization", "range", "if-range", "expect", "connection"};

	for (unsigned i = 0; i < sizeof once / sizeof *once; i++)
		if (header_times(p, once[i]) > 1)
			return bad(p, 400, "a header that may stand once stands twice");
	return 0;
}

static int framing_check(struct http_parser *p)
{
	bool chunked = header_times(p, "transfer-encoding") > 0;
	bool counted = header_times(p, "content-length") > 0;

	if (chunked && (counted || !p->llhttp.http_minor))
		return bad(p, 400, "Transfer-Encoding with Content-Length, or in HTTP/1.0");
	if (chunked && strcasecmp(header_of(p, "transfer-encoding"), "chunked") != 0)
		return bad(p, 501, "a Transfer-Encoding other than chunked");
	p->declared = counted ? p->llhttp.content_length : 0;
	if (p->declared > p->limits->body_bytes)
		return bad(p, 413, "the body is longer than is taken here");
	return 0;
}

static int expect_check(struct http_parser *p)
{
	const char *expect = header_of(p, "expect");

	if (expect && strcasecmp(expect, "100-continue") != 0)
		return bad(p, 417, "an expectation other than 100-continue");
	p->expects = expect && p->llhttp.http_minor && (p->declared || header_of(p, "transfer-encoding"));
	return 0;
}

static int target_check(struct http_parser *p)
{
	const char *target = (const char *)p->text.data;

	if (p->target_len == 0 || target[0] != '/' || strchr(target, '#'))
		return bad(p, 400, "the request target must begin with '/'");
	return 0;
}

static int on_head_end(llhttp_t *l)
{
	struct http_parser *p = l->data;
	int rc;

	p->head_ended = true;
	headers_point(p);
	if (l->http_major != 1 || l->http_minor > 1)
		return bad(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	if ((rc = target_check(p)) || (rc = host_check(p)) || (rc = once_check(p)) || (rc = framing_check(p)) ||
	    (rc = expect_check(p)))
		return rc;
	l->upgrade = 0; /* an upgrade may be ignored (RFC 9110 §7.8); here it always is */
	p->keep_alive = llhttp_should_keep_alive(l);
	return 0;
}

static int on_body(llhttp_t *l, const char *data, size_t len)
{
	struct http_parser *p = l->data;

	if (len > p->limits->body_bytes - p->body.len)
		return bad(p, 413, "the body is longer than is taken here");
	buf_add(&p->body, data, len);
	return 0;
}

static int on_complete(llhttp_t *l)
{
	struct http_parser *p = l->data;

	p->complete = true;
	return HPE_PAUSED; /* the next request waits for this one's answer */
}

static const llhttp_settings_t *settings(void)
{
	static llhttp_settings_t s;

	if (s.on_url)
		return &s;
	llhttp_settings_init(&s);
	s.on_header_field = on_text;
	s.on_header_value = on_text;
	s.on_url_complete = on_url_end;
	s.on_header_field_complete = on_name_end;
	s.on_header_value_complete = on_value_end;
	s.on_headers_complete = on_head_end;
	s.on_body = on_body;
	s.on_message_complete = on_complete;
	s.on_url = on_text;
	return &s;
}

/* --- feeding --------------------------------------------------------------------------- */

void http_parser_init(struct http_parser *p, const struct http_limits *limits)
{
	*p = (struct http_parser){.limits = limits};
	llhttp_init(&p->llhttp, HTTP_REQUEST, settings());
	p->llhttp.data = p;
}

void http_parser_finish(struct http_parser *p)
{
	buf_finish(&p->text);
	buf_finish(&p->body);
}

static enum http_parse fail(struct http_parser *p)
{
	bad(p, 400, "this is not HTTP/1.1");
	return HTTP_PARSE_BAD;
}

static enum http_parse feed_head(struct http_parser *p, struct buf *in)
{
	size_t from = p->head_seen > 3 ? p->head_seen - 3 : 0;
	size_t look = in->len < p->limits->head_bytes ? in->len : p->limits->head_bytes;
	const uint8_t *stop = look > from ? memmem(in->data + from, look - from, "\r\n\r\n", 4) : NULL;

	p->head_seen = look;
	if (!stop && look == p->limits->head_bytes)
		bad(p, 431, "the headers are longer than is taken here");
	if (p->status)
		return HTTP_PARSE_BAD;
	if (!stop)
		return HTTP_PARSE_MORE;

	size_t len = (size_t)(stop - in->data) + 4;
	if (head_check(p, in->data, len))
		return HTTP_PARSE_BAD;
	llhttp_errno_t rc = llhttp_execute(&p->llhttp, (const char *)in->data, len);
	if ((rc != HPE_OK && !(rc == HPE_PAUSED && p->complete)) || !p->head_ended)
		return fail(p);
	buf_drop_front(in, len);
	p->head_done = true;
	if (p->complete)
		return HTTP_PARSE_DONE;
	return p->expects ? HTTP_PARSE_CONTINUE : HTTP_PARSE_MORE;
}

static enum http_parse feed_body(struct http_parser *p, struct buf *in)
{
	if (in->len == 0)
		return HTTP_PARSE_MORE;
	llhttp_errno_t rc = llhttp_execute(&p->llhttp, (const char *)in->data, in->len);
	size_t used = in->len;

	if (rc == HPE_PAUSED && p->complete)
		used = (size_t)((const uint8_t *)llhttp_get_error_pos(&p->llhttp) - in->data);
	else if (rc != HPE_OK)
		return fail(p);
	buf_drop_front(in, used);
	p->wire_bytes += used;
	if (p->complete)
		return HTTP_PARSE_DONE;
	if (p->wire_bytes > p->limits->body_bytes * WIRE_FACTOR) {
		bad(p, 413, "the body's framing is longer than is taken here");
		return HTTP_PARSE_BAD;
	}
	return HTTP_PARSE_MORE;
}

enum http_parse http_parser_feed(struct http_parser *p, struct buf *in)
{
	if (!p->head_done) {
		enum http_parse got = feed_head(p, in);
		if (got != HTTP_PARSE_MORE || !p->head_done)
			return got;
	}
	return feed_body(p, in);
}

void http_parser_request(struct http_parser *p, struct http_request *out)
{
	char *target = (char *)p->text.data, *question = strchr(target, '?');

	headers_point(p);
	buf_add(&p->body, "", 1); /* so that text bodies end */
	*out = (struct http_request){
		.method = llhttp_method_name((llhttp_method_t)p->llhttp.method),
		.path = target,
		.query = question ? question + 1 : "",
		.headers = p->headers,
		.header_count = p->header_count,
		.body = (const char *)p->body.data,
		.body_len = p->body.len - 1,
	};
	out->is_head = strcmp(out->method, "HEAD") == 0;
	if (question)
		*question = '\0';
}
