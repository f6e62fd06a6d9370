#include "rtsp_session.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/require.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REQUEST_MAX_BYTES 8192
#define SEND_BUFFER_BYTES 65536
#define REPORT_EVERY_US INT64_C(5000000)

/*        SETUP           PLAY
 *  OPEN ───────▶ READY ───────▶ PLAYING
 *    ▲  TEARDOWN   │               │
 *    └─────────────┴───────────────┘
 *  Any ──close──▶ CLOSING ──last handle closed──▶ CLOSED */
static const struct sm_state session_states[] = {
	[RTSP_OPEN]    = {"open",    SM_TO(RTSP_READY) | SM_TO(RTSP_CLOSING)},
	[RTSP_READY]   = {"ready",   SM_TO(RTSP_PLAYING) | SM_TO(RTSP_OPEN) | SM_TO(RTSP_CLOSING)},
	[RTSP_PLAYING] = {"playing", SM_TO(RTSP_OPEN) | SM_TO(RTSP_CLOSING)},
	[RTSP_CLOSING] = {"closing", SM_TO(RTSP_CLOSED)},
	[RTSP_CLOSED]  = {"closed",  0},
};

/* --- writing --------------------------------------------------------------------- */

struct write {
	uv_write_t req;
	struct buf data;
};

static void on_written(uv_write_t *req, int status)
{
	struct write *w = req->data;
	struct rtsp_session *s = req->handle->data;

	buf_finish(&w->data);
	free(w);
	if (status < 0)
		rtsp_session_close(s, "lost");
}

void rtsp_session_send(struct rtsp_session *s, struct buf *data)
{
	struct write *w = xcalloc(1, sizeof *w);

	w->req.data = w;
	w->data = *data;
	*data = (struct buf){0};
	uv_buf_t b = uv_buf_init((char *)w->data.data, (unsigned)w->data.len);
	if (s->sm.now >= RTSP_CLOSING || uv_write(&w->req, (uv_stream_t *)&s->tcp, &b, 1, on_written) < 0) {
		buf_finish(&w->data);
		free(w);
		rtsp_session_close(s, "lost");
	}
}

/* --- media ----------------------------------------------------------------------- */

static struct rtsp_session *session_of(struct camera_viewer *v)
{
	return (struct rtsp_session *)((char *)v - offsetof(struct rtsp_session, viewer));
}

static bool on_ready(struct camera_viewer *v)
{
	struct rtsp_session *s = session_of(v);

	if (uv_stream_get_write_queue_size((uv_stream_t *)&s->tcp) <= s->server->cfg.queue_bytes)
		return true;
	rtsp_session_close(s, "slow_reader");
	return false;
}

static void on_media(struct camera_viewer *v, const struct camera_media *m)
{
	struct rtsp_session *s = session_of(v);
	struct buf out = {0};

	uint32_t timestamp = rtp_stream_timestamp(&s->stream, m->clock_us, m->shift_us);
	rtp_stream_add_packets(&s->stream, &out, s->channels.rtp, &m->packets, timestamp);
	/* A clock that was set back must not silence the reports. */
	if (m->clock_us >= s->report_due_us || m->clock_us < s->report_due_us - REPORT_EVERY_US) {
		rtp_stream_add_report(&s->stream, &out, s->channels.rtcp, m->told_us, timestamp);
		s->report_due_us = m->clock_us + REPORT_EVERY_US;
	}
	rtsp_session_send(s, &out);
}

static void on_sound(struct camera_viewer *v, const struct sound_packet *p)
{
	struct rtsp_session *s = session_of(v);
	struct buf out = {0};

	rtp_stream_add_packets(&s->sound, &out, s->sound_channels.rtp, &p->packets,
			       s->sound.timestamp_base + p->timestamp);
	rtsp_session_send(s, &out);
}

/* --- lifecycle of the session ----------------------------------------------------- */

static void note(const struct rtsp_session *s, const char *event, const char *cause)
{
	truth_line(s->server->truth, event, s->camera->cfg.name,
		   "\"session\":\"%s\",\"peer\":\"%s\"%s%s%s", s->id, s->peer,
		   cause ? ",\"cause\":\"" : "", cause ? cause : "", cause ? "\"" : "");
}

