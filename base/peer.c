#include "peer.h"

#include "log.h"
#include "require.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_PATH_MAX sizeof((struct sockaddr_un){0}.sun_path)

/* --- one connection ---------------------------------------------------------- */

static void on_peer_closed(uv_handle_t *h)
{
	struct peer *p = h->data;

	buf_finish(&p->in);
	if (p->on_gone)
		p->on_gone(p); /* may free p: last line */
}

void peer_close(struct peer *p)
{
	if (p->closing)
		return;
	p->closing = true;
	uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	struct peer *p = h->data;

	(void)suggested;
	buf_reserve(&p->in, 16 << 10);
	*out = uv_buf_init((char *)p->in.data + p->in.len, 16 << 10);
}

static void take_messages(struct peer *p)
{
	json_t *msg;
	int rc = 0;

	while (!p->closing && (rc = msg_take(&p->in, &msg)) == 1) {
		if (p->on_msg)
			p->on_msg(p, msg);
		json_decref(msg);
	}
	if (rc < 0) {
		log_warn("peer", "text=\"not a message; connection dropped\"");
		peer_close(p);
	}
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct peer *p = s->data;

	(void)b;
	if (n < 0) {
		peer_close(p);
		return;
	}
	p->in.len += (size_t)n;
	take_messages(p);
}

static int peer_begin(struct peer *p)
{
	p->pipe.data = p;
	return uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read);
}

int peer_open(struct peer *p, uv_loop_t *loop, int fd)
{
	int rc = uv_pipe_init(loop, &p->pipe, 0);

	if (rc == 0)
		rc = uv_pipe_open(&p->pipe, fd);
	return rc < 0 ? rc : peer_begin(p);
}

struct outgoing { uv_write_t req; struct buf bytes; };

static void on_written(uv_write_t *req, int status)
{
	struct outgoing *o = req->data;

	(void)status; /* a broken pipe shows in the reader as well */
	buf_finish(&o->bytes);
	free(o);
}

void peer_send(struct peer *p, const json_t *msg)
{
	if (p->closing)
		return;
	if (uv_stream_get_write_queue_size((uv_stream_t *)&p->pipe) > PEER_QUEUE_MAX_BYTES) {
		log_warn("peer", "text=\"does not read; connection dropped\"");
		peer_close(p);
		return;
	}
	struct outgoing *o = xcalloc(1, sizeof *o);
	o->req.data = o;
	msg_encode(&o->bytes, msg);
	uv_buf_t b = uv_buf_init((char *)o->bytes.data, (unsigned)o->bytes.len);
	if (uv_write(&o->req, (uv_stream_t *)&p->pipe, &b, 1, on_written) < 0)
		on_written(&o->req, 0);
}

/* --- listening --------------------------------------------------------------- */

static void hub_maybe_closed(struct hub *h)
{
	if (h->closing && h->listener_closed && !h->peers && h->on_closed)
		h->on_closed(h);
}

