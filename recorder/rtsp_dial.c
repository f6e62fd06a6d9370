#include "rtsp_dial.h"

#include "base/buf.h"
#include "base/require.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

struct rtsp_dial {
	rtsp_dial_fn *fn;
	void *owner;
	uv_loop_t *loop;
	uv_getaddrinfo_t resolve;
	struct addrinfo *addresses, *next; /* next: the one to try after this */
	uv_tcp_t *tcp;             /* of the try under way; its own memory, since each try has one */
	uv_connect_t connect;
	uv_timer_t soon;           /* tells a failure that happened inside a call of the owner */
	int failure;               /* of the last try */
	unsigned open;             /* handles and requests that will still call back */
	bool over;                 /* told, or cancelled */
};

static void try_next(struct rtsp_dial *d);

/* --- the end ---------------------------------------------------------------- */

static void release(struct rtsp_dial *d)
{
	if (--d->open > 0)
		return;
	uv_freeaddrinfo(d->addresses);
	free(d);
}

static void on_soon_closed(uv_handle_t *h)
{
	release(h->data);
}

static void on_tcp_closed(uv_handle_t *h)
{
	free(h);
}

static void drop_tcp(struct rtsp_dial *d)
{
	if (d->tcp)
		uv_close((uv_handle_t *)d->tcp, on_tcp_closed);
	d->tcp = NULL;
}

static void finish(struct rtsp_dial *d)
{
	d->over = true;
	drop_tcp(d);
	uv_close((uv_handle_t *)&d->soon, on_soon_closed);
}

static void on_soon(uv_timer_t *t)
{
	struct rtsp_dial *d = t->data;

	finish(d);
	d->fn(d->owner, NULL, d->failure);
}

/* --- trying ------------------------------------------------------------------- */

static void on_connected(uv_connect_t *req, int status)
{
	struct rtsp_dial *d = req->data;

	if (!d->over && status < 0) {
		drop_tcp(d);
		d->failure = status;
		try_next(d);
	} else if (!d->over) {
		uv_tcp_t *tcp = d->tcp;
		d->tcp = NULL;
		finish(d);
		d->fn(d->owner, tcp, 0);
	}
	release(d);
}

static int begin_try(struct rtsp_dial *d, const struct addrinfo *to)
{
	uv_tcp_t *tcp = xcalloc(1, sizeof *tcp);
	int rc = uv_tcp_init(d->loop, tcp);

	if (rc < 0) {
		free(tcp);
		return rc;
	}
	d->tcp = tcp;
	uv_tcp_nodelay(tcp, 1);
	d->connect.data = d;
	rc = uv_tcp_connect(&d->connect, tcp, to->ai_addr, on_connected);
	if (rc < 0)
		drop_tcp(d);
	else
		d->open++;
	return rc;
}

static void try_next(struct rtsp_dial *d)
{
	while (d->next) {
		const struct addrinfo *to = d->next;
		d->next = to->ai_next;
		int rc = begin_try(d, to);
		if (rc == 0)
			return;
		d->failure = rc;
	}
	uv_timer_start(&d->soon, on_soon, 0, 0);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct rtsp_dial *d = req->data;

	d->addresses = d->next = found;
	d->failure = status < 0 ? status : UV_EADDRNOTAVAIL;
	if (!d->over)
		try_next(d);
	release(d);
}

/* An address in digits is understood here: the resolver's few threads may all hang in a sick name
 * server, and most cameras have no name. */
static bool numeric(struct rtsp_dial *d, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};

	if (getaddrinfo(host, port, &hints, &d->addresses) != 0)
		return false;
	d->next = d->addresses;
	return true;
}

struct rtsp_dial *rtsp_dial_create(uv_loop_t *loop, const char *host, uint16_t port, rtsp_dial_fn *fn,
				   void *owner)
{
	struct rtsp_dial *d = xcalloc(1, sizeof *d);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
	char service[8];

	*d = (struct rtsp_dial){.fn = fn, .owner = owner, .loop = loop, .open = 1};
	snprintf(service, sizeof service, "%u", port);
	REQUIRE(uv_timer_init(loop, &d->soon) == 0);
	d->soon.data = d->resolve.data = d;
	if (numeric(d, host, service)) {
		try_next(d);
		return d;
	}
	d->failure = uv_getaddrinfo(loop, &d->resolve, on_resolved, host, service, &hints);
	if (d->failure < 0)
		uv_timer_start(&d->soon, on_soon, 0, 0);
	else
		d->open++;
	return d;
}

void rtsp_dial_cancel(struct rtsp_dial *d)
{
	uv_cancel((uv_req_t *)&d->resolve); /* if it is waiting; else its answer is dropped */
	finish(d);
}
