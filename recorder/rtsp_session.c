#include "rtsp_session_inner.h"

#include "rtsp_reply.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/require.h"

#include <stdlib.h>
#include <string.h>

#define TEARDOWN_WAIT_MS 500

/*  CONNECTING ─▶ OPTIONS ─▶ DESCRIBE ─▶ SETUP ─▶ PLAY ─▶ PLAYING
 *      ▲            │          │         ↻       ↻       │
 *      └─redirect───┴──────────┘    next track, or        │   keep-alive each timeout / 2
 *                                   another address
 *  OPTIONS, DESCRIBE, SETUP ──closed behind a 401──▶ CONNECTING, once
 *
 *  Any of these ──failure──▶ ENDED (told; the connection stays for TEARDOWN)
 *  Any state ──close──▶ LEAVING (TEARDOWN sent, if there is a session) ──answer, 500 ms──▶ CLOSING
 *  CLOSING ──last handle closed──▶ CLOSED */

#define ENDS (SM_TO(ENDED) | SM_TO(LEAVING) | SM_TO(CLOSING))

static const struct sm_state session_states[] = {
	[CONNECTING] = {"connecting", SM_TO(OPTIONS) | ENDS},
	[OPTIONS]    = {"options",    SM_TO(DESCRIBE) | SM_TO(CONNECTING) | ENDS},
	[DESCRIBE]   = {"describe",   SM_TO(SETUP) | SM_TO(CONNECTING) | ENDS},
	[SETUP]      = {"setup",      SM_TO(SETUP) | SM_TO(PLAY) | SM_TO(CONNECTING) | ENDS},
	[PLAY]       = {"play",       SM_TO(PLAY) | SM_TO(PLAYING) | ENDS},
	[PLAYING]    = {"playing",    ENDS},
	[ENDED]      = {"ended",      SM_TO(LEAVING) | SM_TO(CLOSING)},
	[LEAVING]    = {"leaving",    SM_TO(CLOSING)},
	[CLOSING]    = {"closing",    SM_TO(CLOSED)},
	[CLOSED]     = {"closed",     0},
};

static const struct rtsp_conn_events conn_events;
static void begin_closing(struct rtsp_session *s);
static void on_timer(uv_timer_t *t);

void rtsp_session_end(struct rtsp_session *s, enum gap_cause cause, const char *detail)
{
	s->request.method = NULL;
	uv_timer_stop(&s->timer);
	sm_move(&s->sm, ENDED);
	s->events->ended(s->owner, cause, detail);
}

/* --- requests ----------------------------------------------------------------- */

void rtsp_session_repeat(struct rtsp_session *s)
{
	struct buf b = {0};

	if (rtsp_request_write(&s->request, &b) == 0) {
		rtsp_conn_send(s->conn, &b);
		return;
	}
	buf_finish(&b);
	if (s->sm.now == LEAVING)
		begin_closing(s);
	else
		rtsp_session_end(s, CAUSE_CAMERA_REFUSED, lang("用户名或密码无法用于该摄像机,请检查 username",
			"this user name or password cannot be sent: check username"));
}

static void request(struct rtsp_session *s, const char *method, const struct rtsp_url *url, const char *extra)
{
	rtsp_request_begin(&s->request, method, url, extra);
	rtsp_session_repeat(s);
}

static void step(struct rtsp_session *s, int state, const char *method, const struct rtsp_url *url,
		 const char *extra)
{
	sm_move(&s->sm, state);
	bool quick = state == OPTIONS && !s->target->patient;
	uv_timer_start(&s->timer, on_timer, quick ? RTSP_FIRST_TIMEOUT_MS : RTSP_STEP_TIMEOUT_MS, 0);
	request(s, method, url, extra);
}

static void open_connection(struct rtsp_session *s)
{
	s->conn = rtsp_conn_create(s->loop, &s->url, s->target, &conn_events, s);
	s->open++;
	uv_timer_start(&s->timer, on_timer, RTSP_STEP_TIMEOUT_MS, 0);
}

void rtsp_session_connect(struct rtsp_session *s)
{
	rtsp_request_reset(&s->request, s->url.tls);
	open_connection(s);
}

/* Some cameras close the connection behind a challenge: it is answered on the next one. */
static bool answers_on_another(struct rtsp_session *s)
{
	bool asked = s->sm.now >= OPTIONS && s->sm.now <= SETUP && s->status == 401 && s->request.answered;

	if (!asked || s->reopened)
		return false;
	s->reopened = true;
	rtsp_conn_close(s->conn);
	rtsp_transport_finish(&s->transport);
	s->request.session[0] = '\0';
	rtsp_request_reopen(&s->request);
	sm_move(&s->sm, CONNECTING);
	open_connection(s);
	return true;
}

