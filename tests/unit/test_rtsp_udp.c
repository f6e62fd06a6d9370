/* The sockets of a track, with a camera of plain sockets at the other end. */
#include "recorder/rtsp_udp.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 5000

static struct bed {
	uv_loop_t loop;
	struct rtsp_udp *udp;
	int rtp, rtcp;             /* the camera's */
	uint16_t rtp_port, rtcp_port;
	const char *host;
	uint16_t got[64];
	unsigned count, reports, stop_at;
} t;

static struct sockaddr_storage address(const char *host, uint16_t port, socklen_t *len)
{
	struct sockaddr_storage a = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;

	if (strchr(host, ':')) {
		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		inet_pton(AF_INET6, host, &v6->sin6_addr);
		*len = sizeof *v6;
	} else {
		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		inet_pton(AF_INET, host, &v4->sin_addr);
		*len = sizeof *v4;
	}
	return a;
}

static int open_end(const char *host, uint16_t *port)
{
	socklen_t len;
	struct sockaddr_storage a = address(host, 0, &len);
	int fd = socket(a.ss_family, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(((struct sockaddr_in *)&a)->sin_port); /* at the same place in both */
	return fd;
}

static void on_packet(void *owner, unsigned track, const uint8_t *data, size_t len, bool rtcp)
{
	assert_ptr_equal(owner, &t);
	assert_int_equal(track, 1);
	assert_true(len >= 4);
	if (rtcp)
		t.reports++;
	else
		t.got[t.count++] = get_u16be(data + 2);
	if (t.count + t.reports == t.stop_at) {
		rtsp_udp_close(t.udp);
		t.udp = NULL;
	}
}

static void begin(const char *host, unsigned stop_at, bool names_ports)
{
	socklen_t len;

	t = (struct bed){.host = host, .stop_at = stop_at};
	uv_loop_init(&t.loop);
	t.rtp = open_end(host, &t.rtp_port);
	t.rtcp = open_end(host, &t.rtcp_port);
	struct sockaddr_storage a = address(host, 0, &len);
	assert_int_equal(rtsp_udp_create(&t.loop, (struct sockaddr *)&a, (struct sockaddr *)&a, 1, on_packet, &t, &t.udp), 0);
	assert_int_equal(rtsp_udp_port(t.udp) % 2, 0);
	rtsp_udp_begin(t.udp, names_ports ? t.rtp_port : 0, names_ports ? t.rtcp_port : 0, 90000);
}

static void end(void)
{
	uv_run(&t.loop, UV_RUN_DEFAULT); /* ends when it is closed */
	assert_null(t.udp);
	assert_int_equal(uv_loop_close(&t.loop), 0);
	close(t.rtp);
	close(t.rtcp);
}

static void send_from(int fd, uint16_t to, const uint8_t *data, size_t n)
{
	socklen_t len;
	struct sockaddr_storage a = address(t.host, to, &len);

	assert_int_equal(sendto(fd, data, n, 0, (struct sockaddr *)&a, len), (ssize_t)n);
}

static void send_rtp(int fd, uint16_t sequence)
{
	uint8_t p[13] = {0x80, 96};

	put_u16be(p + 2, sequence);
	send_from(fd, rtsp_udp_port(t.udp), p, sizeof p);
}

static void send_report(void)
{
	static const uint8_t sr[28] = {0x80, 200, 0, 6};

	send_from(t.rtcp, (uint16_t)(rtsp_udp_port(t.udp) + 1), sr, sizeof sr);
}

static size_t receive(int fd, uint8_t out[100])
{
	struct pollfd p = {fd, POLLIN, 0};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	return (size_t)recv(fd, out, 100, 0);
}

static void media_comes_in_sequence(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};
	uint8_t heard[100];

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(hosts[i], 5, true);
		assert_int_equal(receive(t.rtp, heard), 12); /* the way is open before anything came */
		assert_int_equal(heard[0], 0x80);
		assert_true(receive(t.rtcp, heard) >= 16);
		assert_int_equal(heard[1], 201);
		send_report();
		send_rtp(t.rtp, 1);
		send_rtp(t.rtp, 3);
		send_rtp(t.rtp, 2);
		send_rtp(t.rtp, 4);
		end();
		assert_int_equal(t.reports, 1);
		for (uint16_t n = 0; n < 4; n++)
			assert_int_equal(t.got[n], n + 1);
	}
}

static void what_is_lost_is_not_waited_for_for_ever(void **state)
{
	(void)state;
	begin("127.0.0.1", 2, true);
	send_rtp(t.rtp, 1);
	send_rtp(t.rtp, 3); /* nothing comes after it */
	end();
	assert_int_equal(t.got[1], 3);
}

static void strangers_are_not_heard(void **state)
{
	uint16_t port;
	int stranger = open_end("127.0.0.2", &port);

	(void)state;
	begin("127.0.0.1", 2, true);
	send_rtp(stranger, 100);
	send_rtp(t.rtp, 1);
	send_rtp(stranger, 2);
	send_rtp(t.rtcp, 2); /* the camera's, from another port: a router may do that */
	end();
	assert_int_equal(t.got[0], 1);
	assert_int_equal(t.got[1], 2);
	close(stranger);
}

/* A camera that names no ports is told where it sends its own reports from. */
static void reports_go_where_reports_come_from(void **state)
{
	uint8_t heard[100];
	struct pollfd p;

	(void)state;
	begin("127.0.0.1", 0, false);
	p = (struct pollfd){t.rtcp, POLLIN, 0};
	assert_int_equal(poll(&p, 1, 0), 0);
	send_report();
	while (poll(&p, 1, 0) == 0)
		uv_run(&t.loop, UV_RUN_ONCE); /* a report is due within 7.5 s */
	assert_true(receive(t.rtcp, heard) >= 16);
	assert_int_equal(heard[1], 201);
	rtsp_udp_close(t.udp);
	t.udp = NULL;
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(media_comes_in_sequence),
		cmocka_unit_test(what_is_lost_is_not_waited_for_for_ever),
		cmocka_unit_test(strangers_are_not_heard),
		cmocka_unit_test(reports_go_where_reports_come_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
