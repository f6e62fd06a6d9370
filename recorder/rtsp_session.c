#include "rtsp_session.h"

#include "rtsp_conn.h"
#include "rtsp_keepalive.h"
#include "rtsp_reply.h"
#include "rtsp_request.h"
#include "rtsp_transport.h"
#include "rtsp_url.h"
#include "sdp.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/require.h"
#include "base/sm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REDIRECTS_MAX 3
#define TEARDOWN_WAIT_MS 500

/*  CONNECTING ─▶ OPTIONS ─▶ DESCRIBE ─▶ SETUP ─▶ PLAY ─▶ PLAYING
 *      ▲            │          │         ↻       ↻       │
 *      └─redirect───┴──────────┘    next track, or        │   keep-alive each timeout / 2
 *                                   another address
 *
 *  Any of these ──failure──▶ ENDED (told; the connection stays for TEARDOWN)
 *  Any state ──close──▶ LEAVING (TEARDOWN sent, if there is a session) ──answer, 500 ms──▶ CLOSING
 *  CLOSING ──last handle closed──▶ CLOSED */
enum { CONNECTING, OPTIONS, DESCRIBE, SETUP, PLAY, PLAYING, ENDED, LEAVING, CLOSING, CLOSED };

#define ENDS (SM_TO(ENDED) | SM_TO(LEAVING) | SM_TO(CLOSING))

static const struct sm_state session_states[] = {
	[CONNECTING] = {"connecting", SM_TO(OPTIONS) | ENDS},
	[OPTIONS]    = {"options",    SM_TO(DESCRIBE) | SM_TO(CONNECTING) | ENDS},
	[DESCRIBE]   = {"describe",   SM_TO(SETUP) | SM_TO(CONNECTING) | ENDS},
	[SETUP]      = {"setup",      SM_TO(SETUP) | SM_TO(PLAY) | ENDS},
	[PLAY]       = {"play",       SM_TO(PLAY) | SM_TO(PLAYING) | ENDS},
	[PLAYING]    = {"playing",    ENDS},
	[ENDED]      = {"ended",      SM_TO(LEAVING) | SM_TO(CLOSING)},
	[LEAVING]    = {"leaving",    SM_TO(CLOSING)},
	[CLOSING]    = {"closing",    SM_TO(CLOSED)},
	[CLOSED]     = {"closed",     0},
};

struct rtsp_session {
	const struct rtsp_target *target;
	const struct rtsp_events *events;
	void *owner;
	uv_loop_t *loop;
	struct sm sm;
	uv_timer_t timer;          /* the step's time-out; keep-alive while playing; the wait for TEARDOWN */
	struct rtsp_conn *conn;
	unsigned open;             /* connections and handles that will still call back */

	struct rtsp_url url, aggregate, spare; /* what is described; what is played; or else is */
	unsigned redirects;
	struct rtsp_request request;
	struct rtsp_transport transport;

	struct rtsp_keepalive keepalive;
	bool heard;                /* anything, since the last keep-alive was sent */
	unsigned timeout_s;
	bool connected;            /* once, to any address */
	int status;                /* of the last answer; 0: none came */
};

static const struct rtsp_conn_events conn_events;
static void begin_closing(struct rtsp_session *s);
static void on_timer(uv_timer_t *t);

static void end(struct rtsp_session *s, enum gap_cause cause, const char *detail)
{
	s->request.method = NULL;
	uv_timer_stop(&s->timer);
	sm_move(&s->sm, ENDED);
	s->events->ended(s->owner, cause, detail);
}

/* --- requests ----------------------------------------------------------------- */

static void send_request(struct rtsp_session *s)
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
		end(s, CAUSE_CAMERA_REFUSED, lang("用户名或密码无法用于该摄像机,请检查 username",
			"this user name or password cannot be sent: check username"));
}

static void request(struct rtsp_session *s, const char *method, const struct rtsp_url *url, const char *extra)
{
	rtsp_request_begin(&s->request, method, url, extra);
	send_request(s);
}

static void step(struct rtsp_session *s, int state, const char *method, const struct rtsp_url *url,
		 const char *extra)
{
	sm_move(&s->sm, state);
	uv_timer_start(&s->timer, on_timer, RTSP_STEP_TIMEOUT_MS, 0);
	request(s, method, url, extra);
}

static void connect_to(struct rtsp_session *s)
{
	rtsp_request_reset(&s->request);
	s->conn = rtsp_conn_create(s->loop, &s->url, s->target, &conn_events, s);
	s->open++;
	uv_timer_start(&s->timer, on_timer, RTSP_STEP_TIMEOUT_MS, 0);
}

