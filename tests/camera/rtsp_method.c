#include "rtsp_sdp.h"
#include "rtsp_session.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

/* A request on its way through the checks to its method. */
struct call {
	struct rtsp_session *s;
	const struct rtsp_request *req;
	struct rtsp_target target;
	struct camera *cam; /* NULL when the URL names none */
};

/* --- answers ---------------------------------------------------------------------- */

static const char *phrase_of(int status)
{
	static const struct { int status; const char *phrase; } table[] = {
		{200, "OK"}, {400, "Bad Request"}, {401, "Unauthorized"}, {404, "Not Found"},
		{454, "Session Not Found"}, {455, "Method Not Valid in This State"},
		{459, "Aggregate Operation Not Allowed"}, {461, "Unsupported Transport"},
		{500, "Internal Server Error"}, {501, "Not Implemented"}, {503, "Service Unavailable"},
		{505, "RTSP Version Not Supported"},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].status == status)
			return table[i].phrase;
	return "Unknown";
}

static void begin_answer(const struct call *c, int status, struct buf *out)
{
	buf_printf(out, "RTSP/1.0 %d %s\r\n", status, phrase_of(status));
	if (c->req->cseq)
		buf_printf(out, "CSeq: %s\r\n", c->req->cseq);
	buf_add_text(out, "Server: holdfast-camera\r\n");
	if (c->s->camera)
		buf_printf(out, "Session: %s;timeout=%u\r\n", c->s->id,
			   c->s->server->cfg.session_timeout_s);
}

static void end_answer(const struct call *c, struct buf *out)
{
	buf_add_text(out, "\r\n");
	rtsp_session_send(c->s, out);
}

static void answer(const struct call *c, int status)
{
	struct buf out = {0};

	begin_answer(c, status, &out);
	end_answer(c, &out);
}

static void fail(const struct call *c, const struct err *e)
{
	log_error("answer", "method=%s camera=%s text=\"%s\"", c->req->method, c->cam->cfg.name, e->text);
	answer(c, 500);
}

/* --- methods ---------------------------------------------------------------------- */

static void describe(const struct call *c)
{
	struct encoder_sets sets;
	struct buf out = {0}, sdp = {0};
	struct err e;

	if (camera_describe(c->cam, &sets, &e) < 0) {
		fail(c, &e);
		return;
	}
	rtsp_sdp_write(&c->cam->cfg, &sets, c->cam->sound, &sdp);
	begin_answer(c, 200, &out);
	buf_printf(&out, "Content-Base: %s/%s/\r\nContent-Type: application/sdp\r\n", c->target.base,
		   c->target.name);
	buf_printf(&out, "Content-Length: %zu\r\n\r\n", sdp.len);
	buf_add(&out, sdp.data, sdp.len);
	buf_finish(&sdp);
	rtsp_session_send(c->s, &out);
}

static void setup(const struct call *c)
{
	const char *transport = rtsp_request_header(c->req, "Transport");
	struct rtsp_channels channels;
	struct buf out = {0};

	int rc = transport ? rtsp_transport_parse(transport, &channels) : -EINVAL;
	if (rc < 0) {
		answer(c, rc == -EPROTONOSUPPORT ? 461 : 400);
		return;
	}
	bool sound = c->target.track == 2;
	if (sound && !c->cam->sound) {
		answer(c, 404);
		return;
	}
	if (sound ? !c->s->camera || c->s->has_sound : c->s->camera != NULL) {
		answer(c, 455); /* it has been set up, or the video was not */
		return;
	}
	if (sound)
		rtsp_session_set_up_sound(c->s, channels);
	else
		rtsp_session_set_up(c->s, c->cam, channels);
	begin_answer(c, 200, &out);
	buf_printf(&out, "Transport: RTP/AVP/TCP;unicast;interleaved=%u-%u;ssrc=%08X\r\n", channels.rtp,
		   channels.rtcp, sound ? c->s->sound.ssrc : c->s->stream.ssrc);
	end_answer(c, &out);
}

