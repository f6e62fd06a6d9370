/* bench-source CLIP FPS: many cameras for little CPU. Every RTSP session on a port of the loopback
 * interface, whatever its path, is a camera of its own that plays the clip for ever.
 *
 *	stdout  port of the listener; at SIGTERM a JSON object {path: [sessions, frames sent, frames dropped]}
 *	SIGUSR1 every camera falls silent after its whole frame
 *
 * A frame goes out at its camera's time at no more than a 100 Mbit/s port lets through. Cameras are staggered
 * by the number that ends their path, so that camera N of every recorder sends at the same time.
 * A frame that finds 4 MiB of older ones waiting is dropped whole: the recorder is too slow. */
#include "clip.h"

#include "base/crypto.h"
#include "base/require.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SLOTS 64             /* of a frame's time; cameras are spread over them */
#define BURST_BYTES 12500    /* what a 100 Mbit/s port sends in a millisecond or so: one slot */
#define REQUEST_MAX 4096
#define WAITING_MAX_BYTES (4u << 20)
#define PATH_MAX_BYTES 64

struct session {
	int fd;
	char path[PATH_MAX_BYTES];
	char in[REQUEST_MAX];
	size_t in_len;
	struct buf out;            /* what the socket did not take yet */
	bool playing, sending, watched; /* sending: in the midst of a frame */
	unsigned slot, packet;     /* packet: of the clip, next to send */
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	uint64_t frames, dropped;
	struct session *next;
};

struct source {
	struct clip clip;
	unsigned fps;
	char *sets;                /* for the SDP */
	int poll, listener, timer, signals;
	uint64_t slot;
	bool silent, ended;
	struct session *sessions;  /* those that ended stay for the report, with fd -1 */
};

/* --- writing ------------------------------------------------------------------- */

static void watch(struct source *s, struct session *c, bool out)
{
	struct epoll_event ev = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c};

	if (c->watched != out)
		epoll_ctl(s->poll, EPOLL_CTL_MOD, c->fd, &ev);
	c->watched = out;
}

static void end_session(struct session *c)
{
	close(c->fd);
	c->fd = -1;
	c->playing = c->sending = false;
	buf_finish(&c->out);
}

static void put(struct source *s, struct session *c, const void *data, size_t len)
{
	ssize_t n = c->out.len ? 0 : send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		return; /* reading will tell the end */
	size_t sent = n < 0 ? 0 : (size_t)n;
	buf_add(&c->out, (const uint8_t *)data + sent, len - sent);
	watch(s, c, c->out.len > 0);
}

static void on_room(struct source *s, struct session *c)
{
	ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		buf_drop_front(&c->out, (size_t)n);
	watch(s, c, c->out.len > 0);
}

/* --- frames --------------------------------------------------------------------- */

/* The packets of the frame at hand, up to what a slot lets through. */
static void send_burst(struct source *s, struct session *c)
{
	struct clip *clip = &s->clip;
	unsigned first = c->packet, frame = clip->packets[first].frame;
	size_t from = clip->packets[first].at, end = from;

	while (c->packet < clip->packet_count && clip->packets[c->packet].frame == frame &&
	       end - from < BURST_BYTES) {
		clip_stamp(clip, c->packet, c->sequence++, c->timestamp, c->ssrc);
		end = clip->packets[c->packet].at + clip->packets[c->packet].len;
		c->packet++;
	}
	put(s, c, clip->bytes.data + from, end - from);
	c->sending = c->packet < clip->packet_count && clip->packets[c->packet].frame == frame;
	if (c->sending)
		return;
	c->frames++;
	c->timestamp += CLIP_CLOCK_RATE / s->fps;
	c->packet %= clip->packet_count;
}

static void drop_frame(struct source *s, struct session *c)
{
	unsigned frame = s->clip.packets[c->packet].frame;

	while (c->packet < s->clip.packet_count && s->clip.packets[c->packet].frame == frame)
		c->packet++;
	c->packet %= s->clip.packet_count;
	c->sequence++;
	c->dropped++;
	c->timestamp += CLIP_CLOCK_RATE / s->fps;
}

static void on_slot(struct source *s)
{
	for (struct session *c = s->sessions; c; c = c->next) {
		bool begins = c->playing && !s->silent && c->slot == s->slot % SLOTS;
		if (begins && !c->sending && c->out.len > WAITING_MAX_BYTES)
			drop_frame(s, c);
		else if (c->sending || begins)
			send_burst(s, c);
	}
	s->slot++;
}

static void on_timer(struct source *s)
{
	uint64_t times = 0;

	if (read(s->timer, &times, sizeof times) != sizeof times)
		return;
	while (times-- > 0)
		on_slot(s);
}

/* --- RTSP -------------------------------------------------------------------------- */

static void answer(struct source *s, struct session *c, unsigned cseq, const char *headers, const char *body)
{
	struct buf b = {0};

	buf_printf(&b, "RTSP/1.0 200 OK\r\nCSeq: %u\r\n%sContent-Length: %zu\r\n\r\n%s", cseq, headers,
		   strlen(body), body);
	put(s, c, b.data, b.len);
	buf_finish(&b);
}

