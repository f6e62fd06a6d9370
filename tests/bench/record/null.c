/* bench-null PORT PATH COUNT FOLDER: the recorder that does nothing but recv and write, the least that any
 * can cost. Plays rtsp://127.0.0.1:PORT/PATH0 … and writes what comes to FOLDER/0 …, until it is ended. */
#include "base/require.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct stream { int from, to; };

static int connect_to(unsigned short port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	REQUIRE(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
	return fd;
}

static void begin(struct stream *s, unsigned short port, const char *path, int number, const char *folder)
{
	char text[512];

	snprintf(text, sizeof text, "%s/%d", folder, number);
	s->to = open(text, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	s->from = connect_to(port);
	int len = snprintf(text, sizeof text,
			   "SETUP rtsp://127.0.0.1:%u/%s%d RTSP/1.0\r\nCSeq: 1\r\n"
			   "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
			   "PLAY rtsp://127.0.0.1:%u/%s%d RTSP/1.0\r\nCSeq: 2\r\nSession: 1\r\n\r\n",
			   port, path, number, port, path, number);
	REQUIRE(s->to >= 0 && write(s->from, text, (size_t)len) == len);
}

static void pass_on(const struct stream *s)
{
	static char bytes[64 << 10];
	ssize_t n = recv(s->from, bytes, sizeof bytes, 0);

	if (n <= 0)
		exit(1); /* the source is gone */
	REQUIRE(write(s->to, bytes, (size_t)n) == n);
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];

	if (argc != 5) {
		fprintf(stderr, "usage: %s PORT PATH COUNT FOLDER\n", argv[0]);
		return 2;
	}
	int poll = epoll_create1(0), count = atoi(argv[3]);
	struct stream *streams = calloc((size_t)count, sizeof *streams);
	REQUIRE(poll >= 0 && streams);
	for (int i = 0; i < count; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &streams[i]};
		begin(&streams[i], (unsigned short)atoi(argv[1]), argv[2], i, argv[4]);
		REQUIRE(epoll_ctl(poll, EPOLL_CTL_ADD, streams[i].from, &ev) == 0);
	}
	for (;;) {
		int n = epoll_wait(poll, events, 64, -1);
		for (int i = 0; i < n; i++)
			pass_on(events[i].data.ptr);
	}
}
