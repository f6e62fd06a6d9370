#include "base/log.h"
#include "base/require.h"
#include "http_conn.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 511
#define BURST 16 /* newcomers in one turn of the loop: a crowd must not keep it from those who are in */

const struct http_limits http_limits_default = {
	.head_bytes = 16 << 10, .body_bytes = 64 << 10, .connections = 512, .per_address = 96, .strangers = 256, .head_ms = 10000, .idle_ms = 30000,
};

/* --- closing --------------------------------------------------------------------- */

static void maybe_closed(struct http_server *s)
{
	if (!s->closing || s->listeners || s->conns)
		return;
	http_closed_fn *cb = s->on_closed;
	void *owner = s->owner;

	free(s);
	if (cb)
		cb(owner);
}

/* A listener's memory goes with its last connection. */
static void listener_reap(struct http_listener *l)
{
	struct http_server *s = l->server;

	if (l->open_handles || l->connections)
		return;
	for (struct http_listener **at = &s->listeners; *at; at = &(*at)->next)
		if (*at == l) {
			*at = l->next;
			break;
		}
	free(l->path);
	free(l);
	maybe_closed(s);
}

void http_server_conn_gone(struct http_conn *c)
{
	struct http_listener *l = c->listener;
	struct http_server *s = l->server;

	for (struct http_conn **at = &s->conns; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	free(c);
	l->connections--;
	if (!l->open_handles)
		listener_reap(l);
}

static void on_listener_closed(uv_handle_t *h)
{
	struct http_listener *l = h->data;

	l->open_handles--;
	listener_reap(l);
}

void http_listener_close(struct http_listener *l)
{
	struct http_conn *next;

	if (l->closing)
		return;
	l->closing = true;
	for (struct http_conn *c = l->server->conns; c; c = next) {
		next = c->next;
		if (c->listener == l)
			http_conn_retire(c);
	}
	uv_close((uv_handle_t *)&l->next_turn, on_listener_closed);
	uv_close(&l->sock.handle, on_listener_closed);
}

void http_server_close(struct http_server *s, http_closed_fn *on_closed)
{
	s->closing = true;
	s->on_closed = on_closed;
	for (struct http_conn *c = s->conns; c; c = c->next)
		http_conn_close(c);
	if (!s->listeners) {
		maybe_closed(s);
		return;
	}
	for (struct http_listener *l = s->listeners; l; l = l->next)
		http_listener_close(l);
}

/* --- listening ---------------------------------------------------------------------- */

int http_server_create(uv_loop_t *loop, const struct http_limits *limits, http_request_fn *on_request, void *owner,
		       struct http_server **out)
{
	struct http_server *s = xcalloc(1, sizeof *s);

	signal(SIGPIPE, SIG_IGN); /* libuv leaves it to us: a client that left must not end the process */
	s->loop = loop;
	s->limits = limits ? *limits : http_limits_default;
	http_room_fit(&s->limits);
	s->on_request = on_request;
	s->owner = owner;
	*out = s;
	return 0;
}

static void on_next_turn(uv_timer_t *t)
{
	struct http_listener *l = t->data;

	l->burst = 0;
	if (!l->waits || l->closing)
		return;
	l->waits = false;
	l->burst = 1;
	uv_timer_start(&l->next_turn, on_next_turn, 0, 0);
	http_conn_accept(l);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct http_listener *l = stream->data;

	if (status < 0 || l->closing)
		return;
	if (l->burst == 0)
		uv_timer_start(&l->next_turn, on_next_turn, 0, 0);
	if (l->burst < BURST) {
		l->burst++;
		http_conn_accept(l);
	} else {
		l->waits = true; /* libuv brings no more until this one is accepted */
	}
}

static struct http_listener *listener_add(struct http_server *s, const char *path)
{
	struct http_listener *l = xcalloc(1, sizeof *l);

	l->server = s;
	l->path = path ? xstrdup(path) : NULL;
	REQUIRE((path ? uv_pipe_init(s->loop, &l->sock.pipe, 0) : uv_tcp_init(s->loop, &l->sock.tcp)) == 0);
	REQUIRE(uv_timer_init(s->loop, &l->next_turn) == 0);
	l->sock.handle.data = l->next_turn.data = l;
	l->open_handles = 2;
	l->next = s->listeners;
	s->listeners = l;
	return l;
}

static int listener_fail(struct http_listener *l, int rc, struct err *e, const char *what)
{
	http_listener_close(l);
	return err_set(e, rc, "listen on %s: %s", what, uv_strerror(rc));
}

int http_listen_tcp(struct http_server *s, const char *host, uint16_t port, struct http_listener **out, struct err *e)
{
	struct sockaddr_storage addr;
	char what[80];
	int rc = uv_ip4_addr(host, port, (struct sockaddr_in *)&addr);

	snprintf(what, sizeof what, "%.60s:%u", host, port);
	if (rc < 0)
		rc = uv_ip6_addr(host, port, (struct sockaddr_in6 *)&addr);
	if (rc < 0)
		return err_set(e, -EINVAL, "listen on %s: the host must be an IP address", what);
	struct http_listener *l = listener_add(s, NULL);
	rc = uv_tcp_bind(&l->sock.tcp, (struct sockaddr *)&addr, 0);
	if (rc == 0)
		rc = uv_listen(&l->sock.stream, BACKLOG, on_connection);
	if (rc < 0)
		return listener_fail(l, rc, e, what);
	*out = l;
	return 0;
}

int http_listen_unix(struct http_server *s, const char *path, struct http_listener **out, struct err *e)
{
	if (strlen(path) >= sizeof((struct sockaddr_un){0}.sun_path))
		return err_set(e, -ENAMETOOLONG, "listen on %.120s: a socket's path has at most 107 bytes", path);
	struct http_listener *l = listener_add(s, path);
	unlink(path); /* left by a process that was killed */
	mode_t before = umask(0177);
	int rc = uv_pipe_bind(&l->sock.pipe, path);
	umask(before);
	if (rc == 0)
		rc = uv_listen(&l->sock.stream, BACKLOG, on_connection);
	if (rc < 0)
		return listener_fail(l, rc, e, path);
	*out = l;
	return 0;
}

uint16_t http_listener_port(const struct http_listener *l)
{
	struct sockaddr_storage addr = {0};
	int len = sizeof addr;

	if (l->path || uv_tcp_getsockname(&l->sock.tcp, (struct sockaddr *)&addr, &len) < 0)
		return 0;
	return addr.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&addr)->sin6_port)
					  : ntohs(((struct sockaddr_in *)&addr)->sin_port);
}
