#include "rtsp_udp.h"

#include "rtp_reception.h"
#include "rtp_reorder.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/require.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT_TRIES 32
#define RECEIVE_BUFFER_BYTES (1u << 20) /* a key frame arrives at line rate; the kernel may grant less */
#define DATAGRAM_MAX_BYTES 65536        /* what libuv gives each datagram of a batch */
#define BATCH 16

/* One batch is handed out before the next is read, so that one room serves all sockets of the loop. */
static uint8_t datagrams[BATCH * DATAGRAM_MAX_BYTES];

union address { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; };

struct rtsp_udp {
	rtsp_udp_fn *fn;
	void *owner;
	unsigned track;
	uint16_t port;
	union address camera;
	union address rtcp_to;     /* where reports go; port 0: nowhere yet */
	uv_udp_t rtp, rtcp;
	uv_timer_t due;            /* what is missing has been waited for */
	uv_timer_t report;
	struct rtp_reorder reorder;
	struct rtp_reception reception;
	unsigned open;             /* handles */
	bool closing;
	bool foreign;              /* another's packet was seen, and logged */
};

static struct mono now(void)
{
	return clock_mono(clock_real());
}

/* --- addresses ------------------------------------------------------------------ */

static socklen_t size_of(const struct sockaddr *a)
{
	return a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static union address copy(const struct sockaddr *a)
{
	union address out = {0};

	memcpy(&out, a, size_of(a));
	return out;
}

static void set_port(union address *a, uint16_t port)
{
	if (a->any.sa_family == AF_INET6)
		a->v6.sin6_port = htons(port);
	else
		a->v4.sin_port = htons(port);
}

static uint16_t port_of(const union address *a)
{
	return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

static bool same_host(const struct sockaddr *a, const union address *b)
{
	if (a->sa_family != b->any.sa_family)
		return false;
	if (a->sa_family == AF_INET6)
		return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &b->v6.sin6_addr, 16) == 0;
	return ((const struct sockaddr_in *)a)->sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

/* --- sockets ---------------------------------------------------------------------- */

/* port 0: any, told in *port. A descriptor or -errno. */
static int bind_to(union address local, uint16_t *port)
{
	socklen_t len = sizeof local;
	int fd = socket(local.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	set_port(&local, *port);
	if (bind(fd, &local.any, size_of(&local.any)) < 0 || getsockname(fd, &local.any, &len) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	*port = port_of(&local);
	return fd;
}

/* An even port and the one after it. */
static int bind_pair(const union address *local, int fds[2], uint16_t *port)
{
	int rc = -EADDRINUSE;

	for (int i = 0; i < PORT_TRIES; i++) {
		uint16_t next;
		*port = 0;
		fds[0] = bind_to(*local, port);
		if (fds[0] < 0)
			return fds[0];
		next = (uint16_t)(*port + 1);
		rc = *port % 2 == 0 ? bind_to(*local, &next) : -EADDRINUSE;
		if (rc >= 0) {
			fds[1] = rc;
			return 0;
		}
		close(fds[0]);
	}
	return rc;
}

/* --- sending -------------------------------------------------------------------------- */

static void send_to(uv_udp_t *socket, const union address *to, const uint8_t *data, size_t len)
{
	uv_buf_t b = uv_buf_init((char *)data, (unsigned)len);

	if (port_of(to) != 0)
		uv_udp_try_send(socket, &b, 1, &to->any); /* best effort, like all of UDP */
}

/* §6.2: about every 5 s, spread so that receivers do not beat in time. */
static uint64_t next_report_ms(void)
{
	uint16_t random;

	random_bytes(&random, sizeof random);
	return RTP_REPORT_EVERY_MS / 2 + (uint64_t)random * RTP_REPORT_EVERY_MS / UINT16_MAX;
}

static void on_report(uv_timer_t *t)
{
	struct rtsp_udp *u = t->data;
	uint8_t report[RTP_REPORT_MAX_BYTES];

	send_to(&u->rtcp, &u->rtcp_to, report, rtp_reception_write(&u->reception, now(), report));
	uv_timer_start(t, on_report, next_report_ms(), 0);
}

/* --- receiving ---------------------------------------------------------------------- */

static void on_due(uv_timer_t *t);

static void arm(struct rtsp_udp *u)
{
	struct mono at;

	if (u->closing || !rtp_reorder_due(&u->reorder, &at)) {
		if (!u->closing)
			uv_timer_stop(&u->due);
		return;
	}
	int64_t wait_us = at.us - now().us;
	uv_timer_start(&u->due, on_due, wait_us > 0 ? (uint64_t)wait_us / US_PER_MS + 1 : 0, 0);
}

static void on_due(uv_timer_t *t)
{
	struct rtsp_udp *u = t->data;

	rtp_reorder_expire(&u->reorder, now());
	arm(u);
}

static void on_in_sequence(void *arg, const uint8_t *packet, size_t len)
{
	struct rtsp_udp *u = arg;

	if (!u->closing)
		u->fn(u->owner, u->track, packet, len, false);
}

static void refuse_foreign(struct rtsp_udp *u, const struct sockaddr *from)
{
	char name[INET6_ADDRSTRLEN] = "?";

	if (u->foreign)
		return;
	u->foreign = true;
	uv_ip_name(from, name, sizeof name);
	log_warn("rtp_foreign", "port=%u from=%s", u->port, name);
}

static void take(struct rtsp_udp *u, const uv_udp_t *socket, const struct sockaddr *from,
		 const uint8_t *packet, size_t len)
{
	if (socket == &u->rtcp) {
		if (port_of(&u->rtcp_to) == 0) { /* SETUP did not say it */
			u->rtcp_to = copy(from);
			on_report(&u->report);
		}
		rtp_reception_report(&u->reception, packet, len, now());
		u->fn(u->owner, u->track, packet, len, true);
		return;
	}
	rtp_reception_packet(&u->reception, packet, len, now());
	rtp_reorder_put(&u->reorder, packet, len, now());
	arm(u);
}

static void on_room(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
	(void)h;
	(void)hint;
	*out = uv_buf_init((char *)datagrams, sizeof datagrams);
}

static void on_datagram(uv_udp_t *socket, ssize_t n, const uv_buf_t *b, const struct sockaddr *from, unsigned flags)
{
	struct rtsp_udp *u = socket->data;

	if (n <= 0 || !from || u->closing || flags & UV_UDP_PARTIAL)
		return; /* a port that nobody listens to answers our first packets with an error: go on */
	if (same_host(from, &u->camera))
		take(u, socket, from, (const uint8_t *)b->base, (size_t)n);
	else
		refuse_foreign(u, from);
}

/* --- beginning ------------------------------------------------------------------------ */

static void open_the_way(struct rtsp_udp *u, uint16_t rtp_port)
{
	static const uint8_t nothing[12] = {0x80}; /* an RTP header, as other clients send it */
	union address to = u->camera;

	set_port(&to, rtp_port);
	send_to(&u->rtp, &to, nothing, sizeof nothing);
	on_report(&u->report);
}

void rtsp_udp_begin(struct rtsp_udp *u, uint16_t rtp_port, uint16_t rtcp_port, uint32_t clock_rate)
{
	rtp_reception_init(&u->reception, clock_rate);
	u->rtcp_to = u->camera;
	set_port(&u->rtcp_to, rtcp_port);
	open_the_way(u, rtp_port);
}

/* --- lifetime -------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *h)
{
	struct rtsp_udp *u = h->data;

	if (--u->open > 0)
		return;
	rtp_reorder_finish(&u->reorder);
	free(u);
}

static int open_socket(uv_loop_t *loop, uv_udp_t *socket, int fd)
{
	int bytes = RECEIVE_BUFFER_BYTES;

	REQUIRE(uv_udp_init_ex(loop, socket, AF_UNSPEC | UV_UDP_RECVMMSG) == 0);
	int rc = uv_udp_open(socket, fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	uv_recv_buffer_size((uv_handle_t *)socket, &bytes);
	return uv_udp_recv_start(socket, on_room, on_datagram);
}

static int open_all(struct rtsp_udp *u, uv_loop_t *loop, const int fds[2])
{
	REQUIRE(uv_timer_init(loop, &u->due) == 0 && uv_timer_init(loop, &u->report) == 0);
	u->rtp.data = u->rtcp.data = u->due.data = u->report.data = u;
	u->open = 4;
	int rc = open_socket(loop, &u->rtp, fds[0]), more = open_socket(loop, &u->rtcp, fds[1]);
	return rc < 0 ? rc : more;
}

int rtsp_udp_create(uv_loop_t *loop, const struct sockaddr *local, const struct sockaddr *camera,
		    unsigned track, rtsp_udp_fn *fn, void *owner, struct rtsp_udp **out)
{
	struct rtsp_udp *u = xcalloc(1, sizeof *u);
	const union address from = copy(local);
	int fds[2];

	*out = NULL;
	u->fn = fn;
	u->owner = owner;
	u->track = track;
	u->camera = copy(camera);
	rtp_reorder_init(&u->reorder, on_in_sequence, u);
	int rc = bind_pair(&from, fds, &u->port);
	if (rc < 0) {
		free(u);
		return rc;
	}
	rc = open_all(u, loop, fds);
	if (rc < 0)
		rtsp_udp_close(u);
	else
		*out = u;
	return rc;
}

uint16_t rtsp_udp_port(const struct rtsp_udp *u)
{
	return u->port;
}

void rtsp_udp_close(struct rtsp_udp *u)
{
	uv_handle_t *handles[] = {(uv_handle_t *)&u->rtp, (uv_handle_t *)&u->rtcp, (uv_handle_t *)&u->due,
				  (uv_handle_t *)&u->report};

	u->closing = true;
	for (unsigned i = 0; i < sizeof handles / sizeof *handles; i++)
		uv_close(handles[i], on_closed);
}