void rtsp_session_describe(struct rtsp_session *s)
{
	step(s, DESCRIBE, "DESCRIBE", &s->url, "Accept: application/sdp\r\n");
}

void rtsp_session_play(struct rtsp_session *s)
{
	step(s, PLAY, "PLAY", &s->aggregate, "Range: npt=0.000-\r\n");
}

void rtsp_session_playing(struct rtsp_session *s)
{
	sm_move(&s->sm, PLAYING);
	uv_timer_start(&s->timer, on_timer, s->timeout_s * 500, s->timeout_s * 500);
	s->events->playing(s->owner);
}

void rtsp_session_set_up(struct rtsp_session *s)
{
	struct rtsp_transport *t = &s->transport;
	char transport[RTSP_REQUEST_EXTRA_MAX];

	if (t->set_up == t->count) {
		rtsp_session_play(s);
		return;
	}
	if (rtsp_transport_ask(t, s->conn, transport, sizeof transport) < 0) {
		rtsp_session_end(s, CAUSE_CAMERA_UNREACHABLE, lang("无法打开接收画面的 UDP 端口,请改用 transport: tcp",
			"no UDP port can be opened for the pictures: set transport: tcp"));
		return;
	}
	step(s, SETUP, "SETUP", &t->lanes[t->set_up].url, transport);
}

void rtsp_session_keep_alive(struct rtsp_session *s)
{
	s->heard = false;
	request(s, rtsp_keepalive_method(&s->keepalive), &s->aggregate, "");
}

/* A peer that is gone without a word: what a cut cable or a lost power supply looks like. One that does not
 * answer but sends media is left in peace. */
static void keep_alive_is_due(struct rtsp_session *s)
{
	if (s->request.method && !s->heard)
		rtsp_session_end(s, CAUSE_CAMERA_UNREACHABLE, lang("摄像机不再应答,连接已断",
			"the camera does not answer any more: the connection is dead"));
	else
		rtsp_session_keep_alive(s);
}

/* --- what the connection brings ------------------------------------------------- */

static void on_response(struct rtsp_session *s, const struct rtsp_item *r)
{
	if (!rtsp_request_answered_by(&s->request, r))
		return;
	if (s->sm.now == LEAVING)
		begin_closing(s);
	else
		rtsp_answer(s, r);
}

/* The server's own requests: it may ask whether we live; it may not command. */
static void on_request(struct rtsp_session *s, const struct rtsp_item *r)
{
	struct buf b = {0};

	rtsp_reply_write(r, &b);
	rtsp_conn_send(s->conn, &b);
	if (strcmp(r->method, "TEARDOWN") == 0 && s->sm.now < ENDED) {
		s->request.session[0] = '\0';
		rtsp_session_end(s, CAUSE_CAMERA_UNREACHABLE, lang("摄像机结束了会话", "the camera has ended the session"));
	}
}

static void on_media(void *owner, unsigned track, const uint8_t *data, size_t len, bool rtcp)
{
	struct rtsp_session *s = owner;

	s->heard = true;
	s->media_at_ms = uv_now(s->loop);
	if (s->sm.now == PLAY || s->sm.now == PLAYING)
		s->events->packet(s->owner, track, data, len, rtcp);
}

static void on_torn(struct rtsp_session *s)
{
	if (s->torn++ == 0)
		log_warn("rtsp_torn", "host=%s text=\"%s\"", s->url.host, rtsp_torn_text());
	if (s->events->torn && (s->sm.now == PLAY || s->sm.now == PLAYING))
		s->events->torn(s->owner);
}

static void on_item(void *owner, const struct rtsp_item *it)
{
	struct rtsp_session *s = owner;

	s->heard = true;
	if (s->sm.now == ENDED && it->kind < RTSP_FRAME)
		return;
	switch (it->kind) {
	case RTSP_RESPONSE: on_response(s, it); break;
	case RTSP_REQUEST:  on_request(s, it); break;
	case RTSP_TORN:     on_torn(s); break;
	case RTSP_FRAME:    rtsp_transport_frame(&s->transport, it->channel, it->data, it->len); break;
	}
}

static void on_connected(void *owner)
{
	struct rtsp_session *s = owner;

	s->connected = true;
	step(s, OPTIONS, "OPTIONS", &s->url, "");
}

