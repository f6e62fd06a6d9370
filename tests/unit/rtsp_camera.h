/* A camera that follows a script, over real TCP on the loopback, and one RTSP session that plays it.
 *
 * Each request is answered by the next line of the script, or by t.reply if it is set: "%u" in it becomes the
 * request's CSeq, a second one the port. "" hangs up; NULL says nothing. */
#pragma once
#include "recorder/rtsp_session.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK "RTSP/1.0 200 OK\r\nCSeq: %u\r\n"
#define OPTIONS_OK OK "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n\r\n"
#define SDP "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
#define DESCRIBE_OK OK "Content-Base: rtsp://192.0.2.9/live/\r\nContent-Length: 69\r\n\r\n" SDP
#define SETUP_OK OK "Session: abc;timeout=30\r\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n\r\n"
#define PLAY_OK OK "Session: abc\r\n\r\n"
#define CHALLENGE "RTSP/1.0 401 Unauthorized\r\nCSeq: %u\r\nWWW-Authenticate: Basic realm=\"c\"\r\n" \
	"WWW-Authenticate: Digest realm=\"c\", nonce=\"n1\"\r\n\r\n"
#define STALE "RTSP/1.0 401 Unauthorized\r\nCSeq: %u\r\n" \
	"WWW-Authenticate: Digest realm=\"c\", nonce=\"n2\", stale=true\r\n\r\n"
#define REDIRECT "RTSP/1.0 302 Moved\r\nCSeq: %u\r\nLocation: rtsp://127.0.0.1:%u/there\r\n\r\n"
#define HANG_UP ""

struct peer { uv_tcp_t tcp; struct buf in; };

/* One try: what the camera answers, what it heard, what the session told. */
static struct play {
	uv_loop_t loop;
	uv_tcp_t server;
	unsigned port;
	const char *const *script;
	unsigned at, count;
	const char *(*reply)(struct peer *p, const char *request);
	struct buf heard;          /* all requests */
	struct buf raw;            /* all bytes */
	const char *greeting;      /* said before anything was asked */
	bool audio;                /* the session wants the sound, too */
	unsigned offered, sounds;  /* tracks told; packets of the second */
	bool linger;               /* stay after `playing`, until it ends by itself */
	struct rtsp_session *session;
	unsigned tracks, plays, rtp, rtcp;
	bool has_ended, has_closed;
	enum gap_cause cause;
	char detail[256], url[100];
} t;

static bool over_udp, over_v6, plain_password; /* the tries that follow */

/* --- the camera ------------------------------------------------------------------- */

static inline void on_peer_closed(uv_handle_t *h)
{
	struct peer *p = h->data;

	buf_finish(&p->in);
	free(p);
}

static inline void hang_up(struct peer *p)
{
	if (!uv_is_closing((uv_handle_t *)&p->tcp))
		uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
}

static inline void say(struct peer *p, const char *text, size_t len)
{
	uv_buf_t b = uv_buf_init((char *)text, (unsigned)len);

	uv_try_write((uv_stream_t *)&p->tcp, &b, 1);
}

/* One interleaved frame. */
static inline void say_frame(struct peer *p, uint8_t channel, const char *payload)
{
	char frame[300] = {'$', (char)channel, 0, (char)strlen(payload)};

	memcpy(frame + 4, payload, strlen(payload));
	say(p, frame, 4 + strlen(payload));
}

/* What a camera without faults answers. */
static inline const char *ordinary(const char *request)
{
	static const struct { const char *method, *text; } answers[] = {
		{"OPTIONS ", OPTIONS_OK}, {"DESCRIBE ", DESCRIBE_OK}, {"SETUP ", SETUP_OK}, {"PLAY ", PLAY_OK}};

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		if (strncmp(request, answers[i].method, strlen(answers[i].method)) == 0)
			return answers[i].text;
	return OK "\r\n";
}

/* The script's text with the request's CSeq and, further on, the server's port. */
static inline void answer(struct peer *p, const char *request)
{
	const char *cseq = strstr(request, "CSeq: "), *text = NULL;
	char out[4096];

	if (t.reply)
		text = t.reply(p, request);
	else if (t.at < t.count)
		text = t.script[t.at++];

	if (!text)
		return;
	if (*text == '\0') {
		hang_up(p);
		return;
	}
	if (!t.reply && strcmp(text, PLAY_OK) == 0)
		say(p, "$\x04\x00\x03rtp$\x05\x00\x04rtcp$\x07\x00\x01x", 4 + 3 + 4 + 4 + 4 + 1);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	int n = snprintf(out, sizeof out, text, cseq ? (unsigned)strtoul(cseq + 6, NULL, 10) : 0, t.port);
#pragma GCC diagnostic pop
	say(p, out, (size_t)n);
}

