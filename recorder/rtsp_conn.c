#include "rtsp_conn.h"

#include "base/lang.h"
#include "base/require.h"

#include <netdb.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rtsp_conn {
	const struct rtsp_conn_events *events;
	void *owner;
	uv_loop_t *loop;
	const char *host;
	char port[8];
	uv_getaddrinfo_t resolve;
	struct addrinfo *addresses, *next; /* next: the one to try after this */
	uv_tcp_t *tcp;             /* of the try under way; its own memory, since each try has one */
	uv_connect_t connect;
	uv_timer_t soon;           /* tells a failure that happened inside a call of the owner */
	int failure;               /* what `soon` tells */
	struct rtsp_parse parse;
	unsigned open;             /* handles and requests that will still call back */
	bool closing;
};

static void try_next(struct rtsp_conn *c);

/* --- the end ---------------------------------------------------------------- */

static void release(struct rtsp_conn *c)
{
	if (--c->open > 0 || !c->closing)
		return;
	void (*closed)(void *) = c->events->closed;
	void *owner = c->owner;

	uv_freeaddrinfo(c->addresses);
	rtsp_parse_finish(&c->parse);
	free(c);
	closed(owner);
}

static void on_tcp_closed(uv_handle_t *h)
{
	struct rtsp_conn *c = h->data;

	free(h);
	release(c);
}

static void on_soon_closed(uv_handle_t *h)
{
	release(h->data);
}

static void drop_tcp(struct rtsp_conn *c)
{
	if (c->tcp)
		uv_close((uv_handle_t *)c->tcp, on_tcp_closed);
	c->tcp = NULL;
}

static void fail(struct rtsp_conn *c, int code)
{
	char detail[200];

	if (code == UV_EOF)
		snprintf(detail, sizeof detail, "%s", lang("摄像机断开了连接", "the camera closed the connection"));
	else
		snprintf(detail, sizeof detail, "%s (%s)", lang("连接不上摄像机", "no connection to the camera"),
			 uv_strerror(code));
	c->events->failed(c->owner, false, detail);
}

static void on_soon(uv_timer_t *t)
{
	struct rtsp_conn *c = t->data;

	fail(c, c->failure);
}

static void fail_soon(struct rtsp_conn *c, int code)
{
	if (c->closing)
		return;
	c->failure = code;
	uv_timer_start(&c->soon, on_soon, 0, 0);
}

/* --- reading ------------------------------------------------------------------ */

static void hand_out(struct rtsp_conn *c)
{
	enum rtsp_parse_result got = RTSP_PARSE_MORE;
	struct rtsp_item item;
	struct err e;

	while (!c->closing && (got = rtsp_parse_next(&c->parse, &item, &e)) == RTSP_PARSE_ITEM)
		c->events->item(c->owner, &item);
	if (c->closing || got != RTSP_PARSE_BAD)
		return;
	uv_read_stop((uv_stream_t *)c->tcp);
	c->events->failed(c->owner, true, e.text);
}

static void on_room(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
	struct rtsp_conn *c = h->data;
	size_t room;

	(void)hint;
	out->base = (char *)rtsp_parse_room(&c->parse, &room);
	out->len = room;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct rtsp_conn *c = stream->data;

	(void)buf;
	if (c->closing || n == 0)
		return;
	if (n < 0) {
		uv_read_stop(stream);
		fail(c, (int)n);
		return;
	}
	rtsp_parse_filled(&c->parse, (size_t)n);
	hand_out(c);
}

/* --- writing -------------------------------------------------------------------- */

struct send { uv_write_t req; struct rtsp_conn *conn; struct buf bytes; };

static void wipe(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->room);
	buf_finish(b);
}

static void on_written(uv_write_t *req, int status)
{
	struct send *s = req->data;
	struct rtsp_conn *c = s->conn;

	wipe(&s->bytes);
	free(s);
	if (status < 0 && status != UV_ECANCELED)
		fail_soon(c, status);
	release(c);
}

