/* One connection of the HTTP server: reads requests one at a time, answers, closes.
 *
 * Threads: loop thread only. Memory: http_conn_accept() allocates; the connection frees itself when
 * its last handle is closed, and tells the server. Internal to the http library. */
#pragma once
#include "api/http_parse.h"
#include "base/sm.h"

enum { CONN_READING, CONN_HANDLING, CONN_SENDING, CONN_LINGERING, CONN_CLOSING, CONN_CLOSED };

/* Where a connection comes from, as far as one is told from another. */
struct http_address { uint8_t bytes[9]; };

#define HTTP_KNOWN_ADDRESSES 64

struct http_conn {
	struct http_exchange x;         /* first, so that an exchange leads to its connection */
	union { uv_handle_t handle; uv_stream_t stream; uv_tcp_t tcp; uv_pipe_t pipe; } sock;
	uv_timer_t timer;
	struct http_listener *listener;
	struct http_conn *next;         /* in the server's list */
	struct http_peer peer;
	struct http_address address;
	bool known;                     /* who asks */
	uint64_t waits_since_ms;        /* for a request, or for the end of one */
	struct sm sm;
	char name[24];
	struct buf in;
	struct http_parser parser;
	bool reading, timing_head, last, abrupt;
	unsigned writes;                /* under way */
	size_t queued_before;           /* bytes waiting when the timer last looked */
	size_t lingered;                /* bytes thrown away after the last answer */
	uint64_t body_left;             /* of a streamed body, still to be produced */
	struct http_source *source;
	bool pull_waits, pumping;
	bool full;                      /* the socket took no more of the body: poll tells when it does */
	uv_poll_t poll;
	int polled;                     /* its descriptor, beside that of sock; -1: none yet */
	uint64_t left_before;           /* body_left when the timer last looked */
	int open_handles;
};

struct http_listener {
	struct http_server *server;
	struct http_listener *next;
	union { uv_handle_t handle; uv_stream_t stream; uv_tcp_t tcp; uv_pipe_t pipe; } sock;
	char *path;                     /* of a Unix socket */
	uv_timer_t next_turn;           /* of the loop */
	unsigned connections, number, burst; /* burst: accepted in this turn */
	bool waits, closing;            /* waits: a newcomer is to be accepted in the next turn */
	int open_handles;
};

struct http_server {
	uv_loop_t *loop;
	struct http_limits limits;
	http_request_fn *on_request;
	void *owner;
	struct http_listener *listeners;
	struct http_conn *conns;
	unsigned accepted;
	struct { struct http_address address; uint64_t until_ms; } known[HTTP_KNOWN_ADDRESSES]; /* where somebody was known lately */
	unsigned known_next;
	bool closing;
	http_closed_fn *on_closed;
};

/* http_room.c: whether a newcomer, which is in the list, may stay; another one may have gone for it. */
bool http_room_make(struct http_conn *newcomer);
void http_room_remember(struct http_conn *c);
void http_room_fit(struct http_limits *l); /* to the files that the process may open */

void http_conn_accept(struct http_listener *l);
void http_conn_close(struct http_conn *c);  /* at once */
void http_conn_retire(struct http_conn *c); /* after the answer under way */
/* Sends bytes (taken over); on_sent_all is the state machine's matter. */
void http_conn_send(struct http_conn *c, void *data, size_t len);
void http_conn_sent(struct http_conn *c);   /* a write ended, or there was none */
int http_conn_poll(struct http_conn *c);           /* makes its poll handle; 0 or negative */
void http_conn_answering(struct http_conn *c);     /* HANDLING → SENDING */
void http_conn_finish_answer(struct http_conn *c); /* the answer is whole and gone */
void http_server_conn_gone(struct http_conn *c); /* frees c */
