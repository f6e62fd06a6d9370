/* Both ends of a message connection over a Unix socket (or an inherited fd).
 *
 * A hub listens and has many peers; a link dials one hub and dials again for ever.
 * What is sent while nobody is connected is dropped: messages are hints.
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
#define LINK_RETRY_MS 250

struct peer;
struct hub;
struct link;

/* --- one connection ---------------------------------------------------------- */
struct peer {
	uv_pipe_t pipe;
	struct buf in;
	void (*on_msg)(struct peer *p, json_t *msg); /* msg is borrowed for the call */
	void (*on_gone)(struct peer *p);             /* closed; last use of p */
	void *owner;
	struct peer *next;                           /* in the hub's list */
	bool closing;
};
/* Takes over an open, connected fd (supervisor's socket pair). */
int peer_open(struct peer *p, uv_loop_t *loop, int fd);
void peer_send(struct peer *p, const json_t *msg); /* msg is borrowed */
void peer_close(struct peer *p);                   /* on_gone follows */

/* --- listening --------------------------------------------------------------- */
struct hub {
	uv_pipe_t listener;
	struct peer *peers;
	void (*on_msg)(struct hub *h, struct peer *from, json_t *msg);
	void (*on_join)(struct hub *h, struct peer *p); /* may be NULL */
	void (*on_closed)(struct hub *h);
	void *owner;
	bool closing, listener_closed;
};
/* Replaces a stale socket file; mode 0600. */
int hub_listen(struct hub *h, uv_loop_t *loop, const char *path);
void hub_broadcast(struct hub *h, const json_t *msg);
void hub_close(struct hub *h); /* on_closed follows */

/* --- dialling ---------------------------------------------------------------- */
struct link {
	struct peer *peer;      /* NULL while not connected */
	uv_loop_t *loop;
	uv_timer_t retry;
	char *path;
	uv_connect_t connect;
	void (*on_msg)(struct link *l, json_t *msg);
	void (*on_up)(struct link *l);   /* may be NULL */
	void (*on_down)(struct link *l); /* may be NULL */
	void (*on_closed)(struct link *l);
	void *owner;
	bool closing, retry_closed;
};
int link_open(struct link *l, uv_loop_t *loop, const char *path);
bool link_send(struct link *l, const json_t *msg); /* false: not connected, dropped */
void link_close(struct link *l); /* on_closed follows */