static inline void on_request(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct peer *p = s->data;
	char *end;

	if (n > 0) {
		buf_add(&p->in, b->base, (size_t)n);
		buf_add(&t.raw, b->base, (size_t)n);
	}
	free(b->base);
	if (n < 0) {
		hang_up(p);
		return;
	}
	while (p->in.len && (end = memmem(p->in.data, p->in.len, "\r\n\r\n", 4))) {
		size_t len = (size_t)(end + 4 - (char *)p->in.data);
		char *request = strndup((char *)p->in.data, len);
		buf_add(&t.heard, request, len);
		buf_drop_front(&p->in, len);
		answer(p, request);
		free(request);
	}
}

static inline void on_room(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
	(void)h;
	*out = uv_buf_init(malloc(hint), (unsigned)hint);
}

static inline void on_connection(uv_stream_t *server, int status)
{
	struct peer *p = calloc(1, sizeof *p);

	assert_int_equal(status, 0);
	uv_tcp_init(&t.loop, &p->tcp);
	p->tcp.data = p;
	assert_int_equal(uv_accept(server, (uv_stream_t *)&p->tcp), 0);
	uv_read_start((uv_stream_t *)&p->tcp, on_room, on_request);
	if (t.greeting)
		say(p, t.greeting, strlen(t.greeting));
}

static inline void listen_here(void)
{
	struct sockaddr_storage at; /* the port is at the same place in both kinds */
	int len = sizeof at;

	uv_loop_init(&t.loop);
	uv_tcp_init(&t.loop, &t.server);
	if (over_v6)
		uv_ip6_addr("::1", 0, (struct sockaddr_in6 *)&at);
	else
		uv_ip4_addr("127.0.0.1", 0, (struct sockaddr_in *)&at);
	assert_int_equal(uv_tcp_bind(&t.server, (struct sockaddr *)&at, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&t.server, 5, on_connection), 0);
	uv_tcp_getsockname(&t.server, (struct sockaddr *)&at, &len);
	t.port = ntohs(((struct sockaddr_in *)&at)->sin_port);
}

/* --- the session's owner ------------------------------------------------------------- */

static inline void on_tracks(void *owner, const struct track *list, unsigned count)
{
	assert_ptr_equal(owner, &t);
	assert_true(count == 1 || t.audio);
	assert_int_equal(list[0].payload_type, 96);
	t.offered = count;
	t.tracks++;
}

static inline void on_playing(void *owner)
{
	(void)owner;
	t.plays++;
	if (!t.linger)
		rtsp_session_close(t.session);
}

static inline void on_packet(void *owner, unsigned track, const uint8_t *data, size_t len, bool rtcp)
{
	(void)owner;
	assert_true(track == 0 || t.audio);
	assert_memory_equal(data, track ? "pcm" : rtcp ? "rtcp" : "rtp", len);
	t.sounds += track;
	if (track)
		return;
	t.rtp += !rtcp;
	t.rtcp += rtcp;
}

static inline void on_ended(void *owner, enum gap_cause cause, const char *detail)
{
	(void)owner;
	assert_false(t.has_ended);
	t.has_ended = true;
	t.cause = cause;
	snprintf(t.detail, sizeof t.detail, "%s", detail);
	rtsp_session_close(t.session);
}

static inline void on_closed(void *owner)
{
	(void)owner;
	assert_false(t.has_closed);
	t.has_closed = true;
	uv_close((uv_handle_t *)&t.server, NULL);
}

static const struct rtsp_events events = {on_tracks, on_playing, on_packet, on_ended, on_closed};

/* --- driving it ------------------------------------------------------------------------ */

static inline void run_session(const char *user, const char *password)
{
	listen_here();
	snprintf(t.url, sizeof t.url, "rtsp://%s:%u/live", over_v6 ? "[::1]" : "127.0.0.1", t.port);
	struct rtsp_target target = {.url = t.url, .username = user, .password = password, .udp = over_udp, .audio = t.audio,
				     .plain_password = plain_password};
	t.session = rtsp_session_create(&t.loop, &target, &events, &t);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	assert_true(t.has_closed);
	assert_int_equal(uv_loop_close(&t.loop), 0);
	buf_add(&t.heard, "", 1);
}

static inline void play(const char *const *script, unsigned count, const char *user, const char *password, bool linger)
{
	t = (struct play){.script = script, .count = count, .linger = linger};
	run_session(user, password);
}

#define PLAY(user, password, linger, ...)                                                          \
	do {                                                                                       \
		static const char *const script[] = {__VA_ARGS__};                                 \
		play(script, sizeof script / sizeof script[0], user, password, linger);            \
	} while (0)

static inline bool heard(const char *text)
{
	return strstr((char *)t.heard.data, text) != NULL;
}

static inline unsigned heard_times(const char *text)
{
	unsigned n = 0;

	for (const char *p = (char *)t.heard.data; (p = strstr(p, text)); p += strlen(text))
		n++;
	return n;
}

static inline void done(void)
{
	buf_finish(&t.heard);
	buf_finish(&t.raw);
}

static inline void refused(enum gap_cause cause, const char *says)
{
	assert_true(t.has_ended);
	assert_int_equal(t.cause, cause);
	assert_non_null(strstr(t.detail, says));
	assert_int_equal(t.plays, 0);
	done();
}