static void send_play(struct rtsp_session *s)
{
	step(s, PLAY, "PLAY", &s->aggregate, "Range: npt=0.000-\r\n");
}

static void set_up_or_play(struct rtsp_session *s)
{
	struct rtsp_transport *t = &s->transport;
	char transport[RTSP_REQUEST_EXTRA_MAX];

	if (t->set_up == t->count) {
		send_play(s);
		return;
	}
	if (rtsp_transport_ask(t, s->conn, transport, sizeof transport) < 0) {
		end(s, CAUSE_CAMERA_UNREACHABLE, lang("无法打开接收画面的 UDP 端口,请改用 transport: tcp",
			"no UDP port can be opened for the pictures: set transport: tcp"));
		return;
	}
	step(s, SETUP, "SETUP", &t->lanes[t->set_up].url, transport);
}

static void keep_alive(struct rtsp_session *s)
{
	s->heard = false;
	request(s, rtsp_keepalive_method(&s->keepalive), &s->aggregate, "");
}

/* A peer that is gone without a word: what a cut cable or a lost power supply looks like. One that does not
 * answer but sends media is left in peace. */
static void keep_alive_is_due(struct rtsp_session *s)
{
	if (s->request.method && !s->heard)
		end(s, CAUSE_CAMERA_UNREACHABLE, lang("摄像机不再应答,连接已断",
			"the camera does not answer any more: the connection is dead"));
	else
		keep_alive(s);
}

/* --- answers that are not 200 ---------------------------------------------------- */

/* What cameras say to an address that is not theirs; 459 and 460: it is of one track, or of all. */
static bool is_unknown_address(int status)
{
	return status == 400 || status == 404 || status == 459 || status == 460;
}

/* Content-Base, or the session's control, may have led astray: what was asked for is the other base. */
static bool ask_elsewhere(struct rtsp_session *s)
{
	if (s->sm.now == SETUP && rtsp_transport_spare(&s->transport)) {
		set_up_or_play(s);
		return true;
	}
	if (s->sm.now != PLAY || strcmp(s->spare.path, s->aggregate.path) == 0)
		return false;
	s->aggregate = s->spare;
	s->spare = s->transport.lanes[0].url;
	send_play(s);
	return true;
}

/* Whether it is the sound that the camera refuses: then the video goes on alone. */
static bool do_without(struct rtsp_session *s)
{
	if (s->sm.now != SETUP || !rtsp_transport_do_without(&s->transport))
		return false;
	log_warn("audio", "host=%s state=refused text=\"%s\"", s->url.host,
		 lang("摄像机拒绝提供声音,只录画面", "the camera refuses its sound: pictures only"));
	return true;
}

static void refused(struct rtsp_session *s, int status)
{
	char detail[200];

	if (s->sm.now == PLAYING) { /* a keep-alive: as long as media comes, it comes */
		s->request.method = NULL;
		return;
	}
	if (is_unknown_address(status) && ask_elsewhere(s))
		return;
	if (do_without(s)) {
		set_up_or_play(s);
		return;
	}
	snprintf(detail, sizeof detail, "%s %d: %s", s->request.method, status,
		 status == 461 ? rtsp_transport_remedy(&s->transport) : rtsp_reply_remedy(status));
	end(s, CAUSE_CAMERA_REFUSED, detail);
}

static void challenged(struct rtsp_session *s, const struct rtsp_item *r)
{
	const char *why;

	switch (rtsp_request_challenged(&s->request, r, &why)) {
	case 0:      send_request(s); break;
	case -EPERM: end(s, CAUSE_CAMERA_REFUSED, why); break;
	default:     refused(s, r->status); break;
	}
}

static void redirected(struct rtsp_session *s, const struct rtsp_item *r)
{
	const char *to = rtsp_item_header(r, "Location"), *why = "";
	struct rtsp_url url;

	if (s->sm.now > DESCRIBE || s->redirects++ == REDIRECTS_MAX) {
		end(s, CAUSE_CAMERA_REFUSED, lang("摄像机的转向太多,请检查 url",
			"the camera redirects too often: check url"));
		return;
	}
	if (!to || rtsp_url_parse(to, &url, &why) < 0) {
		end(s, CAUSE_CAMERA_REFUSED, lang("摄像机转到非 rtsp:// 地址,请检查 url",
			"the camera redirects to something that is not rtsp://: check url"));
		return;
	}
	if (s->url.tls && !url.tls) {
		end(s, CAUSE_CAMERA_REFUSED, lang("摄像机从 rtsps:// 转到未加密的地址,已拒绝;请检查 url",
			"the camera redirects from rtsps:// to plain text, which is refused: check url"));
		return;
	}
	s->url = url;
	rtsp_conn_close(s->conn);
	sm_move(&s->sm, CONNECTING);
	connect_to(s);
}

