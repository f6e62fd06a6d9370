#include "http_conn.h"

#include "base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (16u << 10)
#define LINGER_MS 2000
#define LINGER_BYTES (1u << 20)
#define SLOW_BYTES (16u << 10) /* who takes less of an answer in limits.idle_ms is cut */

/*   bytes     whole request        answer begun       last byte sent, keep alive
 *  READING ──────────────▶ HANDLING ─────────▶ SENDING ──────────▶ READING
 *     │ bad request: answered ─────────────────▲   │ last answer
 *     ▼                                            ▼
 *  CLOSING ◀── client left, time-out, abort ── LINGERING (what the client still sends is thrown
 *     │ last handle                                       away, so that it can read the answer)
 *     ▼
 *  CLOSED */
static const struct sm_state conn_states[] = {
	[CONN_READING]   = {"reading", SM_TO(CONN_HANDLING) | SM_TO(CONN_CLOSING)},
	[CONN_HANDLING]  = {"handling", SM_TO(CONN_SENDING) | SM_TO(CONN_CLOSING)},
	[CONN_SENDING]   = {"sending", SM_TO(CONN_READING) | SM_TO(CONN_LINGERING) | SM_TO(CONN_CLOSING)},
	[CONN_LINGERING] = {"lingering", SM_TO(CONN_CLOSING)},
	[CONN_CLOSING]   = {"closing", SM_TO(CONN_CLOSED)},
	[CONN_CLOSED]    = {"closed", 0},
};

static void advance(struct http_conn *c);

static const struct http_limits *limits(const struct http_conn *c)
{
	return &c->listener->server->limits;
}

/* --- closing --------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *h)
{
	struct http_conn *c = h->data;

	if (--c->open_handles > 0)
		return;
	if (c->polled >= 0)
		close(c->polled);
	sm_move(&c->sm, CONN_CLOSED);
	http_parser_finish(&c->parser);
	buf_finish(&c->in);
	http_server_conn_gone(c); /* frees c: last line */
}

static void drop_source(struct http_conn *c)
{
	struct http_source *s = c->source;

	c->source = NULL;
	if (s)
		s->destroy(s);
}

/* Whoever else has a descriptor of the socket. */
static void hang_up(struct http_conn *c)
{
	uv_os_fd_t fd;

	if (c->source && uv_fileno(&c->sock.handle, &fd) == 0)
		shutdown(fd, SHUT_RDWR);
}

int http_conn_poll(struct http_conn *c)
{
	int fd = http_socket(&c->x), rc = fd < 0 ? fd : uv_poll_init(c->listener->server->loop, &c->poll, fd);

	if (rc < 0) {
		if (fd >= 0)
			close(fd);
		return rc;
	}
	c->polled = fd;
	c->poll.data = c;
	c->open_handles++;
	return 0;
}

void http_conn_close(struct http_conn *c)
{
	int was = c->sm.now;

	if (was >= CONN_CLOSING)
		return;
	sm_move(&c->sm, CONN_CLOSING);
	if (was == CONN_HANDLING && c->x.on_gone)
		c->x.on_gone(&c->x);
	hang_up(c); /* a source may be sending */
	drop_source(c);
	if (c->polled >= 0)
		uv_close((uv_handle_t *)&c->poll, on_handle_closed);
	uv_close(&c->sock.handle, on_handle_closed);
	uv_close((uv_handle_t *)&c->timer, on_handle_closed);
}

void http_conn_retire(struct http_conn *c)
{
	c->last = true;
	if (c->sm.now == CONN_READING)
		http_conn_close(c);
}

static void on_shut(uv_shutdown_t *req, int status)
{
	(void)status;
	free(req);
}

static void linger(struct http_conn *c)
{
	uv_shutdown_t *req = xcalloc(1, sizeof *req);

	sm_move(&c->sm, CONN_LINGERING);
	if (uv_shutdown(req, &c->sock.stream, on_shut) < 0) {
		free(req);
		http_conn_close(c);
	}
}

static void read_off(struct http_conn *c)
{
	uv_read_stop(&c->sock.stream);
	c->reading = false;
}

/* --- time ------------------------------------------------------------------------------ */

static void refuse(struct http_conn *c, int status, const char *why)
{
	struct buf body = {0};

	read_off(c);
	sm_move(&c->sm, CONN_HANDLING);
	c->x.request.is_head = false;
	buf_printf(&body, "{\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n", http_status_text(status), status, why);
	http_close_after(&c->x);
	http_reply(&c->x, status, "application/problem+json", NULL, body.data, body.len);
	buf_finish(&body);
}