void rtsp_session_set_up(struct rtsp_session *s, struct camera *cam, struct rtsp_channels channels)
{
	uint8_t id[(RTSP_SESSION_ID_MAX - 1) / 2];

	random_bytes(id, sizeof id);
	hex_encode(id, sizeof id, s->id);
	s->camera = cam;
	s->channels = channels;
	rtp_stream_init(&s->stream);
	s->report_due_us = 0;
	sm_move(&s->sm, RTSP_READY);
	note(s, "session", NULL);
}

void rtsp_session_set_up_sound(struct rtsp_session *s, struct rtsp_channels channels)
{
	s->has_sound = true;
	s->sound_channels = channels;
	rtp_stream_init(&s->sound);
}

int rtsp_session_play(struct rtsp_session *s, struct err *e)
{
	s->viewer.ready = on_ready;
	s->viewer.on_media = on_media;
	s->viewer.on_sound = s->has_sound ? on_sound : NULL;
	int rc = camera_attach(s->camera, &s->viewer, e);
	if (rc < 0)
		return rc;
	sm_move(&s->sm, RTSP_PLAYING);
	note(s, "play", NULL);
	return 0;
}

static void forget_session(struct rtsp_session *s, const char *cause)
{
	if (s->sm.now == RTSP_PLAYING)
		camera_detach(s->camera, &s->viewer);
	if (s->camera)
		note(s, "teardown", cause);
	s->camera = NULL;
	s->has_sound = false;
	s->id[0] = '\0';
}

void rtsp_session_tear_down(struct rtsp_session *s, const char *cause)
{
	forget_session(s, cause);
	sm_move(&s->sm, RTSP_OPEN);
}

/* --- reading --------------------------------------------------------------------- */

/* The Content-Length of a head, 0 without one, SIZE_MAX if it makes no sense. */
static size_t body_length(const char *head)
{
	static const char name[] = "\nContent-Length:";

	for (const char *p = strchr(head, '\n'); p; p = strchr(p + 1, '\n')) {
		if (strncasecmp(p, name, sizeof name - 1) != 0)
			continue;
		p += sizeof name - 1;
		p += strspn(p, " \t");
		size_t digits = strspn(p, "0123456789");
		return digits >= 1 && digits <= 6 ? strtoul(p, NULL, 10) : SIZE_MAX;
	}
	return 0;
}

/* Takes one request from the front of the input. Returns 0, -EAGAIN when it is not whole
 * yet, -EPROTO when it never will be. */
static int take_request(struct rtsp_session *s)
{
	static const char blank[] = "\r\n\r\n";
	const char *end = memmem(s->in.data, s->in.len, blank, sizeof blank - 1);

	if (!end)
		return s->in.len > REQUEST_MAX_BYTES ? -EPROTO : -EAGAIN;
	size_t len = (size_t)(end - (const char *)s->in.data) + 2;
	if (memchr(s->in.data, '\0', len))
		return -EPROTO;
	char *head = strndup((const char *)s->in.data, len);
	REQUIRE(head != NULL);
	size_t body = body_length(head), whole = len + 2 + body;
	int rc = body > REQUEST_MAX_BYTES ? -EPROTO : whole > s->in.len ? -EAGAIN : 0;
	if (rc == 0) {
		buf_drop_front(&s->in, whole);
		rtsp_method_answer(s, head);
	}
	free(head);
	return rc;
}

/* The client's own RTCP reports are skipped; blank lines between requests too. */
static int take_one(struct rtsp_session *s)
{
	if (s->in.data[0] == '\r' || s->in.data[0] == '\n') {
		buf_drop_front(&s->in, 1);
		return 0;
	}
	if (s->in.data[0] != '$')
		return take_request(s);
	if (s->in.len < 4)
		return -EAGAIN;
	if (s->server->cfg.rtcp_keeps_alive && s->camera && s->in.data[1] == s->channels.rtcp)
		uv_timer_again(&s->idle);
	size_t len = 4 + (size_t)get_u16be(s->in.data + 2);
	size_t here = len < s->in.len ? len : s->in.len;
	buf_drop_front(&s->in, here);
	s->skip_bytes = len - here;
	return 0;
}