static void on_failed(void *owner, bool garbage, const char *detail)
{
	struct rtsp_session *s = owner;

	if (s->sm.now == LEAVING)
		begin_closing(s);
	if (s->sm.now >= ENDED || (!garbage && answers_on_another(s)))
		return;
	if (!garbage)
		s->request.session[0] = '\0'; /* nobody is left to hear TEARDOWN */
	enum gap_cause cause = !garbage ? CAUSE_CAMERA_UNREACHABLE :
			       s->sm.now < SETUP ? CAUSE_CAMERA_REFUSED : CAUSE_STREAM_UNUSABLE;
	rtsp_session_end(s, cause, detail);
}

static void timed_out(struct rtsp_session *s)
{
	char detail[200];

	if (s->sm.now == CONNECTING && s->url.tls)
		snprintf(detail, sizeof detail, "%s", lang("该端口没有 TLS 应答,请检查地址和端口,并在摄像机中开启 RTSPS",
			"no TLS answer: check address and port, and turn RTSPS on in the camera"));
	else if (s->sm.now == CONNECTING)
		snprintf(detail, sizeof detail, "%s", lang("摄像机没有应答,请检查地址、网线和电源",
			"the camera does not answer: check address, cable and power"));
	else
		snprintf(detail, sizeof detail, "%s: %s", lang("摄像机没有及时答复",
			"the camera did not answer in time"), s->request.method ? s->request.method : "RTSP");
	rtsp_session_end(s, CAUSE_CAMERA_UNREACHABLE, detail);
}

static void on_timer(uv_timer_t *t)
{
	struct rtsp_session *s = t->data;
	const char *why = "";

	if (s->sm.now == LEAVING)
		begin_closing(s);
	else if (s->sm.now == PLAYING)
		keep_alive_is_due(s);
	else if (s->conn)
		timed_out(s);
	else if (rtsp_url_parse(s->target->url, &s->url, &why) < 0)
		rtsp_session_end(s, CAUSE_CAMERA_REFUSED, why);
}

/* --- lifetime --------------------------------------------------------------------------- */

static void release(struct rtsp_session *s)
{
	if (--s->open > 0)
		return;
	void (*closed)(void *) = s->events->closed;
	void *owner = s->owner;

	sm_move(&s->sm, CLOSED);
	closed(owner);
	rtsp_request_finish(&s->request);
	sdp_finish(&s->sdp);
	free(s);
}

static void on_conn_closed(void *owner)
{
	release(owner);
}

static void on_timer_closed(uv_handle_t *h)
{
	release(h->data);
}

static const struct rtsp_conn_events conn_events = {on_connected, on_item, on_failed, on_conn_closed};

struct rtsp_session *rtsp_session_create(uv_loop_t *loop, const struct rtsp_target *target,
					 const struct rtsp_events *events, void *owner)
{
	struct rtsp_session *s = xcalloc(1, sizeof *s);

	*s = (struct rtsp_session){.target = target, .events = events, .owner = owner, .loop = loop,
				   .open = 1, .timeout_s = 60};
	sm_init(&s->sm, session_states, "rtsp", CONNECTING);
	REQUIRE(uv_timer_init(loop, &s->timer) == 0);
	s->timer.data = s;
	if (rtsp_url_parse(target->url, &s->url, NULL) < 0) {
		uv_timer_start(&s->timer, on_timer, 0, 0);
		return s;
	}
	rtsp_request_init(&s->request, target, &s->url);
	rtsp_transport_init(&s->transport, loop, target->udp, on_media, s);
	rtsp_session_connect(s);
	return s;
}

static void begin_closing(struct rtsp_session *s)
{
	sm_move(&s->sm, CLOSING);
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
	rtsp_transport_finish(&s->transport);
	if (s->conn)
		rtsp_conn_close(s->conn);
}

void rtsp_session_close(struct rtsp_session *s)
{
	if (s->sm.now >= LEAVING)
		return;
	if (s->request.session[0] == '\0') {
		begin_closing(s);
		return;
	}
	sm_move(&s->sm, LEAVING);
	uv_timer_start(&s->timer, on_timer, TEARDOWN_WAIT_MS, 0);
	request(s, "TEARDOWN", &s->aggregate, "");
}

void rtsp_session_facts(const struct rtsp_session *s, struct rtsp_facts *out)
{
	*out = (struct rtsp_facts){
		.connected = s->connected,
		.spoke_rtsp = s->status > 0,
		.status = s->status,
		.digest_seen = s->request.digest_seen,
		.plain_refused = s->request.plain_refused,
		.showed_login = s->request.answered,
		.auth = s->request.auth.scheme,
		.redirects = s->redirects,
		.keep_alive = rtsp_keepalive_method(&s->keepalive),
		.timeout_s = s->timeout_s,
		.torn = s->torn,
	};
	rtsp_url_format(&s->url, out->url);
}
