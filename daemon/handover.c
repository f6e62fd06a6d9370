#include "daemon/handover.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control { struct cmsghdr head; char bytes[CMSG_SPACE(sizeof(int))]; };

int handover_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	return 0;
}

int handover_send(int fd, enum channel_role other, int end)
{
	union control control = {0};
	uint8_t name = (uint8_t)other;
	struct iovec iov = {&name, sizeof name};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof end);
	memcpy(CMSG_DATA(c), &end, sizeof end);
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* 1: *other and *end; 0: none waits; -EPIPE: the supervisor is gone. */
static int receive(int fd, enum channel_role *other, int *end)
{
	union control control;
	uint8_t name = CHANNEL_ROLES;
	struct iovec iov = {&name, sizeof name};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof *end))
		return -EPIPE;
	memcpy(end, CMSG_DATA(c), sizeof *end);
	*other = name;
	return 1;
}

int handover_receive_listener(int fd, int *listener)
{
	enum channel_role self;
	int rc = receive(fd, &self, listener);

	if (rc != 0)
		shutdown(fd, SHUT_RD);
	return rc;
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct handover *h = p->data;
	enum channel_role other;
	int end, rc = status < 0 ? -EPIPE : 0;

	(void)events;
	if (rc == 0)
		rc = receive(h->fd, &other, &end);
	if (rc > 0 && other < CHANNEL_ROLES)
		h->take(h->owner, other, end); /* may close h; the next one makes it readable again */
	else if (rc > 0)
		close(end);
	else if (rc < 0)
		uv_poll_stop(p); /* the channel to the supervisor ends as well, and with it the role */
}

int handover_open(struct handover *h, uv_loop_t *loop, int fd)
{
	int rc = uv_poll_init(loop, &h->poll, fd);

	if (rc < 0)
		return rc;
	h->fd = fd;
	h->open = true;
	h->poll.data = h;
	return uv_poll_start(&h->poll, UV_READABLE, on_readable);
}

static void on_closed(uv_handle_t *p)
{
	struct handover *h = p->data;

	close(h->fd);
}

void handover_close(struct handover *h)
{
	if (!h->open)
		return;
	h->open = false;
	uv_close((uv_handle_t *)&h->poll, on_closed);
}
