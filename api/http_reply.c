/* Answers of the HTTP server: heads, whole bodies, and bodies pumped from a producer. */
#include "base/clock.h"
#include "base/require.h"
#include "http_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

static struct http_conn *conn_of(struct http_exchange *x)
{
	return (struct http_conn *)x;
}

const char *http_status_text(int status)
{
	static const struct { int status; const char *text; } known[] = {
		{200, "OK"}, {201, "Created"}, {204, "No Content"}, {206, "Partial Content"},
		{304, "Not Modified"}, {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"},
		{404, "Not Found"}, {405, "Method Not Allowed"}, {408, "Request Timeout"},
		{409, "Conflict"}, {413, "Content Too Large"}, {415, "Unsupported Media Type"},
		{416, "Range Not Satisfiable"}, {417, "Expectation Failed"}, {422, "Unprocessable Content"},
		{429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"}, {501, "Not Implemented"}, {503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].status == status)
			return known[i].text;
	return "Unknown";
}

const char *http_request_header(const struct http_request *r, const char *name)
{
	for (unsigned i = 0; i < r->header_count; i++)
		if (strcasecmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return NULL;
}

void http_header_add(struct buf *lines, const char *name, const char *fmt, ...)
{
	char value[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	for (char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '_';
	buf_printf(lines, "%s: %s\r\n", name, value);
}

static void add_date(struct buf *out)
{
	time_t now = (time_t)(clock_wall(clock_real()).us / US_PER_S);
	char text[40];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	http_header_add(out, "Date", "%s", text);
}

static void make_head(struct http_conn *c, struct buf *out, int status, const char *type, const struct buf *lines,
		      uint64_t length)
{
	buf_printf(out, "HTTP/1.1 %d %s\r\n", status, http_status_text(status));
	add_date(out);
	if (type)
		http_header_add(out, "Content-Type", "%s", type);
	if (status != 204 && status != 304)
		http_header_add(out, "Content-Length", "%llu", (unsigned long long)length);
	if (lines)
		buf_add(out, lines->data, lines->len);
	if (c->last)
		buf_add_text(out, "Connection: close\r\n");
	buf_add_text(out, "\r\n");
}

void http_reply(struct http_exchange *x, int status, const char *type, const struct buf *lines, const void *body,
		size_t len)
{
	struct http_conn *c = conn_of(x);
	struct buf out = {0};

	http_conn_answering(c);
	make_head(c, &out, status, type, lines, len);
	if (!x->request.is_head && len)
		buf_add(&out, body, len);
	http_conn_send(c, out.data, out.len);
}

void http_reply_stream(struct http_exchange *x, int status, const char *type, const struct buf *lines,
		       uint64_t length, struct http_source *source)
{
	struct http_conn *c = conn_of(x);
	struct buf out = {0};

	http_conn_answering(c);
	make_head(c, &out, status, type, lines, length);
	if (x->request.is_head || length == 0) {
		source->destroy(source);
	} else {
		c->source = source;
		c->body_left = length;
	}
	http_conn_send(c, out.data, out.len);
}

void http_known(struct http_exchange *x)
{
	http_room_remember(conn_of(x));
}

void http_close_after(struct http_exchange *x)
{
	conn_of(x)->last = true;
}

void http_abort(struct http_exchange *x)
{
	http_conn_close(conn_of(x));
}

/* Asks the source when there is room; one that answers within the call is asked again here, not from inside its own
 * answer. */
static void pump(struct http_conn *c)
{
	if (c->pumping)
		return;
	c->pumping = true;
	while (c->sm.now == CONN_SENDING && c->source && c->body_left && !c->pull_waits && !c->full && c->writes == 0) {
		c->pull_waits = true;
		c->source->pull(c->source, &c->x);
	}
	c->pumping = false;
}

static void on_room(uv_poll_t *h, int status, int events)
{
	struct http_conn *c = h->data;

	(void)events;
	uv_poll_stop(h);
	c->full = false;
	if (status < 0)
		http_conn_close(c);
	else
		http_conn_sent(c);
}

static void await_room(struct http_conn *c)
{
	int rc = c->polled >= 0 ? 0 : http_conn_poll(c);

	c->full = true;
	if (rc == 0)
		rc = uv_poll_start(&c->poll, UV_WRITABLE, on_room);
	if (rc < 0)
		http_conn_close(c);
}

int http_socket(struct http_exchange *x)
{
	uv_os_fd_t fd;
	int rc = uv_fileno(&conn_of(x)->sock.handle, &fd);

	rc = rc < 0 ? rc : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return rc == -1 ? -errno : rc;
}

void http_sent(struct http_exchange *x, uint64_t bytes, bool full)
{
	struct http_conn *c = conn_of(x);

	REQUIRE(c->pull_waits && bytes <= c->body_left);
	c->pull_waits = false;
	c->body_left -= bytes;
	if (full && c->body_left)
		await_room(c);
	else
		http_conn_sent(c);
}

void http_conn_sent(struct http_conn *c)
{
	if (c->sm.now != CONN_SENDING)
		return;
	pump(c);
	if (c->sm.now == CONN_SENDING && c->writes == 0 && c->body_left == 0)
		http_conn_finish_answer(c);
}