/* A byte now and then is no progress. What is left of the answer may be less. */
static bool is_slow(const struct http_conn *c, size_t queued)
{
	if (c->queued_before == SIZE_MAX)
		return false;
	uint64_t before = c->queued_before + c->left_before, now = queued + c->body_left;

	return before < now + (before < SLOW_BYTES ? before : SLOW_BYTES);
}

static void on_timer(uv_timer_t *t)
{
	struct http_conn *c = t->data;
	size_t queued = uv_stream_get_write_queue_size(&c->sock.stream);

	switch (c->sm.now) {
	case CONN_READING:
		if (c->timing_head && c->in.len == 0 && !c->parser.head_done)
			http_conn_close(c);
		else
			refuse(c, 408, "the request did not arrive in time");
		break;
	case CONN_SENDING:
		if ((queued > 0 || c->full) && is_slow(c, queued))
			http_conn_close(c);
		c->queued_before = queued;
		c->left_before = c->body_left;
		break;
	case CONN_LINGERING: http_conn_close(c); break;
	default: break;
	}
}

/* Time-outs of reading are not moved on by each byte, so that a slow sender gains nothing. */
static void time_reading(struct http_conn *c, unsigned ms, bool head)
{
	if (c->sm.now == CONN_READING && head && c->in.len == 0)
		c->waits_since_ms = uv_now(c->timer.loop);
	c->timing_head = head;
	uv_timer_start(&c->timer, on_timer, ms, 0);
}

/* --- reading ------------------------------------------------------------------------------ */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	struct http_conn *c = h->data;

	(void)suggested;
	buf_reserve(&c->in, READ_BYTES);
	*out = uv_buf_init((char *)c->in.data + c->in.len, READ_BYTES);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct http_conn *c = s->data;

	(void)b;
	if (n < 0) {
		http_conn_close(c);
		return;
	}
	if (c->sm.now == CONN_LINGERING) {
		c->lingered += (size_t)n;
		if (c->lingered > LINGER_BYTES)
			http_conn_close(c);
		return;
	}
	if (n > 0 && c->in.len == 0 && !c->parser.head_done)
		time_reading(c, limits(c)->head_ms, true);
	c->in.len += (size_t)n;
	advance(c);
}

static void read_on(struct http_conn *c)
{
	if (!c->reading && uv_read_start(&c->sock.stream, on_alloc, on_read) < 0) {
		http_conn_close(c);
		return;
	}
	c->reading = true;
}

static void hand_over(struct http_conn *c)
{
	struct http_server *s = c->listener->server;

	read_off(c);
	uv_timer_stop(&c->timer);
	sm_move(&c->sm, CONN_HANDLING);
	c->last = c->last || !c->parser.keep_alive;
	http_parser_request(&c->parser, &c->x.request);
	s->on_request(s->owner, &c->x);
}

static void say_continue(struct http_conn *c)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	char *copy = xstrdup(line);

	c->parser.expects = false;
	http_conn_send(c, copy, sizeof line - 1);
}

static void advance(struct http_conn *c)
{
	bool had_head = c->parser.head_done;
	enum http_parse got = http_parser_feed(&c->parser, &c->in);

	if (got == HTTP_PARSE_CONTINUE) {
		say_continue(c);
		if (c->sm.now != CONN_READING)
			return;
		got = http_parser_feed(&c->parser, &c->in);
	}
	switch (got) {
	case HTTP_PARSE_DONE: hand_over(c); break;
	case HTTP_PARSE_BAD:  refuse(c, c->parser.status, c->parser.why); break;
	default:
		if (!had_head && c->parser.head_done)
			time_reading(c, limits(c)->idle_ms, false);
		read_on(c);
	}
}

static void next_request(struct http_conn *c)
{
	sm_move(&c->sm, CONN_READING);
	http_parser_finish(&c->parser);
	http_parser_init(&c->parser, limits(c));
	c->x = (struct http_exchange){.peer = &c->peer};
	if (c->in.len == 0) {
		buf_finish(&c->in); /* an idle connection holds no memory */
		time_reading(c, limits(c)->idle_ms, true);
		read_on(c);
	} else {
		time_reading(c, limits(c)->head_ms, true);
		advance(c);
	}
}

/* --- writing -------------------------------------------------------------------------------- */

struct outgoing { uv_write_t req; void *data; };

static void on_written(uv_write_t *req, int status)
{
	struct outgoing *o = req->data;
	struct http_conn *c = (struct http_conn *)req->handle->data;

	free(o->data);
	free(o);
	c->writes--;
	if (status < 0)
		http_conn_close(c);
	else
		http_conn_sent(c);
}

