#include "rtsp_conn.h"

#include "rtsp_dial.h"
#include "rtsp_tls.h"

#include "base/lang.h"
#include "base/require.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CIPHER_ROOM_BYTES 65536

/* A socket is read into it and decrypted at once, so that one serves all connections of the loop. */
static uint8_t cipher_room[CIPHER_ROOM_BYTES];

struct rtsp_conn {
	const struct rtsp_conn_events *events;
	void *owner;
	struct rtsp_dial *dial;    /* until it has told its end */
	uv_tcp_t *tcp;             /* its own memory, as it came from the dial */
	struct rtsp_tls *tls;      /* NULL: plain */
	bool connected;            /* told: with TLS, after the camera was known */
	uv_timer_t soon;           /* tells a failure that happened inside a call of the owner */
	int failure;               /* what `soon` tells, */
	struct err refusal;        /* or this, if it has a code */
	struct rtsp_parse parse;
	unsigned open;             /* handles and requests that will still call back */
	bool failed;               /* told, or about to be: nothing is read any more */
	bool closing;
};

/* --- the end ---------------------------------------------------------------- */

static void release(struct rtsp_conn *c)
{
	if (--c->open > 0 || !c->closing)
		return;
	void (*closed)(void *) = c->events->closed;
	void *owner = c->owner;

	rtsp_parse_finish(&c->parse);
	rtsp_tls_destroy(c->tls);
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

static void stop_reading(struct rtsp_conn *c)
{
	c->failed = true;
	if (c->tcp)
		uv_read_stop((uv_stream_t *)c->tcp);
}

static void fail(struct rtsp_conn *c, int code)
{
	char detail[200];

	stop_reading(c);
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

	if (c->refusal.code)
		c->events->failed(c->owner, true, c->refusal.text);
	else
		fail(c, c->failure);
}

static void fail_soon(struct rtsp_conn *c, int code)
{
	if (c->closing || c->failed)
		return;
	c->failure = code;
	stop_reading(c);
	uv_timer_start(&c->soon, on_soon, 0, 0);
}

/* What came is not what we talk to. */
static void refuse(struct rtsp_conn *c, const char *detail)
{
	stop_reading(c);
	c->events->failed(c->owner, true, detail);
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

/* Takes the bytes over. */
static void write_bytes(struct rtsp_conn *c, struct buf *bytes)
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

/* --- items ---------------------------------------------------------------------- */

static void hand_out(struct rtsp_conn *c)
{
	enum rtsp_parse_result got = RTSP_PARSE_MORE;
	struct rtsp_item item;
	struct err e;

	while (!c->closing && (got = rtsp_parse_next(&c->parse, &item, &e)) == RTSP_PARSE_ITEM)
		c->events->item(c->owner, &item);
	if (!c->closing && got == RTSP_PARSE_BAD)
		refuse(c, e.text);
}

/* --- reading through TLS -------------------------------------------------------- */

static void send_cipher(struct rtsp_conn *c)
{
	struct buf *out = rtsp_tls_output(c->tls);

	if (out->len > 0 && !c->closing)
		write_bytes(c, out);
}

static void shake(struct rtsp_conn *c)
{
	struct err e;
	enum rtsp_tls_result got = rtsp_tls_shake(c->tls, &e);

	send_cipher(c); /* an alert too: the camera may say in its log what we do not like */
	if (c->closing)
		return;
	c->connected = got == RTSP_TLS_DONE;
	if (c->connected)
		c->events->connected(c->owner);
	else if (got == RTSP_TLS_BAD)
		refuse(c, e.text);
}

static void take_cipher(struct rtsp_conn *c, size_t n)
{
	enum rtsp_tls_result got = RTSP_TLS_DONE;
	struct err e;

	rtsp_tls_feed(c->tls, cipher_room, n);
	if (!c->connected)
		shake(c);
	while (!c->closing && !c->failed && c->connected && got == RTSP_TLS_DONE) {
		size_t room, len;
		uint8_t *at = rtsp_parse_room(&c->parse, &room);
		got = rtsp_tls_read(c->tls, at, room, &len, &e);
		rtsp_parse_filled(&c->parse, len);
		if (len > 0)
			hand_out(c);
	}
	if (c->closing || c->failed)
		return;
	send_cipher(c); /* what the protocol itself answers, such as a new key */
	if (got == RTSP_TLS_ENDED)
		fail(c, UV_EOF);
	else if (got == RTSP_TLS_BAD)
		refuse(c, e.text);
}

/* --- reading ---------------------------------------------------------------------- */

static void on_room(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
	struct rtsp_conn *c = h->data;
	size_t room;

	(void)hint;
	if (c->tls) {
		*out = uv_buf_init((char *)cipher_room, sizeof cipher_room);
		return;
	}
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
		fail(c, (int)n);
	} else if (c->tls) {
		take_cipher(c, (size_t)n);
	} else {
		rtsp_parse_filled(&c->parse, (size_t)n);
		hand_out(c);
	}
}

/* --- connecting --------------------------------------------------------------------- */

static void on_dialled(void *owner, uv_tcp_t *tcp, int status)
{
	struct rtsp_conn *c = owner;

	c->dial = NULL;
	if (!tcp) {
		fail(c, status);
		return;
	}
	tcp->data = c;
	c->tcp = tcp;
	c->open++;
	status = uv_read_start((uv_stream_t *)tcp, on_room, on_read);
	if (status < 0) {
		fail(c, status);
	} else if (c->tls) {
		shake(c);
	} else {
		c->connected = true;
		c->events->connected(c->owner);
	}
}

struct rtsp_conn *rtsp_conn_create(uv_loop_t *loop, const struct rtsp_url *to, const struct rtsp_target *target,
				   const struct rtsp_conn_events *events, void *owner)
{
	struct rtsp_conn *c = xcalloc(1, sizeof *c);
	const struct rtsp_tls_conf tls = {to->host, target->tls_ca, target->tls_pin};

	*c = (struct rtsp_conn){.events = events, .owner = owner, .open = 1};
	rtsp_parse_init(&c->parse);
	REQUIRE(uv_timer_init(loop, &c->soon) == 0);
	c->soon.data = c;
	if (to->tls && rtsp_tls_create(&tls, &c->tls, &c->refusal) < 0)
		uv_timer_start(&c->soon, on_soon, 0, 0);
	else
		c->dial = rtsp_dial_create(loop, to->host, to->port, on_dialled, c);
	return c;
}

void rtsp_conn_send(struct rtsp_conn *c, struct buf *bytes)
{
	if (!c->tls) {
		write_bytes(c, bytes);
		return;
	}
	int rc = rtsp_tls_write(c->tls, bytes->data, bytes->len);
	wipe(bytes);
	if (rc < 0)
		fail_soon(c, UV_EIO);
	else
		send_cipher(c);
}

int rtsp_conn_addresses(const struct rtsp_conn *c, struct sockaddr_storage *local,
			struct sockaddr_storage *camera)
{
	int size = sizeof *local;

	if (!c->tcp)
		return UV_ENOTCONN;
	int rc = uv_tcp_getsockname(c->tcp, (struct sockaddr *)local, &size);
	size = sizeof *camera;
	return rc < 0 ? rc : uv_tcp_getpeername(c->tcp, (struct sockaddr *)camera, &size);
}

void rtsp_conn_close(struct rtsp_conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (c->dial)
		rtsp_dial_cancel(c->dial);
	drop_tcp(c);
	uv_close((uv_handle_t *)&c->soon, on_soon_closed);
}