static void read_some(struct rtsp_session *s, const char *data, size_t len)
{
	size_t skipped = s->skip_bytes < len ? s->skip_bytes : len;
	int rc = 0;

	s->skip_bytes -= skipped;
	buf_add(&s->in, data + skipped, len - skipped);
	while (rc == 0 && s->in.len > 0 && s->sm.now < RTSP_CLOSING)
		rc = take_one(s);
	if (rc == -EPROTO)
		rtsp_session_close(s, "protocol");
}

/* --- callbacks: find the object, name the event, nothing else ----------------------- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct rtsp_session *s = h->data;

	(void)suggested;
	*b = uv_buf_init(s->server->read_room, sizeof s->server->read_room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct rtsp_session *s = stream->data;

	if (n < 0)
		rtsp_session_close(s, n == UV_EOF ? "closed" : "lost");
	else
		read_some(s, b->base, (size_t)n);
}

static void on_idle(uv_timer_t *t)
{
	rtsp_session_close(t->data, "timeout");
}

static void on_handle_closed(uv_handle_t *h)
{
	struct rtsp_session *s = h->data;

	if (--s->open_handles > 0)
		return;
	sm_move(&s->sm, RTSP_CLOSED);
	if (s->prev)
		s->prev->next = s->next;
	else
		s->server->sessions = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->server->session_count--;
	buf_finish(&s->in);
	free(s);
}

/* --- lifetime --------------------------------------------------------------------- */

bool rtsp_session_close(struct rtsp_session *s, const char *cause)
{
	if (s->sm.now >= RTSP_CLOSING)
		return false;
	forget_session(s, cause);
	sm_move(&s->sm, RTSP_CLOSING);
	uv_close((uv_handle_t *)&s->tcp, on_handle_closed);
	uv_close((uv_handle_t *)&s->idle, on_handle_closed);
	return true;
}

static void name_peer(struct rtsp_session *s)
{
	struct sockaddr_storage a = {0};
	int len = sizeof a;

	snprintf(s->peer, sizeof s->peer, "unknown");
	if (uv_tcp_getpeername(&s->tcp, (struct sockaddr *)&a, &len) < 0)
		return;
	char ip[48] = "";
	unsigned port = 0;
	if (a.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;
		uv_ip4_name(v4, ip, sizeof ip);
		port = ntohs(v4->sin_port);
	} else if (a.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a;
		uv_ip6_name(v6, ip, sizeof ip);
		port = ntohs(v6->sin6_port);
	}
	snprintf(s->peer, sizeof s->peer, "%s:%u", ip, port);
}

static void enlist(struct rtsp_session *s)
{
	struct rtsp_server *srv = s->server;

	s->next = srv->sessions;
	if (s->next)
		s->next->prev = s;
	srv->sessions = s;
	srv->session_count++;
}

static int begin(struct rtsp_session *s, uv_stream_t *listener)
{
	int send_bytes = SEND_BUFFER_BYTES;
	uint64_t timeout_ms = (uint64_t)s->server->cfg.session_timeout_s * 1000;
	int rc = uv_accept(listener, (uv_stream_t *)&s->tcp);

	if (rc == 0)
		rc = uv_send_buffer_size((uv_handle_t *)&s->tcp, &send_bytes);
	if (rc == 0)
		rc = uv_tcp_nodelay(&s->tcp, 1);
	if (rc == 0)
		rc = uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);
	if (rc == 0)
		rc = uv_timer_start(&s->idle, on_idle, timeout_ms, timeout_ms);
	return rc;
}

void rtsp_session_accept(struct rtsp_server *srv, uv_stream_t *listener, bool welcome)
{
	struct rtsp_session *s = xcalloc(1, sizeof *s);

	s->server = srv;
	sm_init(&s->sm, session_states, "rtsp_session", RTSP_OPEN);
	REQUIRE(uv_tcp_init(srv->loop, &s->tcp) == 0 && uv_timer_init(srv->loop, &s->idle) == 0);
	s->tcp.data = s->idle.data = s;
	s->open_handles = 2;
	enlist(s);
	int rc = begin(s, listener);
	name_peer(s);
	if (rc < 0)
		rtsp_session_close(s, "lost");
	else if (!welcome)
		rtsp_session_close(s, "too_many");
}
