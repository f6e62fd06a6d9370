#include "rtsp_dial.h"

#include "base/buf.h"
#include "base/require.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HOSTS_MAX 512      /* whose last address is kept */
#define RESOLVE_PATIENCE_MS 1000
#define UNHEARD_MAX_MS 5000u

/* Where a host was last reached, by name and port: used while the resolver is slow or fails. */
static struct known {
	char *name;
	char service[8];
	struct sockaddr_storage address;
} known[HOSTS_MAX];
static unsigned known_count;

struct rtsp_dial {
	rtsp_dial_fn *fn;
	void *owner;
	uv_loop_t *loop;
	uv_getaddrinfo_t resolve;
	char *host, service[8];
	struct addrinfo *addresses, *next; /* next: the one to try after this */
	bool resolving, timed_out, tried_known;
	uv_tcp_t *tcp;             /* of the try under way; its own memory, since each try has one */
	uv_connect_t connect;
	uv_timer_t timer;          /* the try's time; the resolver's; and 0 for a failure inside a call of the owner */
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
	free(d->host);
	free(d);
}

static void on_timer_closed(uv_handle_t *h)
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
	uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

static void fail(struct rtsp_dial *d)
{
	finish(d);
	d->fn(d->owner, NULL, d->failure);
}

static void on_failed(uv_timer_t *t)
{
	fail(t->data);
}

static void fail_soon(struct rtsp_dial *d)
{
	uv_timer_start(&d->timer, on_failed, 0, 0);
}

/* --- hosts that were reached before ------------------------------------------------ */

static struct known *find_known(const struct rtsp_dial *d)
{
	for (unsigned i = 0; i < known_count; i++)
		if (strcmp(known[i].name, d->host) == 0 && strcmp(known[i].service, d->service) == 0)
			return &known[i];
	return NULL;
}

static void remember(const struct rtsp_dial *d)
{
	struct known *k = find_known(d);
	int len = sizeof k->address;

	if (!k && known_count < HOSTS_MAX) {
		k = &known[known_count++];
		k->name = xstrdup(d->host);
		memcpy(k->service, d->service, sizeof k->service);
	}
	if (k)
		uv_tcp_getpeername(d->tcp, (struct sockaddr *)&k->address, &len);
}

/* --- trying ------------------------------------------------------------------- */

/* A camera that was cut off must not hold a connection for as long as the kernel would. */
static void limit_silence(uv_tcp_t *tcp)
{
	unsigned ms = UNHEARD_MAX_MS;
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)tcp, &fd) == 0)
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms); /* best effort */
}

static void on_connected(uv_connect_t *req, int status)
{
	struct rtsp_dial *d = req->data;

	if (!d->over && status < 0) {
		drop_tcp(d);
		d->failure = d->timed_out ? UV_ETIMEDOUT : status;
		d->timed_out = false;
		try_next(d);
	} else if (!d->over) {
		uv_tcp_t *tcp = d->tcp;
		limit_silence(tcp);
		if (d->host)
			remember(d);
		d->tcp = NULL;
		finish(d);
		d->fn(d->owner, tcp, 0);
	}
	release(d);
}

/* Its request is then cancelled, and that leads to the next one. */
static void on_try_is_over(uv_timer_t *t)
{
	struct rtsp_dial *d = t->data;

	d->timed_out = true;
	drop_tcp(d);
}

static int begin_try(struct rtsp_dial *d, const struct sockaddr *to)
{
	uv_tcp_t *tcp = xcalloc(1, sizeof *tcp);
	int rc = uv_tcp_init(d->loop, tcp);

	if (rc < 0) {
		free(tcp);
		return rc;
	}
	d->tcp = tcp;
	d->timed_out = false;
	uv_tcp_nodelay(tcp, 1);
	d->connect.data = d;
	rc = uv_tcp_connect(&d->connect, tcp, to, on_connected);
	if (rc < 0) {
		drop_tcp(d);
		return rc;
	}
	d->open++;
	uv_timer_start(&d->timer, on_try_is_over, RTSP_DIAL_TRY_MS, 0);
	return 0;
}

/* The address where it was last, once, if there is nothing better. */
static bool try_known(struct rtsp_dial *d)
{
	const struct known *k = d->host && !d->tried_known ? find_known(d) : NULL;

	d->tried_known = true;
	return k && begin_try(d, (const struct sockaddr *)&k->address) == 0;
}

static void on_patience_is_over(uv_timer_t *t)
{
	try_known(t->data);
}

static void try_next(struct rtsp_dial *d)
{
	while (d->next) {
		const struct addrinfo *to = d->next;
		d->next = to->ai_next;
		int rc = begin_try(d, to->ai_addr);
		if (rc == 0)
			return;
		d->failure = rc;
	}
	if (!d->resolving && !try_known(d))
		fail_soon(d);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct rtsp_dial *d = req->data;

	d->resolving = false;
	d->addresses = d->next = found;
	d->failure = status < 0 ? status : UV_EADDRNOTAVAIL;
	if (!d->over && !uv_is_closing((uv_handle_t *)&d->timer) && !d->tcp && !d->timed_out)
		try_next(d);
	release(d);
}

/* An address in digits is understood here: the resolver's few threads may all hang in a sick name
 * server, and most cameras have no name. */
static bool numeric(struct rtsp_dial *d, const char *host)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};

	if (getaddrinfo(host, d->service, &hints, &d->addresses) != 0)
		return false;
	d->next = d->addresses;
	return true;
}

struct rtsp_dial *rtsp_dial_create(uv_loop_t *loop, const char *host, uint16_t port, rtsp_dial_fn *fn,
				   void *owner)
{
	struct rtsp_dial *d = xcalloc(1, sizeof *d);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};

	*d = (struct rtsp_dial){.fn = fn, .owner = owner, .loop = loop, .open = 1};
	snprintf(d->service, sizeof d->service, "%u", port);
	REQUIRE(uv_timer_init(loop, &d->timer) == 0);
	d->timer.data = d->resolve.data = d;
	if (numeric(d, host)) {
		try_next(d);
		return d;
	}
	d->host = xstrdup(host);
	d->failure = uv_getaddrinfo(loop, &d->resolve, on_resolved, host, d->service, &hints);
	if (d->failure < 0) {
		try_next(d);
		return d;
	}
	d->resolving = true;
	d->open++;
	uv_timer_start(&d->timer, on_patience_is_over, RESOLVE_PATIENCE_MS, 0);
	return d;
}

void rtsp_dial_cancel(struct rtsp_dial *d)
{
	uv_cancel((uv_req_t *)&d->resolve); /* if it is waiting; else its answer is dropped */
	finish(d);
}