static void play(const struct call *c)
{
	struct rtsp_session *s = c->s;
	int64_t now_us = clock_wall(clock_real()).us;
	struct buf out = {0};
	struct err e;

	if (s->sm.now == RTSP_READY && rtsp_session_play(s, &e) < 0) {
		fail(c, &e);
		return;
	}
	begin_answer(c, 200, &out);
	buf_printf(&out, "Range: npt=0.000-\r\nRTP-Info: url=%s/%s/track1;seq=%u;rtptime=%u\r\n",
		   c->target.base, c->target.name, s->stream.next_seq,
		   rtp_stream_timestamp(&s->stream, now_us, s->camera->shift_us));
	end_answer(c, &out);
}

static void teardown(const struct call *c)
{
	struct buf out = {0};

	begin_answer(c, 200, &out);
	rtsp_session_tear_down(c->s, "request");
	end_answer(c, &out);
}

static void get_parameter(const struct call *c)
{
	answer(c, 200);
}

/* --- checks ----------------------------------------------------------------------- */

struct method {
	const char *name;
	void (*run)(const struct call *c);
	bool needs_session;
	bool begins; /* refused with 503 while the camera takes nobody */
};

static const struct method methods[] = {
	{"DESCRIBE",      describe,      false, true},
	{"SETUP",         setup,         false, true},
	{"PLAY",          play,          true,  false},
	{"TEARDOWN",      teardown,      true,  false},
	{"GET_PARAMETER", get_parameter, false, false},
};

static const struct method *method_of(const char *name)
{
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

static void answer_options(const struct call *c)
{
	struct buf out = {0};

	begin_answer(c, 200, &out);
	buf_add_text(&out, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN\r\n");
	end_answer(c, &out);
}

/* Answers 401 and returns false unless the request may see the camera. */
static bool authorised(const struct call *c)
{
	const struct rtsp_auth_config *cfg = &c->s->server->cfg.auth;
	const char *header = rtsp_request_header(c->req, "Authorization");
	struct mono now = clock_mono(clock_real());
	struct buf out = {0};

	enum rtsp_auth_verdict verdict =
		rtsp_auth_check(cfg, &c->s->auth, c->req->method, c->req->url, header, now);
	bool wrong = c->cam && c->cam->wrong_auth;
	if (verdict == AUTH_GRANTED && !wrong)
		return true;
	begin_answer(c, 401, &out);
	rtsp_auth_challenge(cfg, &c->s->auth, verdict == AUTH_STALE && !wrong, now, &out);
	end_answer(c, &out);
	return false;
}

/* Whether the Session header is that of this connection, or absent where it may be. */
static bool session_right(const struct call *c, bool needed)
{
	const char *id = rtsp_request_header(c->req, "Session");

	if (!id)
		return !needed;
	size_t len = strcspn(id, "; \t");
	return c->s->camera && strlen(c->s->id) == len && strncmp(c->s->id, id, len) == 0 &&
	       (!c->cam || c->cam == c->s->camera);
}

/* The status that stands in the way of the method, or 0. */
static int obstacle(const struct call *c, const struct method *m)
{
	if (!c->cam)
		return 404;
	if (m->begins && c->cam->refused)
		return 503;
	return session_right(c, m->needs_session) ? 0 : 454;
}

static void dispatch(struct call *c)
{
	const struct method *m = method_of(c->req->method);
	bool has_target = rtsp_target_parse(c->req->url, &c->target) == 0;

	if (has_target)
		c->cam = rtsp_server_camera(c->s->server, c->target.name);
	if (c->cam)
		c->s->target = c->cam;
	if (strcmp(c->req->method, "OPTIONS") == 0) {
		answer_options(c);
		return;
	}
	if (!m || !has_target) {
		answer(c, m ? 400 : 501);
		return;
	}
	if (!authorised(c))
		return;
	int status = obstacle(c, m);
	if (status)
		answer(c, status);
	else
		m->run(c);
}

void rtsp_method_answer(struct rtsp_session *s, char *head)
{
	struct rtsp_request req;
	int status = rtsp_request_parse(head, &req);
	struct call c = {.s = s, .req = &req};

	if (status) {
		answer(&c, status);
		return;
	}
	uv_timer_again(&s->idle);
	dispatch(&c);
}