void rtsp_conn_send(struct rtsp_conn *c, struct buf *bytes)
{
	if (c->closing || !c->tcp ||
	    uv_stream_get_write_queue_size((uv_stream_t *)c->tcp) > RTSP_CONN_QUEUE_MAX_BYTES) {
		wipe(bytes);
		fail_soon(c, UV_ENOBUFS);
		return;
	}
	struct send *s = xcalloc(1, sizeof *s);
	s->conn = c;
	s->bytes = *bytes;
	s->req.data = s;
	*bytes = (struct buf){0};
	uv_buf_t b = uv_buf_init((char *)s->bytes.data, (unsigned)s->bytes.len);
	int rc = uv_write(&s->req, (uv_stream_t *)c->tcp, &b, 1, on_written);
	if (rc == 0) {
		c->open++;
		return;
	}
	wipe(&s->bytes);
	free(s);
	fail_soon(c, rc);
}

/* --- connecting --------------------------------------------------------------------- */

static void on_connected(uv_connect_t *req, int status)
{
	struct rtsp_conn *c = req->data;

	if (!c->closing && status < 0) {
		drop_tcp(c);
		c->failure = status;
		try_next(c);
	} else if (!c->closing) {
		status = uv_read_start((uv_stream_t *)c->tcp, on_room, on_read);
		if (status < 0)
			fail(c, status);
		else
			c->events->connected(c->owner);
	}
	release(c);
}

static int begin_try(struct rtsp_conn *c, const struct addrinfo *to)
{
	uv_tcp_t *tcp = xcalloc(1, sizeof *tcp);
	int rc = uv_tcp_init(c->loop, tcp);

	if (rc < 0) {
		free(tcp);
		return rc;
	}
	tcp->data = c;
	c->tcp = tcp;
	c->open++;
	uv_tcp_nodelay(tcp, 1);
	c->connect.data = c;
	rc = uv_tcp_connect(&c->connect, tcp, to->ai_addr, on_connected);
	if (rc < 0)
		drop_tcp(c);
	else
		c->open++;
	return rc;
}

/* Tries the addresses that are left; the owner's time-out is over all of them. */
static void try_next(struct rtsp_conn *c)
{
	while (c->next) {
		const struct addrinfo *to = c->next;
		c->next = to->ai_next;
		int rc = begin_try(c, to);
		if (rc == 0)
			return;
		c->failure = rc;
	}
	fail_soon(c, c->failure);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct rtsp_conn *c = req->data;

	c->addresses = c->next = found;
	c->failure = status < 0 ? status : UV_EADDRNOTAVAIL;
	if (!c->closing)
		try_next(c);
	release(c);
}

/* An address in digits is understood here: the resolver's few threads may all hang in a sick name
 * server, and most cameras have no name. */
static bool numeric(struct rtsp_conn *c)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};

	if (getaddrinfo(c->host, c->port, &hints, &c->addresses) != 0)
		return false;
	c->next = c->addresses;
	return true;
}

struct rtsp_conn *rtsp_conn_create(uv_loop_t *loop, const char *host, uint16_t port,
				   const struct rtsp_conn_events *events, void *owner)
{
	struct rtsp_conn *c = xcalloc(1, sizeof *c);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};

	c->events = events;
	c->owner = owner;
	c->loop = loop;
	c->host = host;
	snprintf(c->port, sizeof c->port, "%u", port);
	rtsp_parse_init(&c->parse);
	REQUIRE(uv_timer_init(loop, &c->soon) == 0);
	c->soon.data = c;
	c->resolve.data = c;
	c->open = 1;
	if (numeric(c)) {
		try_next(c);
		return c;
	}
	int rc = uv_getaddrinfo(loop, &c->resolve, on_resolved, host, c->port, &hints);
	if (rc < 0)
		fail_soon(c, rc);
	else
		c->open++;
	return c;
}

void rtsp_conn_close(struct rtsp_conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	uv_cancel((uv_req_t *)&c->resolve); /* if it is waiting; else its answer is dropped */
	drop_tcp(c);
	uv_close((uv_handle_t *)&c->soon, on_soon_closed);
}
