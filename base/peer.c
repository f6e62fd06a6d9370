#include "peer.h"

#include "log.h"

#include <stdlib.h>

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
	if (!msg_encode(&o->bytes, msg)) {
		log_warn("peer", "type=%.40s text=\"longer than a message may be: not sent\"", msg_type(msg));
		on_written(&o->req, 0);
		return;
	}
	uv_buf_t b = uv_buf_init((char *)o->bytes.data, (unsigned)o->bytes.len);
	if (uv_write(&o->req, (uv_stream_t *)&p->pipe, &b, 1, on_written) < 0)
		on_written(&o->req, 0);
}
