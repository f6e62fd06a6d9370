/* How a role comes by its ends of channels: the supervisor sends them, one a packet, with the name of who has the other end. A
 * role sends one thing back this way, when it has confined itself: the listener of its seccomp filter (daemon/refusals.h).
 *
 * Threads: loop thread. Memory: the caller's. Errors: 0 or -errno. */
#pragma once
#include "base/channel.h"

struct handover {
	uv_poll_t poll;
	int fd;
	/* It owns the descriptor from now on. */
	void (*take)(void *owner, enum channel_role other, int end);
	void *owner;
	bool open;
};

/* The supervisor's side: [0] stays, [1] is the role's. */
int handover_pair(int fds[2]);
/* 1 and the descriptor that the role sent; 0: not yet, or negative. Ask no more after that: what else it sends is not read. */
int handover_receive_listener(int fd, int *listener);
/* The descriptor stays the caller's. -EAGAIN: the role does not take what it is given. */
int handover_send(int fd, enum channel_role other, int end);

/* The role's side. */
int handover_open(struct handover *h, uv_loop_t *loop, int fd);
void handover_close(struct handover *h);