void http_conn_send(struct http_conn *c, void *data, size_t len)
{
	struct outgoing *o = xcalloc(1, sizeof *o);
	uv_buf_t b = uv_buf_init(data, (unsigned)len);

	o->req.data = o;
	o->data = data;
	c->writes++;
	if (uv_write(&o->req, &c->sock.stream, &b, 1, on_written) < 0) {
		c->writes--;
		free(data);
		free(o);
		http_conn_close(c);
	}
}

void http_conn_answering(struct http_conn *c)
{
	sm_move(&c->sm, CONN_SENDING);
	c->queued_before = SIZE_MAX;
	c->left_before = UINT64_MAX;
	uv_timer_start(&c->timer, on_timer, limits(c)->idle_ms, limits(c)->idle_ms);
}

/* The answer is whole and gone: the next request, or the end. */
void http_conn_finish_answer(struct http_conn *c)
{
	drop_source(c);
	if (c->last) {
		linger(c);
		if (c->sm.now == CONN_LINGERING) {
			uv_timer_start(&c->timer, on_timer, LINGER_MS, 0);
			read_on(c);
		}
	} else {
		next_request(c);
	}
}

/* --- beginning --------------------------------------------------------------------------------- */

static struct http_address address_of(const uv_tcp_t *tcp, char *text, size_t room)
{
	struct sockaddr_storage peer = {0};
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&peer;
	struct http_address a = {0};
	int len = sizeof peer;

	if (uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &len) < 0)
		return a;
	a.bytes[0] = (uint8_t)peer.ss_family;
	if (peer.ss_family == AF_INET)
		uv_ip4_name((const struct sockaddr_in *)&peer, text, room);
	else
		uv_ip6_name(six, text, room);
	if (peer.ss_family == AF_INET)
		memcpy(a.bytes + 1, &((struct sockaddr_in *)&peer)->sin_addr, 4);
	else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		memcpy(a.bytes + 1, six->sin6_addr.s6_addr + 12, 4);
	else
		memcpy(a.bytes + 1, &six->sin6_addr, 8);
	return a;
}

static void identify(struct http_conn *c)
{
	struct ucred cred;
	socklen_t len = sizeof cred;
	uv_os_fd_t fd;

	if (c->sock.handle.type != UV_NAMED_PIPE) {
		c->address = address_of(&c->sock.tcp, c->peer.from, sizeof c->peer.from);
		return;
	}
	c->peer = (struct http_peer){.is_unix = true, .uid = UINT32_MAX, .gid = UINT32_MAX};
	if (uv_fileno(&c->sock.handle, &fd) == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0) {
		c->peer.uid = cred.uid;
		c->peer.gid = cred.gid;
		c->peer.pid = cred.pid;
		c->address.bytes[0] = AF_UNIX;
		snprintf(c->peer.from, sizeof c->peer.from, "uid:%u", (unsigned)cred.uid);
		memcpy(c->address.bytes + 1, &cred.uid, sizeof cred.uid);
	}
}

static int handles_open(struct http_conn *c, struct http_listener *l)
{
	uv_loop_t *loop = l->server->loop;
	int rc = uv_timer_init(loop, &c->timer);

	if (rc == 0 && l->path)
		rc = uv_pipe_init(loop, &c->sock.pipe, 0);
	else if (rc == 0)
		rc = uv_tcp_init(loop, &c->sock.tcp);
	c->timer.data = c->sock.handle.data = c;
	c->open_handles = 2;
	return rc;
}

void http_conn_accept(struct http_listener *l)
{
	struct http_server *s = l->server;
	struct http_conn *c = xcalloc(1, sizeof *c);

	c->listener = l;
	c->polled = -1;
	c->next = s->conns;
	s->conns = c;
	l->connections++;
	snprintf(c->name, sizeof c->name, "http-%u", ++s->accepted);
	sm_init(&c->sm, conn_states, c->name, CONN_READING);
	http_parser_init(&c->parser, &s->limits);
	c->x.peer = &c->peer;
	handles_open(c, l);
	if (uv_accept(&l->sock.stream, &c->sock.stream) < 0) {
		http_conn_close(c);
		return;
	}
	identify(c);
	c->waits_since_ms = uv_now(s->loop);
	if (!http_room_make(c)) {
		http_conn_close(c);
		return;
	}
	if (!l->path)
		uv_tcp_nodelay(&c->sock.tcp, 1);
	time_reading(c, s->limits.head_ms, true);
	read_on(c);
}
