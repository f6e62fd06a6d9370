/* An HTTP/1.1 server (RFC 9110, RFC 9112) on libuv and llhttp: listeners on TCP and on Unix
 * sockets, one request at a time per connection, answers at once or later, bodies streamed from a
 * producer in constant memory. It knows nothing of video.
 *
 * Threads: loop thread only. SIGPIPE is ignored from http_server_create() on.
 * Memory:  http_server_create() allocates; http_server_close() frees everything, then calls back.
 *          A struct http_exchange belongs to its connection and lives from on_request until it is
 *          answered, or until its on_gone was called.
 * Input:   hostile. What RFC 9112 forbids is refused and the connection closed: no or several Host,
 *          Transfer-Encoding with Content-Length, folded lines, empty names, bare LF, trailers.
 * Units:   *_ms milliseconds, *_bytes bytes. Errors: 0 or a negative errno. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define HTTP_HEADERS_MAX 100

struct http_limits {
	size_t head_bytes;      /* request line and headers: else 431 */
	size_t body_bytes;      /* else 413 */
	/* When there are more, the longest idle of those goes first of whom nobody is known (http_known()), then of those from an
	 * address that was known lately, then a known one between two requests. Nobody to go: the newcomer does. */
	unsigned connections;   /* of the server; fewer if the process may not open that many files */
	unsigned per_address;   /* an IPv6 network of 64 bits, a user of the box, is one address */
	unsigned strangers;     /* of all: those whose address nobody was known at lately; the rest is for the others */
	unsigned head_ms;       /* from its first byte until the headers are whole: else 408 */
	unsigned idle_ms;       /* between requests, for a body, and for 16 KiB of an answer */
};
/* 16 KiB, 64 KiB, 512 connections, 96, 256, 10 s, 30 s. */
extern const struct http_limits http_limits_default;

struct http_header { const char *name, *value; };

/* A request, whole, its body too. Texts are borrowed from the exchange. */
struct http_request {
	const char *method;
	const char *path;       /* begins with '/', still percent-encoded */
	const char *query;      /* after the '?', still percent-encoded; "" if none */
	const struct http_header *headers;
	unsigned header_count;
	const char *body;       /* NUL-terminated beyond body_len */
	size_t body_len;
	bool is_head;
};
/* The value of the first header of that name (case does not matter), or NULL. */
const char *http_request_header(const struct http_request *r, const char *name);

/* Who is at the other end. */
struct http_peer {
	bool is_unix;
	uint32_t uid, gid;      /* SO_PEERCRED; Unix sockets only */
	int64_t pid;
	char from[48];          /* its address, for the log */
	unsigned strikes;       /* the owner's: counted over the connection's life */
};

struct http_exchange {
	struct http_request request;
	struct http_peer *peer;
	void *user;             /* the handler's, NULL at first */
	/* Set by a handler that answers later: the client has left; last use of the exchange. */
	void (*on_gone)(struct http_exchange *x);
};

/* Sends a body. The server takes it over with http_reply_stream(). */
struct http_source {
	/* The socket takes bytes, and what goes before is sent: send some, here or on any thread, and answer once, now or
	 * later, by http_sent() or http_abort(). */
	void (*pull)(struct http_source *s, struct http_exchange *x);
	/* The last call: done, or the client left. A pull under way must then not be answered. */
	void (*destroy)(struct http_source *s);
};

/* Lines "Name: value" for an answer. Control characters in a value become '_'. */
__attribute__((format(printf, 3, 4)))
void http_header_add(struct buf *lines, const char *name, const char *fmt, ...);

/* Answers: exactly one of these per exchange. type may be NULL (no body then); lines may be NULL;
 * body is copied. For HEAD only the headers are sent. */
void http_reply(struct http_exchange *x, int status, const char *type, const struct buf *lines,
		const void *body, size_t len);
void http_reply_stream(struct http_exchange *x, int status, const char *type, const struct buf *lines,
		       uint64_t length, struct http_source *source);
/* The client's socket, for a source: a descriptor of its own, to be closed by it, which does not block. Negative: -errno. */
int http_socket(struct http_exchange *x);
/* So many bytes of the body were sent by the source. full: the socket took no more. */
void http_sent(struct http_exchange *x, uint64_t bytes, bool full);
/* The body cannot be finished: the connection is cut, so that the client sees that it is short. */
void http_abort(struct http_exchange *x);
/* It is known who asks. */
void http_known(struct http_exchange *x);
/* The connection shall not outlive the answer. Before the answer. */
void http_close_after(struct http_exchange *x);
/* The usual phrase for a status; "Unknown" for others. */
const char *http_status_text(int status);

struct http_server;
struct http_listener;
typedef void http_request_fn(void *owner, struct http_exchange *x);
typedef void http_closed_fn(void *owner);

int http_server_create(uv_loop_t *loop, const struct http_limits *limits /* NULL: default */,
		       http_request_fn *on_request, void *owner, struct http_server **out);
/* Port 0: any free one; see http_listener_port(). */
int http_listen_tcp(struct http_server *s, const char *host, uint16_t port, struct http_listener **out,
		    struct err *e);
/* Replaces a stale socket file; mode 0600. */
int http_listen_unix(struct http_server *s, const char *path, struct http_listener **out, struct err *e);
uint16_t http_listener_port(const struct http_listener *l);
/* Accepts no more; its connections are closed when they are next idle. */
void http_listener_close(struct http_listener *l);
/* Drops every connection; on_closed (may be NULL) follows when the last handle is closed. */
void http_server_close(struct http_server *s, http_closed_fn *on_closed);
