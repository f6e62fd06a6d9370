/* The HTTP server against real sockets: what it takes, what it refuses, how it bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "api/http.h"
#include "http_client.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct bed {
	uv_loop_t loop;
	struct http_server *server;
	struct http_listener *tcp, *local;
	char dir[64], path[96];
	uint16_t port;
	unsigned requests, streams_destroyed;
	char seen[256];              /* methods and paths handled, in order */
	struct http_peer last_peer;
	struct http_exchange *parked;
	bool closed, park_left;
};

/* A body of `left` bytes, sent as far as the socket takes it; counts how many it took. */
struct flood { struct http_source base; struct bed *bed; uint64_t left; int to; unsigned pulls; };

static uint64_t flood_sent;

static void flood_send(struct flood *f, struct http_exchange *x)
{
	static const char zeros[256 << 10];
	size_t len = f->left < sizeof zeros ? (size_t)f->left : sizeof zeros;

	f->to = f->to < 0 ? http_socket(x) : f->to;
	assert_true(f->to >= 0);
	ssize_t n = send(f->to, zeros, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	assert_true(n > 0 || errno == EAGAIN || errno == EPIPE);
	if (n < 0 && errno == EPIPE) {
		http_abort(x);
		return;
	}
	uint64_t sent = n < 0 ? 0 : (uint64_t)n;
	f->left -= sent;
	flood_sent += sent;
	http_sent(x, sent, n < 0); /* may free f */
}

static void flood_pull(struct http_source *s, struct http_exchange *x) { flood_send((struct flood *)s, x); }

static void flood_destroy(struct http_source *s)
{
	struct flood *f = (struct flood *)s;

	f->bed->streams_destroyed++;
	if (f->to >= 0)
		close(f->to);
	free(f);
}

static void broken_pull(struct http_source *s, struct http_exchange *x)
{
	struct flood *f = (struct flood *)s;

	if (f->pulls++ == 0)
		flood_send(f, x);
	else
		http_abort(x);
}

static void on_parked_gone(struct http_exchange *x) { ((struct bed *)x->user)->park_left = true; }

static void on_request(void *owner, struct http_exchange *x)
{
	struct bed *b = owner;
	size_t used = strlen(b->seen);

	b->requests++;
	b->last_peer = *x->peer;
	snprintf(b->seen + used, sizeof b->seen - used, "%s %s;", x->request.method, x->request.path);
	if (strcmp(x->request.path, "/flood") == 0 || strcmp(x->request.path, "/broken") == 0) {
		struct flood *f = xcalloc(1, sizeof *f);
		uint64_t total = UINT64_C(8) << 20;
		*f = (struct flood){.base = {x->request.path[1] == 'f' ? flood_pull : broken_pull, flood_destroy}, .bed = b,
				    .left = total, .to = -1};
		http_reply_stream(x, 200, "application/octet-stream", NULL, total, &f->base);
	} else if (strcmp(x->request.path, "/park") == 0) {
		x->user = b;
		x->on_gone = on_parked_gone;
		b->parked = x;
	} else {
		struct buf lines = {0};
		http_header_add(&lines, "Echo-Query", "%s", x->request.query);
		http_reply(x, 200, "text/plain", &lines, x->request.body, x->request.body_len);
		buf_finish(&lines);
	}
}

static void on_closed(void *owner) { ((struct bed *)owner)->closed = true; }

static void bed_open(struct bed *b, const struct http_limits *limits)
{
	struct err e;

	*b = (struct bed){0};
	uv_loop_init(&b->loop);
	snprintf(b->dir, sizeof b->dir, "/tmp/holdfast-http-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof b->path, "%s/api.sock", b->dir);
	assert_int_equal(http_server_create(&b->loop, limits, on_request, b, &b->server), 0);
	assert_int_equal(http_listen_tcp(b->server, "127.0.0.1", 0, &b->tcp, &e), 0);
	assert_int_equal(http_listen_unix(b->server, b->path, &b->local, &e), 0);
	b->port = http_listener_port(b->tcp);
	flood_sent = 0;
}

static void bed_close(struct bed *b)
{
	http_server_close(b->server, on_closed);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_true(b->closed);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	unlink(b->path);
	rmdir(b->dir);
}

#define HOST "Host: box\r\n"
#define GET "GET /a HTTP/1.1\r\n" HOST

static void answers_and_keeps_the_connection(void **state)
{
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b, NULL);
	client_tcp(&c, &b.loop, b.port);
	client_say(&c, "POST /a?x=1%202 HTTP/1.1\r\n" HOST "Content-Length: 5\r\nEmpty:\r\nPad:  v  \r\n\r\nhello");
	assert_int_equal(client_answer(&c, false), 200);
	assert_string_equal(client_body(&c), "hello");
	assert_non_null(strstr(client_text(&c), "Echo-Query: x=1%202\r\n"));
	client_next(&c, false);
	client_say(&c, "HEAD /a HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(client_answer(&c, true), 200);
	client_next(&c, true);
	client_say(&c, GET "Connection: close\r\n\r\n");
	assert_int_equal(client_answer(&c, false), 200);
	assert_non_null(strstr(client_text(&c), "Connection: close\r\n"));
	client_await_eof(&c);
	assert_int_equal(b.requests, 3);
	client_finish(&c);
	bed_close(&b);
}

static void handles_pipelined_requests_one_at_a_time(void **state)
{
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b, NULL);
	client_tcp(&c, &b.loop, b.port);
	client_say(&c, "POST /1 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
		       "POST /2 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi"
		       "GET /park HTTP/1.1\r\n" HOST "\r\nGET /4 HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(client_answer(&c, false), 200);
	assert_non_null(strstr(client_body(&c), "abcde"));
	client_next(&c, false);
	assert_int_equal(client_answer(&c, false), 200);
	while (!b.parked)
		client_turn(&c);
	assert_string_equal(b.seen, "POST /1;POST /2;GET /park;");
	http_reply(b.parked, 200, "text/plain", NULL, "late", 4);
	client_next(&c, false);
	assert_int_equal(client_answer(&c, false), 200);
	client_next(&c, false);
	assert_int_equal(client_answer(&c, false), 200);
	assert_string_equal(b.seen, "POST /1;POST /2;GET /park;GET /4;");
	client_finish(&c);
	bed_close(&b);
}

static const struct { const char *what; int status; const char *bytes; } refused[] = {
	{"garbage", 400, "\x16\x03\x01\x02\x01\x01\r\n\r\n"},
	{"TE and CL", 400, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
			   "GET /smuggled HTTP/1.1\r\n" HOST "\r\n"},
	{"CL and TE", 400, "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"},
	{"xchunked", 0, "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
	{"two TE", 0, "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"two CL that differ", 400, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
	{"CL list", 400, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\na"},
	{"space before colon", 400, "POST /a HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\nhello"},
	{"signed CL", 400, "POST /a HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello"},
	{"hex CL", 400, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nhello"},
	{"CL over 2^64", 400, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"},
	{"1 GB", 413, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 1073741824\r\n\r\n"},
	{"bare LF", 400, "GET /a HTTP/1.1\nHost: box\n\nGET /a HTTP/1.1\r\n\r\n"},
	{"bare LF in a header", 400, "GET /a HTTP/1.1\r\nHost: box\nX: y\r\n\r\n"},
	{"bare CR in a header", 400, "GET /a HTTP/1.1\r\n" HOST "X: y\rZ: 1\r\n\r\n"},
	{"bare LF chunk", 400, "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n"},
	{"chunk size overflow", 400, "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"},
	{"trailers", 400, "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: other\r\n\r\n"},
	{"no Host", 400, "GET /a HTTP/1.1\r\n\r\n"},
	{"two Hosts", 400, GET "Host: box\r\n\r\n"},
	{"empty Host", 400, "GET /a HTTP/1.1\r\nHost:\r\n\r\n"},
	{"Host with a path", 400, "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n"},
	{"folded line", 400, GET "X: a\r\n b\r\n\r\n"},
	{"folded by tab", 400, GET "X: a\r\n\tb\r\n\r\n"},
	{"empty name", 400, GET ": x\r\n\r\n"},
	{"control byte", 400, GET "X: a\x01" "b\r\n\r\n"},
	{"space in name", 400, GET "X y: a\r\n\r\n"},
	{"letter in name", 400, GET "X\xc3\xa9: a\r\n\r\n"},
	{"no colon", 400, GET "X\r\n\r\n"},
	{"two spaces", 400, "GET  /a HTTP/1.1\r\n" HOST "\r\n"},
	{"raw bytes in target", 400, "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"},
	{"HTTP/1.2", 0, "GET /a HTTP/1.2\r\n" HOST "\r\n"},
	{"HTTP/2 preface", 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	{"HTTP/0.9", 400, "GET /a\r\n\r\n"},
	{"absolute target", 400, "GET http://box/a HTTP/1.1\r\n" HOST "\r\n"},
	{"CONNECT", 400, "CONNECT box:443 HTTP/1.1\r\n" HOST "\r\n"},
	{"two Authorizations", 400, GET "Authorization: a\r\nAuthorization: b\r\n\r\n"},
	{"expectation", 417, GET "Expect: tea\r\n\r\n"},
	{"chunked in HTTP/1.0", 400, "POST /a HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
};

static void refuses_what_the_rfc_forbids(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, NULL);
	for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct client c;
		client_tcp(&c, &b.loop, b.port);
		client_say(&c, refused[i].bytes);
		int status = client_answer(&c, false);
		if (status < 400 || status > 505 || (refused[i].status && status != refused[i].status))
			fail_msg("%s: %d\n%s", refused[i].what, status, client_text(&c));
		shutdown(c.fd, SHUT_WR);
		client_await_eof(&c);
		client_finish(&c);
	}
	assert_int_equal(b.requests, 0);
	bed_close(&b);
}

static void bounds_the_head(void **state)
{
	struct bed b;
	struct client c;
	struct buf q = {0};

	(void)state;
	bed_open(&b, NULL);
	buf_add_text(&q, GET);
	while (q.len < 17 << 10)
		buf_add_text(&q, "X-Pad: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
	client_tcp(&c, &b.loop, b.port);
	client_send(&c, q.data, q.len);
	assert_int_equal(client_answer(&c, false), 431);
	client_finish(&c);

	buf_clear(&q);
	buf_add_text(&q, GET);
	for (int i = 0; i < 100; i++)
		buf_add_text(&q, "A: b\r\n");
	buf_add_text(&q, "\r\n");
	client_tcp(&c, &b.loop, b.port);
	client_send(&c, q.data, q.len);
	assert_int_equal(client_answer(&c, false), 431);
	client_finish(&c);
	buf_finish(&q);
	assert_int_equal(b.requests, 0);
	bed_close(&b);
}

static void asks_for_a_body_it_will_take(void **state)
{
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b, NULL);
	client_tcp(&c, &b.loop, b.port);
	client_say(&c, "POST /a HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_int_equal(client_answer(&c, true), 100);
	client_next(&c, true);
	client_say(&c, "ok");
	assert_int_equal(client_answer(&c, false), 200);
	assert_string_equal(client_body(&c), "ok");
	client_finish(&c);
	bed_close(&b);
}

static void cuts_slow_and_idle_connections(void **state)
{
	struct http_limits quick = http_limits_default;
	struct bed b;
	struct client slow, idle, half;

	(void)state;
	quick.head_ms = 40;
	quick.idle_ms = 80;
	bed_open(&b, &quick);
	client_tcp(&slow, &b.loop, b.port);
	client_say(&slow, "GET /a HTTP/1.1\r\nHo");
	assert_int_equal(client_answer(&slow, false), 408);
	client_tcp(&idle, &b.loop, b.port);
	client_say(&idle, GET "\r\n");
	assert_int_equal(client_answer(&idle, false), 200);
	client_await_eof(&idle);
	client_tcp(&half, &b.loop, b.port);
	client_say(&half, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhalf");
	assert_int_equal(client_answer(&half, false), 408);
	client_finish(&slow);
	client_finish(&idle);
	client_finish(&half);
	bed_close(&b);
}

/* The longest idle one goes for a newcomer, wherever it is stuck. */
static void the_oldest_idle_connection_gives_its_place(void **state)
{
	static const char *const stuck[] = {"", "GET /a HTTP/1.1\r\nHo", "POST /a HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhalf"};
	struct http_limits few = http_limits_default;
	struct bed b;
	struct client c[6];

	(void)state;
	few.per_address = 3;
	bed_open(&b, &few);
	for (int i = 0; i < 6; i++) {
		client_tcp(&c[i], &b.loop, b.port);
		client_say(&c[i], stuck[i % 3]);
		client_turn(&c[i]);
	}
	for (int i = 0; i < 3; i++)
		client_await_eof(&c[i]);
	client_say(&c[3], GET "\r\n");
	assert_int_equal(client_answer(&c[3], false), 200);
	for (int i = 0; i < 6; i++)
		client_finish(&c[i]);
	bed_close(&b);
}

static void streams_with_back_pressure(void **state)
{
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b, NULL);
	client_tcp(&c, &b.loop, b.port);
	int small = 65536;
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	client_say(&c, "GET /flood HTTP/1.1\r\n" HOST "\r\nGET /after HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 200; i++)
		uv_run(&b.loop, UV_RUN_NOWAIT); /* the client does not read */
	assert_true(flood_sent < UINT64_C(8) << 20);
	assert_int_equal(client_answer(&c, false), 200);
	assert_int_equal(flood_sent, UINT64_C(8) << 20);
	client_next(&c, false);
	assert_int_equal(client_answer(&c, false), 200);
	assert_int_equal(b.streams_destroyed, 1);
	client_finish(&c);

	client_tcp(&c, &b.loop, b.port);
	client_say(&c, "HEAD /flood HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(client_answer(&c, true), 200);
	assert_non_null(strstr(client_text(&c), "Content-Length: 8388608\r\n"));
	assert_int_equal(b.streams_destroyed, 2);
	client_finish(&c);
	bed_close(&b);
}

static void a_broken_body_is_seen_to_be_short(void **state)
{
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b, NULL);
	client_tcp(&c, &b.loop, b.port);
	client_say(&c, "GET /broken HTTP/1.1\r\n" HOST "\r\n");
	client_await_eof(&c);
	assert_true(client_body_len(&c) < UINT64_C(8) << 20);
	assert_int_equal(b.streams_destroyed, 1);
	client_finish(&c);
	client_tcp(&c, &b.loop, b.port); /* leaves in the middle */
	client_say(&c, "GET /flood HTTP/1.1\r\n" HOST "\r\n");
	while (c.got.len == 0)
		client_turn(&c);
	client_finish(&c);
	while (b.streams_destroyed < 2)
		uv_run(&b.loop, UV_RUN_ONCE);
	bed_close(&b);
}

static void knows_who_is_on_the_unix_socket(void **state)
{
	struct bed b;
	struct client c;
	struct stat st;

	(void)state;
	bed_open(&b, NULL);
	assert_int_equal(stat(b.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	client_unix(&c, &b.loop, b.path);
	client_say(&c, GET "\r\n");
	assert_int_equal(client_answer(&c, false), 200);
	assert_true(b.last_peer.is_unix);
	assert_int_equal(b.last_peer.uid, getuid());
	client_finish(&c);
	bed_close(&b);
}

static void tells_a_waiting_handler_that_all_ends(void **state)
{
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b, NULL);
	client_tcp(&c, &b.loop, b.port);
	client_say(&c, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	while (!b.parked)
		client_turn(&c);
	bed_close(&b);
	assert_true(b.park_left);
	client_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_and_keeps_the_connection),
		cmocka_unit_test(handles_pipelined_requests_one_at_a_time),
		cmocka_unit_test(refuses_what_the_rfc_forbids),
		cmocka_unit_test(bounds_the_head),
		cmocka_unit_test(asks_for_a_body_it_will_take),
		cmocka_unit_test(cuts_slow_and_idle_connections),
		cmocka_unit_test(the_oldest_idle_connection_gives_its_place),
		cmocka_unit_test(streams_with_back_pressure),
		cmocka_unit_test(a_broken_body_is_seen_to_be_short),
		cmocka_unit_test(knows_who_is_on_the_unix_socket),
		cmocka_unit_test(tells_a_waiting_handler_that_all_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