static void on_hub_peer_gone(struct peer *p)
{
	struct hub *h = p->owner;

	for (struct peer **at = &h->peers; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	free(p);
	hub_maybe_closed(h);
}

static void on_hub_msg(struct peer *p, json_t *msg)
{
	struct hub *h = p->owner;

	h->on_msg(h, p, msg);
}

static void on_connection(uv_stream_t *s, int status)
{
	struct hub *h = s->data;

	if (status < 0)
		return;
	struct peer *p = xcalloc(1, sizeof *p);
	p->owner = h;
	p->on_msg = on_hub_msg;
	p->on_gone = on_hub_peer_gone;
	p->next = h->peers;
	h->peers = p;
	uv_pipe_init(s->loop, &p->pipe, 0);
	p->pipe.data = p;
	if (uv_accept(s, (uv_stream_t *)&p->pipe) < 0 || peer_begin(p) < 0)
		peer_close(p);
	else if (h->on_join)
		h->on_join(h, p);
}

int hub_listen(struct hub *h, uv_loop_t *loop, const char *path)
{
	if (strlen(path) >= SOCKET_PATH_MAX)
		return -ENAMETOOLONG; /* libuv would cut it silently */
	mode_t before = umask(0077);
	int rc = uv_pipe_init(loop, &h->listener, 0);

	REQUIRE(rc == 0);
	h->listener.data = h;
	unlink(path); /* left by a process that was killed; who may listen here is decided by the folder's mode */
	rc = uv_pipe_bind(&h->listener, path);
	umask(before);
	return rc < 0 ? rc : uv_listen((uv_stream_t *)&h->listener, 16, on_connection);
}

void hub_broadcast(struct hub *h, const json_t *msg)
{
	struct peer *next;

	for (struct peer *p = h->peers; p; p = next) {
		next = p->next;
		peer_send(p, msg);
	}
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct hub *h = handle->data;

	h->listener_closed = true;
	hub_maybe_closed(h);
}

void hub_close(struct hub *h)
{
	if (h->closing)
		return;
	h->closing = true;
	for (struct peer *p = h->peers; p; p = p->next)
		peer_close(p);
	uv_close((uv_handle_t *)&h->listener, on_listener_closed);
}

/* --- dialling ---------------------------------------------------------------- */

static void dial(struct link *l);

static void link_maybe_closed(struct link *l)
{
	if (!l->closing || l->peer || !l->retry_closed)
		return;
	free(l->path);
	l->path = NULL;
	if (l->on_closed)
		l->on_closed(l);
}

static void on_retry(uv_timer_t *t)
{
	dial(t->data);
}

static void on_link_gone(struct peer *p)
{
	struct link *l = p->owner;
	bool was_up = p->on_msg != NULL;

	free(p);
	l->peer = NULL;
	if (was_up && l->on_down && !l->closing)
		l->on_down(l);
	if (!l->closing)
		uv_timer_start(&l->retry, on_retry, LINK_RETRY_MS, 0);
	link_maybe_closed(l);
}

static void on_link_msg(struct peer *p, json_t *msg)
{
	struct link *l = p->owner;

	if (l->on_msg)
		l->on_msg(l, msg);
}

static void on_dialled(uv_connect_t *req, int status)
{
	struct link *l = req->data;
	struct peer *p = l->peer;

	if (p->closing)
		return;
	if (status < 0 || peer_begin(p) < 0) {
		peer_close(p);
		return;
	}
	p->on_msg = on_link_msg; /* from here on it counts as up */
	if (l->on_up)
		l->on_up(l);
}

static void dial(struct link *l)
{
	struct peer *p = xcalloc(1, sizeof *p);

	p->owner = l;
	p->on_gone = on_link_gone;
	l->peer = p;
	uv_pipe_init(l->loop, &p->pipe, 0);
	p->pipe.data = p;
	l->connect.data = l;
	uv_pipe_connect(&l->connect, &p->pipe, l->path, on_dialled);
}

int link_open(struct link *l, uv_loop_t *loop, const char *path)
{
	if (strlen(path) >= SOCKET_PATH_MAX)
		return -ENAMETOOLONG;
	l->loop = loop;
	l->path = xstrdup(path);
	int rc = uv_timer_init(loop, &l->retry);
	if (rc < 0)
		return rc;
	l->retry.data = l;
	dial(l);
	return 0;
}

bool link_send(struct link *l, const json_t *msg)
{
	if (!l->peer || !l->peer->on_msg || l->peer->closing)
		return false;
	peer_send(l->peer, msg);
	return true;
}

static void on_retry_closed(uv_handle_t *h)
{
	struct link *l = h->data;

	l->retry_closed = true;
	link_maybe_closed(l);
}

void link_close(struct link *l)
{
	if (l->closing)
		return;
	l->closing = true;
	if (l->peer)
		peer_close(l->peer);
	uv_close((uv_handle_t *)&l->retry, on_retry_closed);
}
