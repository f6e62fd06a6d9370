/* Messages over a connected socket that was handed to this process: one end of a pair.
 *
 * A peer that does not read is dropped when PEER_QUEUE_MAX_BYTES wait for it.
 *
 * Threads: loop thread only.
 * Memory:  caller's memory; free only in or after the closed callback. */
#pragma once
#include "buf.h"
#include "msg.h"

#include <stdbool.h>
#include <uv.h>

#define PEER_QUEUE_MAX_BYTES (8u << 20)

struct peer {
	uv_pipe_t pipe;
	struct buf in;
	void (*on_msg)(struct peer *p, json_t *msg); /* msg is borrowed for the call */
	void (*on_gone)(struct peer *p);             /* closed; last use of p */
	void *owner;
	bool closing;
};
/* Takes over an open, connected fd (supervisor's socket pair). */
int peer_open(struct peer *p, uv_loop_t *loop, int fd);
void peer_send(struct peer *p, const json_t *msg); /* msg is borrowed */
void peer_close(struct peer *p);                   /* on_gone follows */
