/* A raw HTTP client for tests, which runs the server's loop while it waits. */
#pragma once
#include "base/buf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#define CLIENT_PATIENCE_MS 20000

struct client { int fd; uv_loop_t *loop; struct buf got; bool eof; };

static inline void client_tcp(struct client *c, uv_loop_t *loop, uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};

	*c = (struct client){.loop = loop, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&addr, sizeof addr), 0);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static inline void client_unix(struct client *c, uv_loop_t *loop, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	*c = (struct client){.loop = loop, .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	strncpy(addr.sun_path, path, sizeof addr.sun_path - 1);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&addr, sizeof addr), 0);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

/* One turn of the loop; waits until the loop or the socket has something, at most 50 ms. */
static inline void client_turn(struct client *c)
{
	struct pollfd fds[2] = {{c->fd, POLLIN, 0}, {uv_backend_fd(c->loop), POLLIN, 0}};
	uint8_t bytes[65536];
	ssize_t n;

	uv_run(c->loop, UV_RUN_NOWAIT);
	int wait = uv_backend_timeout(c->loop);
	poll(fds, c->eof ? 1 : 2, wait < 0 || wait > 50 ? 50 : wait);
	uv_run(c->loop, UV_RUN_NOWAIT);
	while (!c->eof && (n = recv(c->fd, bytes, sizeof bytes, 0)) >= 0) {
		if (n == 0)
			c->eof = true;
		else
			buf_add(&c->got, bytes, (size_t)n);
	}
	if (!c->eof && errno != EAGAIN && errno != EINTR)
		c->eof = true;
}

static inline void client_send(struct client *c, const void *data, size_t len)
{
	const char *p = data;

	while (len && !c->eof) {
		ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else {
			client_turn(c);
		}
	}
}

static inline void client_say(struct client *c, const char *text) { client_send(c, text, strlen(text)); }

static inline const char *client_text(struct client *c)
{
	buf_add(&c->got, "", 1);
	c->got.len--;
	return (const char *)c->got.data;
}

static inline void client_await_eof(struct client *c)
{
	for (uint64_t end = uv_hrtime() / 1000000 + CLIENT_PATIENCE_MS; !c->eof;) {
		assert_true(uv_hrtime() / 1000000 < end);
		client_turn(c);
	}
}

/* Waits for a whole answer, head and counted body; returns its status. is_head: no body follows. */
static inline int client_answer(struct client *c, bool is_head)
{
	uint64_t end = uv_hrtime() / 1000000 + CLIENT_PATIENCE_MS;

	for (;;) {
		const char *text = client_text(c), *stop = strstr(text, "\r\n\r\n");
		const char *length = stop ? strcasestr(text, "content-length: ") : NULL;
		size_t body = length && length < stop && !is_head ? strtoul(length + 16, NULL, 10) : 0;
		if (stop && c->got.len >= (size_t)(stop - text) + 4 + body)
			return atoi(text + 9);
		if (c->eof)
			return stop ? -1 : 0;
		assert_true(uv_hrtime() / 1000000 < end);
		client_turn(c);
	}
}

static inline const char *client_body(struct client *c)
{
	const char *stop = strstr(client_text(c), "\r\n\r\n");

	return stop ? stop + 4 : "";
}

static inline size_t client_body_len(struct client *c)
{
	const char *text = client_text(c), *stop = strstr(text, "\r\n\r\n");

	return stop ? c->got.len - (size_t)(stop + 4 - text) : 0;
}

/* Makes room for the next answer; what came already is kept. */
static inline void client_next(struct client *c, bool is_head)
{
	const char *text = client_text(c), *stop = strstr(text, "\r\n\r\n");
	const char *length = strcasestr(text, "content-length: ");
	size_t body = length && length < stop && !is_head ? strtoul(length + 16, NULL, 10) : 0;

	buf_drop_front(&c->got, (size_t)(stop - text) + 4 + body);
}

static inline void client_finish(struct client *c)
{
	close(c->fd);
	buf_finish(&c->got);
}