static void describe(struct source *s, struct session *c, unsigned cseq)
{
	char sdp[1024];

	snprintf(sdp, sizeof sdp,
		 "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=bench\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
		 "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
		 "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=%s\r\na=control:track1\r\n", s->sets);
	answer(s, c, cseq, "Content-Type: application/sdp\r\n", sdp);
}

static void play(struct session *c)
{
	const char *digits = c->path + strcspn(c->path, "0123456789");

	c->playing = true;
	c->slot = (unsigned)atoi(digits) * 37 % SLOTS; /* 37: an odd number, so that all slots are used */
}

static void on_request(struct source *s, struct session *c, const char *request)
{
	const char *cseq_at = strcasestr(request, "\nCSeq:"), *url = strstr(request, "://");
	unsigned cseq = cseq_at ? (unsigned)atoi(cseq_at + 6) : 0;

	if (url && (url = strchr(url + 3, '/')) && !*c->path)
		snprintf(c->path, sizeof c->path, "%.*s", (int)strcspn(url + 1, " /?\r\n"), url + 1);
	if (strncmp(request, "DESCRIBE", 8) == 0)
		describe(s, c, cseq);
	else if (strncmp(request, "SETUP", 5) == 0)
		answer(s, c, cseq, "Session: 1;timeout=60\r\n"
		       "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", "");
	else
		answer(s, c, cseq, "Session: 1\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n",
		       "");
	if (strncmp(request, "PLAY", 4) == 0)
		play(c);
}

/* The length of the first request or `$` frame in the buffer; 0 if it is not whole. */
static size_t item_len(const struct session *c)
{
	if (c->in_len >= 4 && c->in[0] == '$') {
		size_t len = 4u + get_u16be((const uint8_t *)c->in + 2);
		return len <= c->in_len ? len : 0;
	}
	const char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
	return end ? (size_t)(end - c->in) + 4 : 0;
}

static void on_bytes(struct source *s, struct session *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - 1 - c->in_len, MSG_DONTWAIT);
	size_t len;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end_session(c);
		return;
	}
	c->in_len += (size_t)n;
	while ((len = item_len(c)) > 0) {
		char kept = c->in[len];
		c->in[len] = '\0';
		if (c->in[0] != '$')
			on_request(s, c, c->in);
		c->in[len] = kept;
		c->in_len -= len;
		memmove(c->in, c->in + len, c->in_len);
	}
}

/* --- life ------------------------------------------------------------------------------ */

static void add(struct source *s, int fd, void *who)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = who};

	REQUIRE(epoll_ctl(s->poll, EPOLL_CTL_ADD, fd, &ev) == 0);
}

static void on_connection(struct source *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;

	if (fd < 0)
		return;
	struct session *c = xcalloc(1, sizeof *c);
	*c = (struct session){.fd = fd, .ssrc = (uint32_t)fd, .next = s->sessions};
	s->sessions = c;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	add(s, fd, c);
}

static void on_signal(struct source *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof info) != sizeof info)
		return;
	s->silent |= info.ssi_signo == SIGUSR1;
	s->ended |= info.ssi_signo != SIGUSR1;
}

static void open_all(struct source *s)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	long period_ns = 1000000000L / (long)s->fps / SLOTS;
	struct itimerspec every = {{0, period_ns}, {0, period_ns}};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->poll = epoll_create1(EPOLL_CLOEXEC);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC);
	REQUIRE(bind(s->listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(s->listener, 512) == 0);
	REQUIRE(getsockname(s->listener, (struct sockaddr *)&at, &len) == 0);
	REQUIRE(timerfd_settime(s->timer, 0, &every, NULL) == 0);
	add(s, s->listener, &s->listener);
	add(s, s->timer, &s->timer);
	add(s, s->signals, &s->signals);
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
}

static void on_event(struct source *s, const struct epoll_event *ev)
{
	struct session *c = ev->data.ptr;

	if (ev->data.ptr == &s->timer)
		on_timer(s);
	else if (ev->data.ptr == &s->listener)
		on_connection(s);
	else if (ev->data.ptr == &s->signals)
		on_signal(s);
	else if (c->fd >= 0 && ev->events & EPOLLOUT)
		on_room(s, c);
	else if (c->fd >= 0)
		on_bytes(s, c);
}

static void report(const struct source *s)
{
	const char *comma = "";

	printf("[");
	for (const struct session *c = s->sessions; c; c = c->next, comma = ",")
		printf("%s\n[\"%s\", %lu, %lu]", comma, c->path, c->frames, c->dropped);
	printf("]\n");
}

int main(int argc, char **argv)
{
	static struct source s;
	struct epoll_event events[64];

	if (argc != 3 || atoi(argv[2]) < 1) {
		fprintf(stderr, "usage: %s CLIP.h264 FPS\n", argv[0]);
		return 2;
	}
	s.fps = (unsigned)atoi(argv[2]);
	clip_load(&s.clip, argv[1]);
	char *sps = base64_encode(s.clip.sps, s.clip.sps_len), *pps = base64_encode(s.clip.pps, s.clip.pps_len);
	s.sets = xasprintf("%s,%s", sps, pps);
	open_all(&s);
	while (!s.ended) {
		int n = epoll_wait(s.poll, events, 64, -1);
		for (int i = 0; i < n; i++)
			on_event(&s, &events[i]);
	}
	report(&s);
	return 0;
}
