#include "control.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 8

struct control_client {
	struct control *owner;
	struct control_client *prev, *next;
	uv_pipe_t pipe;
	char line[CONTROL_LINE_MAX];
	size_t len;
	bool closing;
	char room[CONTROL_LINE_MAX];
};

/* --- clients ---------------------------------------------------------------------- */

static void on_client_closed(uv_handle_t *h)
{
	struct control_client *c = h->data;

	if (c->prev)
		c->prev->next = c->next;
	else
		c->owner->clients = c->next;
	if (c->next)
		c->next->prev = c->prev;
	free(c);
}

static void close_client(struct control_client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

/* An answer is a short line to somebody who waits for it: one who does not take it at
 * once has not read the ones before, and is left. */
static void answer_line(struct control_client *c)
{
	struct buf answer = {0};

	c->line[c->len] = '\0';
	c->len = 0;
	control_execute(c->owner->server, c->line, &answer);
	buf_add_text(&answer, "\n");
	uv_buf_t b = uv_buf_init((char *)answer.data, (unsigned)answer.len);
	if (uv_try_write((uv_stream_t *)&c->pipe, &b, 1) != (int)answer.len)
		close_client(c);
	buf_finish(&answer);
}

static void read_some(struct control_client *c, const char *data, size_t len)
{
	for (size_t i = 0; i < len && !c->closing; i++) {
		if (data[i] == '\n')
			answer_line(c);
		else if (c->len + 1 < sizeof c->line && data[i] != '\0')
			c->line[c->len++] = data[i];
		else
			close_client(c);
	}
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct control_client *c = h->data;

	(void)suggested;
	*b = uv_buf_init(c->room, sizeof c->room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct control_client *c = stream->data;

	if (n < 0)
		close_client(c);
	else
		read_some(c, b->base, (size_t)n);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct control *ctl = listener->data;

	if (status < 0)
		return;
	struct control_client *c = xcalloc(1, sizeof *c);
	uv_pipe_init(listener->loop, &c->pipe, 0);
	c->owner = ctl;
	c->pipe.data = c;
	c->next = ctl->clients;
	if (c->next)
		c->next->prev = c;
	ctl->clients = c;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0 ||
	    uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) < 0)
		close_client(c);
}

/* --- lifetime --------------------------------------------------------------------- */

static void remove_old_socket(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
}

int control_listen(struct control *ctl, const char *path, struct err *e)
{
	int rc = uv_pipe_init(ctl->server->loop, &ctl->pipe, 0);
	if (rc < 0)
		return err_set(e, rc, "control socket: %s", uv_strerror(rc));
	ctl->pipe.data = ctl;
	ctl->listening = true;
	remove_old_socket(path);
	rc = uv_pipe_bind(&ctl->pipe, path);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&ctl->pipe, BACKLOG, on_connection);
	return rc < 0 ? err_set(e, rc, "control socket %s: %s", path, uv_strerror(rc)) : 0;
}

void control_close(struct control *ctl)
{
	if (ctl->listening)
		uv_close((uv_handle_t *)&ctl->pipe, NULL);
	ctl->listening = false;
	for (struct control_client *c = ctl->clients; c; c = c->next)
		close_client(c);
}