/* --- answers, one per step ---------------------------------------------------------- */

static void answered_options(struct rtsp_session *s, const struct rtsp_item *r)
{
	/* A camera that knows no OPTIONS may well know the rest: DESCRIBE decides. */
	rtsp_keepalive_offers(&s->keepalive, r->status == 200, rtsp_item_header(r, "Public"));
	step(s, DESCRIBE, "DESCRIBE", &s->url, "Accept: application/sdp\r\n");
}

/* The address of a track: beside Content-Base, and beside the URL that was asked for. */
static int add_track(struct rtsp_session *s, const struct rtsp_url *from, const struct track *track)
{
	struct rtsp_url url, spare;

	if (rtsp_url_resolve(from, track->control, &url) < 0)
		return -EINVAL;
	if (rtsp_url_resolve(&s->url, track->control, &spare) < 0)
		spare = url;
	rtsp_transport_add(&s->transport, &url, &spare, track->clock_rate);
	return 0;
}

static int resolve_urls(struct rtsp_session *s, const struct rtsp_item *r, const struct sdp *sdp)
{
	const char *base = rtsp_item_header(r, "Content-Base");
	struct rtsp_url from;

	if (!base)
		base = rtsp_item_header(r, "Content-Location");
	if (rtsp_url_resolve(&s->url, base, &from) < 0)
		from = s->url;
	if (rtsp_url_resolve(&from, sdp->control, &s->aggregate) < 0)
		s->aggregate = from;
	s->spare = s->url;
	int rc = add_track(s, &from, &sdp->track);
	if (rc == 0 && s->target->audio && sdp->has_audio)
		add_track(s, &from, &sdp->audio); /* the video goes without it */
	return rc;
}

static void tell_tracks(struct rtsp_session *s, const struct sdp *sdp)
{
	const struct track list[RTSP_TRACKS_MAX] = {sdp->track, sdp->audio};

	if (s->target->audio && !sdp->has_audio && sdp->other_audio[0])
		log_warn("audio", "host=%s state=refused codec=%s text=\"%s\"", s->url.host, sdp->other_audio,
			 lang("该声音编码无法录制,请在摄像机中改为 AAC 或 G.711",
			      "this sound codec is not recorded, set AAC or G.711 in the camera"));
	s->events->tracks(s->owner, list, s->transport.count);
}

static void answered_describe(struct rtsp_session *s, const struct rtsp_item *r)
{
	struct sdp sdp;
	struct err e;

	if (s->events->described)
		s->events->described(s->owner, (const char *)r->data, r->len);
	if (sdp_parse((const char *)r->data, r->len, &sdp, &e) < 0) {
		end(s, CAUSE_STREAM_UNUSABLE, e.text);
		return;
	}
	if (resolve_urls(s, r, &sdp) < 0) {
		sdp_finish(&sdp);
		end(s, CAUSE_STREAM_UNUSABLE, lang("摄像机给出的视频地址不对",
			"the camera names no valid address for its video"));
		return;
	}
	tell_tracks(s, &sdp);
	sdp_finish(&sdp);
	if (s->sm.now == DESCRIBE) /* the owner may have closed us */
		set_up_or_play(s);
}

static void answered_setup(struct rtsp_session *s, const struct rtsp_item *r)
{
	const char *session = rtsp_item_header(r, "Session"), *transport = rtsp_item_header(r, "Transport");
	char *id = s->request.session;
	bool known = id[0] && !session; /* a later track joins the session of the first */

	if (!known && (!session || rtsp_reply_session(session, id, &s->timeout_s) < 0))
		end(s, CAUSE_CAMERA_REFUSED, lang("摄像机没有给出会话号", "the camera gave no session"));
	else if (rtsp_transport_grant(&s->transport, transport) < 0 && !do_without(s))
		end(s, CAUSE_STREAM_UNUSABLE, rtsp_transport_remedy(&s->transport));
	else
		set_up_or_play(s);
}

