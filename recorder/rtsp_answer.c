#include "rtsp_session_inner.h"

#include "rtsp_reply.h"

#include "base/lang.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

#define REDIRECTS_MAX 3
#define SESSION_NOT_FOUND 454
#define FLOWING_MS 2000 /* media came within */

/* --- answers that are not 200 ---------------------------------------------------- */

/* It has no room, or not this transport: at any address. */
static bool is_of_no_address(int status)
{
	return status == 453 || status == 503 || status == 461;
}

/* Content-Base, or the session's control, may have led astray, and cameras say so with any status: what was asked for
 * is the other base. */
static bool ask_elsewhere(struct rtsp_session *s)
{
	if (s->sm.now == SETUP && rtsp_transport_spare(&s->transport)) {
		rtsp_session_set_up(s);
		return true;
	}
	if (s->sm.now != PLAY || strcmp(s->spare.path, s->aggregate.path) == 0)
		return false;
	s->aggregate = s->spare;
	s->spare = s->transport.lanes[0].url;
	rtsp_session_play(s);
	return true;
}

/* The camera named another session for the second track, and the first one is void. */
static bool join_the_other(struct rtsp_session *s)
{
	if (s->sm.now != PLAY || s->other_session[0] == '\0')
		return false;
	memcpy(s->request.session, s->other_session, sizeof s->other_session);
	s->other_session[0] = '\0';
	rtsp_session_play(s);
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
	if ((!is_of_no_address(status) && ask_elsewhere(s)) || (status == SESSION_NOT_FOUND && join_the_other(s)))
		return;
	if (do_without(s)) {
		rtsp_session_set_up(s);
		return;
	}
	snprintf(detail, sizeof detail, "%s %d: %s", s->request.method, status,
		 status == 461 ? rtsp_transport_remedy(&s->transport) : rtsp_reply_remedy(status));
	rtsp_session_end(s, CAUSE_CAMERA_REFUSED, detail);
}

static void challenged(struct rtsp_session *s, const struct rtsp_item *r)
{
	const char *why;

	int rc = rtsp_request_challenged(&s->request, r, &why);
	if (rc == 0)
		rtsp_session_repeat(s);
	else if (rc == -EPERM && s->sm.now != PLAYING) /* then, as long as media comes, it comes */
		rtsp_session_end(s, CAUSE_CAMERA_REFUSED, why);
	else
		refused(s, r->status);
}

static void redirected(struct rtsp_session *s, const struct rtsp_item *r)
{
	const char *to = rtsp_item_header(r, "Location"), *why = "";
	struct rtsp_url url;

	if (s->sm.now > DESCRIBE || s->redirects++ == REDIRECTS_MAX) {
		rtsp_session_end(s, CAUSE_CAMERA_REFUSED, lang("摄像机的转向太多,请检查 url",
			"the camera redirects too often: check url"));
		return;
	}
	if (!to || rtsp_url_parse(to, &url, &why) < 0) {
		rtsp_session_end(s, CAUSE_CAMERA_REFUSED, lang("摄像机转到非 rtsp:// 地址,请检查 url",
			"the camera redirects to something that is not rtsp://: check url"));
		return;
	}
	if (s->url.tls && !url.tls) {
		rtsp_session_end(s, CAUSE_CAMERA_REFUSED, lang("摄像机从 rtsps:// 转到未加密的地址,已拒绝;请检查 url",
			"the camera redirects from rtsps:// to plain text, which is refused: check url"));
		return;
	}
	s->url = url;
	rtsp_conn_close(s->conn);
	sm_move(&s->sm, CONNECTING);
	rtsp_session_connect(s);
}

/* --- answers, one per step ---------------------------------------------------------- */