static void answered_play(struct rtsp_session *s)
{
	sm_move(&s->sm, PLAYING);
	uv_timer_start(&s->timer, on_timer, s->timeout_s * 500, s->timeout_s * 500);
	s->events->playing(s->owner);
}

static void answered_keep_alive(struct rtsp_session *s, const struct rtsp_item *r)
{
	if (r->status == 454)
		end(s, CAUSE_STREAM_STALLED, lang("摄像机结束了会话", "the camera has ended the session"));
	else if (r->status != 200 && rtsp_keepalive_refused(&s->keepalive))
		keep_alive(s);
}

/* The camera takes no UDP: better recorded another way than not at all. */
static void fell_back(struct rtsp_session *s)
{
	char url[RTSP_URL_TEXT_MAX], quoted[RTSP_URL_TEXT_MAX];

	log_warn("rtsp_transport", "url=\"%s\" asked=udp used=tcp",
		 log_quote(quoted, sizeof quoted, rtsp_url_format(&s->url, url)));
	set_up_or_play(s);
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307;
}

static void on_response(struct rtsp_session *s, const struct rtsp_item *r)
{
	if (!rtsp_request_answered_by(&s->request, r))
		return;
	s->status = r->status;
	if (s->sm.now == LEAVING) {
		begin_closing(s);
		return;
	}
	if (r->status == 401) {
		challenged(s, r);
		return;
	}
	if (is_redirect(r->status) && s->sm.now != PLAYING) {
		redirected(s, r);
		return;
	}
	if (r->status == 461 && s->sm.now == SETUP && rtsp_transport_fall_back(&s->transport)) {
		fell_back(s);
		return;
	}
	if (r->status != 200 && s->sm.now != OPTIONS && s->sm.now != PLAYING) {
		refused(s, r->status);
		return;
	}
	rtsp_request_accepted(&s->request);
	switch (s->sm.now) {
	case OPTIONS:  answered_options(s, r); break;
	case DESCRIBE: answered_describe(s, r); break;
	case SETUP:    answered_setup(s, r); break;
	case PLAY:     answered_play(s); break;
	case PLAYING:  answered_keep_alive(s, r); break;
	}
}

/* --- what else the connection brings ------------------------------------------------- */

/* The server's own requests: it may ask whether we live; it may not command. */
static void on_request(struct rtsp_session *s, const struct rtsp_item *r)
{
	struct buf b = {0};

	rtsp_reply_write(r, &b);
	rtsp_conn_send(s->conn, &b);
	if (strcmp(r->method, "TEARDOWN") == 0 && s->sm.now < ENDED) {
		s->request.session[0] = '\0';
		end(s, CAUSE_CAMERA_UNREACHABLE, lang("摄像机结束了会话", "the camera has ended the session"));
	}
}

static void on_media(void *owner, unsigned track, const uint8_t *data, size_t len, bool rtcp)
{
	struct rtsp_session *s = owner;

	s->heard = true;
	if (s->sm.now == PLAY || s->sm.now == PLAYING)
		s->events->packet(s->owner, track, data, len, rtcp);
}

static void on_item(void *owner, const struct rtsp_item *it)
{
	struct rtsp_session *s = owner;

	s->heard = true;
	if (s->sm.now == ENDED && it->kind != RTSP_FRAME)
		return;
	switch (it->kind) {
	case RTSP_RESPONSE: on_response(s, it); break;
	case RTSP_REQUEST:  on_request(s, it); break;
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
	if (s->sm.now >= ENDED)
		return;
	if (!garbage)
		s->request.session[0] = '\0'; /* nobody is left to hear TEARDOWN */
	enum gap_cause cause = !garbage ? CAUSE_CAMERA_UNREACHABLE :
			       s->sm.now < SETUP ? CAUSE_CAMERA_REFUSED : CAUSE_STREAM_UNUSABLE;
	end(s, cause, detail);
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
		snprintf(detail, sizeof detail, "%s: %s", lang("摄像机 10 秒内没有答复",
			"the camera did not answer within 10 s"), s->request.method ? s->request.method : "RTSP");
	end(s, CAUSE_CAMERA_UNREACHABLE, detail);
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
		end(s, CAUSE_CAMERA_REFUSED, why);
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
	connect_to(s);
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
		.auth = s->request.auth.scheme,
		.redirects = s->redirects,
		.keep_alive = rtsp_keepalive_method(&s->keepalive),
		.timeout_s = s->timeout_s,
	};
	rtsp_url_format(&s->url, out->url);
}