static void answered_options(struct rtsp_session *s, const struct rtsp_item *r)
{
	/* A camera that knows no OPTIONS may well know the rest: DESCRIBE decides. */
	rtsp_keepalive_offers(&s->keepalive, r->status == 200, rtsp_item_header(r, "Public"));
	rtsp_session_describe(s);
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

static int resolve_urls(struct rtsp_session *s, const struct rtsp_item *r)
{
	const char *base = rtsp_item_header(r, "Content-Base");
	const struct sdp *sdp = &s->sdp;
	struct rtsp_url from;

	if (!base)
		base = rtsp_item_header(r, "Content-Location");
	if (rtsp_url_resolve_base(&s->url, base, &from) < 0)
		from = s->url;
	if (rtsp_url_resolve(&from, sdp->control, &s->aggregate) < 0)
		s->aggregate = from;
	s->spare = s->url;
	int rc = add_track(s, &from, &sdp->track);
	if (rc == 0 && s->target->audio && sdp->has_audio)
		add_track(s, &from, &sdp->audio); /* the video goes without it */
	return rc;
}

static void tell_tracks(struct rtsp_session *s)
{
	struct track list[RTSP_TRACKS_MAX] = {s->sdp.track, s->sdp.audio};

	for (unsigned i = 0; i < RTSP_TRACKS_MAX; i++)
		list[i].reliable = !s->transport.udp;
	s->events->tracks(s->owner, list, s->transport.count);
}

static void warn_of_sound(const struct rtsp_session *s)
{
	if (s->target->audio && !s->sdp.has_audio && s->sdp.other_audio[0])
		log_warn("audio", "host=%s state=refused codec=%s text=\"%s\"", s->url.host, s->sdp.other_audio,
			 lang("该声音编码无法录制,请在摄像机中改为 AAC 或 G.711",
			      "this sound codec is not recorded, set AAC or G.711 in the camera"));
}

static void answered_describe(struct rtsp_session *s, const struct rtsp_item *r)
{
	struct err e;

	if (s->events->described)
		s->events->described(s->owner, (const char *)r->data, r->len);
	sdp_finish(&s->sdp);
	if (sdp_parse((const char *)r->data, r->len, &s->sdp, &e) < 0) {
		rtsp_session_end(s, CAUSE_STREAM_UNUSABLE, e.text);
		return;
	}
	if (resolve_urls(s, r) < 0) {
		rtsp_session_end(s, CAUSE_STREAM_UNUSABLE, lang("摄像机给出的视频地址不对",
			"the camera names no valid address for its video"));
		return;
	}
	warn_of_sound(s);
	tell_tracks(s);
	if (s->sm.now == DESCRIBE) /* the owner may have closed us */
		rtsp_session_set_up(s);
}

static void answered_setup(struct rtsp_session *s, const struct rtsp_item *r)
{
	const char *transport = rtsp_item_header(r, "Transport");

	if (rtsp_transport_grant(&s->transport, transport) < 0 && !do_without(s))
		rtsp_session_end(s, CAUSE_STREAM_UNUSABLE, rtsp_transport_remedy(&s->transport));
	else
		rtsp_session_set_up(s);
}

/* Some cameras name the session in a later answer, or in none at all. The first one stays: that of the video. */
static void take_session(struct rtsp_session *s, const struct rtsp_item *r)
{
	const char *session = rtsp_item_header(r, "Session");
	char id[RTSP_SESSION_ID_MAX];
	unsigned timeout_s;

	if (s->sm.now < SETUP || !session || rtsp_reply_session(session, id, &timeout_s) < 0)
		return;
	if (s->request.session[0] == '\0') {
		memcpy(s->request.session, id, sizeof id);
		s->timeout_s = timeout_s;
	} else if (s->sm.now == SETUP && strcmp(s->request.session, id) != 0) {
		memcpy(s->other_session, id, sizeof id);
	}
}

/* A camera that knows the session no more, or the method: while pictures come it is only the method. */
static void answered_keep_alive(struct rtsp_session *s, const struct rtsp_item *r)
{
	if (r->status == SESSION_NOT_FOUND && uv_now(s->loop) - s->media_at_ms > FLOWING_MS)
		rtsp_session_end(s, CAUSE_STREAM_STALLED, lang("摄像机结束了会话", "the camera has ended the session"));
	else if (r->status != 200 && rtsp_keepalive_refused(&s->keepalive))
		rtsp_session_keep_alive(s);
}

/* The camera takes no UDP: better recorded another way than not at all. */
static void fell_back(struct rtsp_session *s)
{
	char url[RTSP_URL_TEXT_MAX], quoted[RTSP_URL_TEXT_MAX];

	log_warn("rtsp_transport", "url=\"%s\" asked=udp used=tcp",
		 log_quote(quoted, sizeof quoted, rtsp_url_format(&s->url, url)));
	tell_tracks(s);
	if (s->sm.now == SETUP)
		rtsp_session_set_up(s);
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307;
}

void rtsp_answer(struct rtsp_session *s, const struct rtsp_item *r)
{
	s->status = r->status;
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
	take_session(s, r);
	switch (s->sm.now) {
	case OPTIONS:  answered_options(s, r); break;
	case DESCRIBE: answered_describe(s, r); break;
	case SETUP:    answered_setup(s, r); break;
	case PLAY:     rtsp_session_playing(s); break;
	case PLAYING:  answered_keep_alive(s, r); break;
	}
}
