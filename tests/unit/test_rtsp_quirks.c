/* What cameras do beside the standard, in the conversation: each test is named after what the session
 * survives. (Of the media: test_run_quirks.c.) */
#include "rtsp_camera.h"

#include "base/lang.h"

#define TEN_MEGABYTES (10u << 20)
#define SESSION_TIMEOUT_MS 2000 /* the shortest: a keep-alive each second */
#define SETUP_SHORT OK "Session: abc;timeout=2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n\r\n"
#define UNKNOWN_METHOD "RTSP/1.0 501 Not Implemented\r\nCSeq: %u\r\n\r\n"
#define NOT_FOUND "RTSP/1.0 404 Not Found\r\nCSeq: %u\r\n\r\n"
#define VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"

static bool is(const char *request, const char *method)
{
	size_t len = strlen(method);

	return strncmp(request, method, len) == 0 && request[len] == ' ';
}

static void run_against(const char *(*reply)(struct peer *p, const char *request), bool linger)
{
	t = (struct play){.reply = reply, .linger = linger};
	run_session("view", "geheim");
}

static void plays_whatever_it_says(const char *(*reply)(struct peer *p, const char *request))
{
	run_against(reply, false);
	assert_int_equal(t.plays, 1);
	assert_false(t.has_ended);
	done();
}

/* --- where the media is ------------------------------------------------------------- */

static struct { const char *base, *session_control, *control, *known; } sdp;

static const char *describe(void)
{
	static char text[1000];
	char body[500];

	snprintf(body, sizeof body, "v=0\r\n%s" VIDEO "%s", sdp.session_control, sdp.control);
	snprintf(text, sizeof text, "RTSP/1.0 200 OK\r\nCSeq: %%u\r\n%sContent-Length: %zu\r\n\r\n%s", sdp.base,
		 strlen(body), body);
	return text;
}

/* A camera that knows one address for SETUP, and answers 404 to others. */
static const char *knows_one_address(struct peer *p, const char *request)
{
	(void)p;
	if (is(request, "DESCRIBE"))
		return describe();
	if (is(request, "SETUP") && sdp.known && !strstr(request, sdp.known))
		return NOT_FOUND;
	return ordinary(request);
}

static void sets_up(const char *base, const char *session_control, const char *control, const char *path)
{
	char known[100], setup[200];

	snprintf(known, sizeof known, "%s RTSP/1.0", path);
	sdp.base = base;
	sdp.session_control = session_control;
	sdp.control = control;
	sdp.known = known;
	run_against(knows_one_address, false);
	assert_int_equal(t.plays, 1);
	snprintf(setup, sizeof setup, "SETUP rtsp://127.0.0.1:%u%s RTSP/1.0\r\n", t.port, path);
	assert_true(heard(setup));
	sdp.known = NULL;
	done();
}

static void control_absolute(void **state)
{
	(void)state;
	sets_up("", "", "a=control:rtsp://192.168.1.64:554/live/trackID=1\r\n", "/live/trackID=1");
	sets_up("", "a=control:rtsp://192.168.1.64/live/\r\n", "a=control:rtsp://192.168.1.64/live/v\r\n", "/live/v");
}

static void control_relative(void **state)
{
	(void)state;
	sets_up("", "", "a=control:trackID=1\r\n", "/live/trackID=1");
	sets_up("Content-Base: rtsp://cam/live/\r\n", "a=control:*\r\n", "a=control:trackID=1\r\n", "/live/trackID=1");
	sets_up("Content-Base: rtsp://cam/live/\r\n", "", "a=control:/live/trackID=1\r\n", "/live/trackID=1");
}

static void control_empty(void **state)
{
	(void)state;
	sets_up("", "", "a=control:\r\n", "/live");
	sets_up("", "a=control:\r\n", "", "/live");
}

static void control_wildcard(void **state)
{
	(void)state;
	sets_up("", "a=control:*\r\n", "a=control:*\r\n", "/live");
	sets_up("Content-Base: rtsp://cam/live/\r\n", "a=control:*\r\n", "a=control:*\r\n", "/live/");
}

static void content_base_missing(void **state)
{
	(void)state;
	sets_up("", "", "a=control:track1\r\n", "/live/track1");
	sets_up("Content-Location: rtsp://cam/live/\r\n", "", "a=control:track1\r\n", "/live/track1");
}

static void content_base_wrong(void **state)
{
	(void)state;
	sets_up("Content-Base: rtsp://10.9.8.7:99/live/\r\n", "", "a=control:track1\r\n", "/live/track1");
	sets_up("Content-Base: rtsp://cam/nowhere/\r\n", "", "a=control:track1\r\n", "/live/track1");
	sets_up("Content-Base: cam\r\n", "", "a=control:track1\r\n", "/live/track1");
	sets_up("Content-Base: rtsp://cam/a b\r\n", "", "a=control:track1\r\n", "/live/track1");
}

static const char *plays_tracks_only(struct peer *p, const char *request)
{
	(void)p;
	if (is(request, "PLAY") && !strstr(request, "/live/track1 RTSP"))
		return "RTSP/1.0 459 Aggregate Operation Not Allowed\r\nCSeq: %u\r\n\r\n";
	return ordinary(request);
}

static void aggregate_play_refused(void **state)
{
	(void)state;
	plays_whatever_it_says(plays_tracks_only);
}

static const char *never_plays(struct peer *p, const char *request)
{
	(void)p;
	return is(request, "PLAY") ? NOT_FOUND : ordinary(request);
}

static void no_address_that_plays(void **state)
{
	(void)state;
	run_against(never_plays, false);
	assert_true(heard_times("PLAY rtsp") <= 3);
	refused(CAUSE_CAMERA_REFUSED, "PLAY 404");
}

static const char *two_videos(struct peer *p, const char *request)
{
	(void)p;
	sdp.base = sdp.session_control = "";
	sdp.control = "a=control:main\r\nm=audio 0 RTP/AVP 8\r\na=control:sound\r\n"
		      "m=video 0 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=control:sub\r\n"
		      "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:meta\r\n";
	return is(request, "DESCRIBE") ? describe() : ordinary(request);
}

static void two_video_tracks_and_onvif_metadata(void **state)
{
	(void)state;
	run_against(two_videos, false);
	assert_int_equal(t.plays, 1);
	assert_int_equal(heard_times("SETUP "), 1);
	assert_true(heard("/live/main RTSP/1.0"));
	done();
}

/* --- headers -------------------------------------------------------------------------- */

static const char *in_lower_case(struct peer *p, const char *request)
{
	(void)p;
	if (is(request, "OPTIONS"))
		return "RTSP/1.0 200 OK\r\ncseq: %u\r\npublic: options, describe, setup, play, get_parameter\r\n\r\n";
	if (is(request, "DESCRIBE"))
		return "RTSP/1.0 200 OK\r\ncseq:%u\r\ncontent-base:rtsp://cam/live/\r\ncontent-length:69\r\n\r\n" SDP;
	if (is(request, "SETUP"))
		return "RTSP/1.0 200 OK\r\ncseq: %u\r\nsession: ABC;TIMEOUT=30\r\n"
		       "transport: rtp/avp/tcp;unicast;INTERLEAVED=4-5\r\n\r\n";
	return "RTSP/1.0 200 OK\r\ncseq: %u\r\n\r\n";
}

static void headers_in_lower_case(void **state)
{
	(void)state;
	run_against(in_lower_case, false);
	assert_int_equal(t.plays, 1);
	assert_true(heard("/live/track1 RTSP") && heard("Session: ABC\r\n"));
	done();
}

static const char *folded(struct peer *p, const char *request)
{
	(void)p;
	if (is(request, "DESCRIBE"))
		return "RTSP/1.0 200 OK\r\nCSeq:\r\n %u\r\nContent-Base:\r\n\trtsp://cam/live/\r\n"
		       "Content-Length:\r\n  69\r\n\r\n" SDP;
	if (is(request, "SETUP"))
		return "RTSP/1.0 200 OK\r\nCSeq: %u\r\nSession: abc;\r\n timeout=30\r\n"
		       "Transport: RTP/AVP/TCP;unicast;\r\n\tinterleaved=4-5\r\n\r\n";
	return ordinary(request);
}

static void headers_folded(void **state)
{
	(void)state;
	run_against(folded, false);
	assert_int_equal(t.plays, 1);
	assert_true(heard("/live/track1 RTSP") && heard("Session: abc\r\n"));
	done();
}

static const char *wrong_rtp_info(struct peer *p, const char *request)
{
	(void)p;
	return is(request, "PLAY") ? OK "Session: abc\r\nRTP-Info: url=nowhere;seq=x;rtptime=99999999999999,;;\r\n"
					"Range: npt=now-\r\n\r\n" : ordinary(request);
}

static const char *plain(struct peer *p, const char *request)
{
	(void)p;
	return ordinary(request);
}

static void rtp_info_wrong_or_missing(void **state)
{
	(void)state;
	plays_whatever_it_says(wrong_rtp_info);
	plays_whatever_it_says(plain); /* PLAY_OK has none */
}

/* --- what keeps a session alive ------------------------------------------------------------ */

/* A camera that ends the session unless it hears the one method that counts. */
static struct { const char *method, *offers; unsigned refused, accepted; uv_timer_t deadline; struct peer *peer; } alive;

static void on_deadline(uv_timer_t *timer)
{
	(void)timer;
	hang_up(alive.peer);
}

static const char *only_one_keeps_alive(struct peer *p, const char *request)
{
	alive.peer = p;
	if (is(request, "OPTIONS") && t.plays == 0)
		return alive.offers;
	if (is(request, "SETUP"))
		return SETUP_SHORT;
	if (is(request, "PLAY")) {
		uv_timer_init(&t.loop, &alive.deadline);
		uv_timer_start(&alive.deadline, on_deadline, SESSION_TIMEOUT_MS, 0);
	}
	if (t.plays == 0)
		return ordinary(request);
	if (is(request, "TEARDOWN") || !is(request, alive.method)) {
		alive.refused++;
		return UNKNOWN_METHOD;
	}
	uv_timer_start(&alive.deadline, on_deadline, SESSION_TIMEOUT_MS, 0);
	if (++alive.accepted < 2)
		return OK "\r\n";
	uv_close((uv_handle_t *)&alive.deadline, NULL);
	return HANG_UP;
}

static void kept_alive_by(const char *method, const char *offers, unsigned refused_first)
{
	memset(&alive, 0, sizeof alive);
	alive.method = method;
	alive.offers = offers;
	run_against(only_one_keeps_alive, true);
	assert_int_equal(alive.accepted, 2);
	assert_int_equal(alive.refused, refused_first);
	done();
}

static void keep_alive_only_by_options(void **state)
{
	(void)state;
	kept_alive_by("OPTIONS", OPTIONS_OK, 1); /* GET_PARAMETER is offered, and not known */
}

static void keep_alive_only_by_get_parameter(void **state)
{
	(void)state;
	kept_alive_by("GET_PARAMETER", UNKNOWN_METHOD, 0);
}

static void keep_alive_only_by_set_parameter(void **state)
{
	(void)state;
	kept_alive_by("SET_PARAMETER", OK "Public: DESCRIBE, SETUP, PLAY, SET_PARAMETER\r\n\r\n", 0);
}

static unsigned asked;

/* Media and no answer: some cameras never answer a keep-alive. */
static const char *media_but_no_answer(struct peer *p, const char *request)
{
	if (t.plays == 0)
		return is(request, "SETUP") ? SETUP_SHORT : ordinary(request);
	say_frame(p, 4, "rtp");
	return ++asked < 3 ? NULL : HANG_UP;
}

static void keep_alive_never_answered(void **state)
{
	(void)state;
	asked = 0;
	run_against(media_but_no_answer, true);
	assert_int_equal(asked, 3);
	assert_int_equal(t.rtp, 3);
	done();
}

/* Nothing at all comes, and no FIN either: what a power cut looks like. */
static const char *gone(struct peer *p, const char *request)
{
	(void)p;
	if (t.plays > 0)
		return NULL;
	return is(request, "SETUP") ? SETUP_SHORT : ordinary(request);
}

static void half_open_tcp(void **state)
{
	(void)state;
	run_against(gone, true);
	assert_true(t.has_ended);
	assert_int_equal(t.cause, CAUSE_CAMERA_UNREACHABLE);
	assert_int_equal(heard_times("GET_PARAMETER"), 1);
	done();
}

/* --- what comes between ------------------------------------------------------------------------ */

static const char *cut_in_pieces(struct peer *p, const char *request)
{
	if (is(request, "SETUP"))
		return SETUP_SHORT;
	if (t.plays == 0 || is(request, "TEARDOWN"))
		return ordinary(request);
	const char *cseq = strstr(request, "CSeq: ");
	char reply[100];
	snprintf(reply, sizeof reply, "RTSP/1.0 200 OK\r\nCSeq: %lu\r\n\r\n", strtoul(cseq + 6, NULL, 10));
	say_frame(p, 4, "rtp");
	say(p, reply, strlen(reply));
	say_frame(p, 5, "rtcp");
	say(p, reply, strlen(reply)); /* twice: nothing waits for the second */
	say(p, "\r\n$\x04\x00\x03r", 7);
	say(p, "tp", 2);
	return ++asked < 2 ? NULL : HANG_UP;
}

static void replies_interleaved_into_media(void **state)
{
	(void)state;
	asked = 0;
	run_against(cut_in_pieces, true);
	assert_int_equal(asked, 2);
	assert_int_equal(t.rtp, 4);
	assert_int_equal(t.rtcp, 2);
	done();
}

/* A camera that still sends the session before, on channels that it has not granted yet. */
static const char *still_sends_the_last_session(struct peer *p, const char *request)
{
	if (!is(request, "PLAY") && !is(request, "TEARDOWN"))
		for (uint8_t channel = 0; channel < 6; channel++)
			say_frame(p, channel, "stale");
	return ordinary(request);
}

static void stale_rtp_from_an_earlier_session(void **state)
{
	(void)state;
	run_against(still_sends_the_last_session, false);
	assert_int_equal(t.plays, 1);
	assert_int_equal(t.rtp + t.rtcp, 0);
	done();
}

static const char *speaks_on_foreign_channels(struct peer *p, const char *request)
{
	if (is(request, "PLAY")) {
		say_frame(p, 0, "foreign");
		say_frame(p, 255, "foreign");
		say_frame(p, 4, "");
		say_frame(p, 4, "rtp");
	}
	return ordinary(request);
}

static void foreign_channel_data(void **state)
{
	(void)state;
	run_against(speaks_on_foreign_channels, false);
	assert_int_equal(t.plays, 1);
	assert_int_equal(t.rtp, 1);
	done();
}

/* --- what is hostile ------------------------------------------------------------------------------ */

struct flood { uv_write_t req; char data[TEN_MEGABYTES]; };

static void on_flooded(uv_write_t *req, int status)
{
	(void)status;
	free(req);
}

static const char *floods(struct peer *p, const char *request)
{
	struct flood *f = malloc(sizeof *f);
	uv_buf_t b = uv_buf_init(f->data, sizeof f->data);

	(void)request;
	memset(f->data, 'a', sizeof f->data);
	memcpy(f->data, "RTSP/1.0 200 OK\r\nX: ", 20);
	uv_write(&f->req, (uv_stream_t *)&p->tcp, &b, 1, on_flooded);
	return NULL;
}

static void ten_megabytes_without_a_delimiter(void **state)
{
	(void)state;
	run_against(floods, false);
	refused(CAUSE_CAMERA_REFUSED, "16 KiB");
}

static const char *always_401(struct peer *p, const char *request)
{
	static char text[300];

	(void)p;
	(void)request;
	snprintf(text, sizeof text, "RTSP/1.0 401 U\r\nCSeq: %%u\r\nWWW-Authenticate: Digest realm=\"r%u\", "
		 "nonce=\"n%u\", stale=true\r\n\r\n", asked, asked);
	asked++;
	return text;
}

static void a_401_loop(void **state)
{
	(void)state;
	asked = 0;
	run_against(always_401, false);
	assert_true(asked <= 5); /* cameras lock accounts */
	refused(CAUSE_CAMERA_REFUSED, "401");
}

/* A camera that was given another realm and nonce while we played: the next keep-alive finds out. */
static const char *changes_its_realm(struct peer *p, const char *request)
{
	const char *realm = t.plays == 0 ? "old" : "new";
	static char text[300];

	(void)p;
	asked += t.plays > 0;
	if (asked == 3)
		return HANG_UP;
	if (is(request, "OPTIONS") || (strstr(request, "realm=\"") && strstr(strstr(request, "realm=\""), realm)))
		return is(request, "SETUP") ? SETUP_SHORT : ordinary(request);
	snprintf(text, sizeof text, "RTSP/1.0 401 U\r\nCSeq: %%u\r\nWWW-Authenticate: Digest realm=\"%s\", "
		 "nonce=\"%s\", qop=\"auth\"\r\n\r\n", realm, realm);
	return text;
}

static void realm_changes_in_mid_session(void **state)
{
	(void)state;
	asked = 0;
	run_against(changes_its_realm, true);
	assert_int_equal(asked, 3); /* refused, taken, and the next one a second later */
	assert_int_equal(t.cause, CAUSE_CAMERA_UNREACHABLE);
	assert_int_equal(heard_times("realm=\"new\""), 2);
	assert_true(heard("nc=00000001, ") && heard("nc=00000002, "));
	assert_false(heard("geheim"));
	done();
}

/* Somebody between us and the camera, who would rather read the password. */
static const char *falls_to_basic(struct peer *p, const char *request)
{
	(void)p;
	if (is(request, "SETUP"))
		return "RTSP/1.0 401 U\r\nCSeq: %u\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\r\n";
	return is(request, "DESCRIBE") && !strstr(request, "Authorization") ? CHALLENGE : ordinary(request);
}

static const char *offers_a_digest_that_is_none(struct peer *p, const char *request)
{
	(void)p;
	return is(request, "OPTIONS") ? ordinary(request) :
	       "RTSP/1.0 401 U\r\nCSeq: %u\r\nWWW-Authenticate: Basic realm=\"r\"\r\n"
	       "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=NONE\r\n\r\n";
}

static void never_basic_after_digest(void **state)
{
	static const char *(*const peers[])(struct peer *, const char *) = {falls_to_basic, offers_a_digest_that_is_none};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		plain_password = true;
		run_against(peers[i], false);
		plain_password = false;
		assert_true(t.has_ended);
		assert_int_equal(t.cause, CAUSE_CAMERA_REFUSED);
		assert_non_null(strstr(t.detail, "used Digest before"));
		assert_false(heard("Basic "));
		done();
	}
}

static const char *knows_only_basic(struct peer *p, const char *request)
{
	(void)p;
	return is(request, "OPTIONS") || strstr(request, "Authorization") ? ordinary(request) :
	       "RTSP/1.0 401 U\r\nCSeq: %u\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\r\n";
}

static void basic_without_tls_only_where_it_is_allowed(void **state)
{
	(void)state;
	run_against(knows_only_basic, false);
	assert_true(t.has_ended);
	assert_int_equal(t.cause, CAUSE_CAMERA_REFUSED);
	assert_non_null(strstr(t.detail, "choose Digest in the camera or rtsps://"));
	assert_non_null(strstr(t.detail, "plain_password: true"));
	assert_false(heard("Authorization"));
	done();
	plain_password = true;
	run_against(knows_only_basic, false);
	plain_password = false;
	assert_int_equal(t.plays, 1);
	assert_true(heard("Authorization: Basic "));
	done();
}

/* To another host and back: there nothing is shown, here the password is again. */
static const char *sends_us_round(struct peer *p, const char *request)
{
	(void)p;
	if (is(request, "OPTIONS"))
		return ordinary(request);
	if (strstr(request, "/live RTSP") && is(request, "DESCRIBE") && asked++ == 0)
		return "RTSP/1.0 302 M\r\nCSeq: %u\r\nLocation: rtsp://localhost:%u/there\r\n\r\n";
	if (strstr(request, "/there RTSP"))
		return "RTSP/1.0 301 M\r\nCSeq: %u\r\nLocation: rtsp://127.0.0.1:%u/home\r\n\r\n";
	if (!strstr(request, "Authorization"))
		return CHALLENGE;
	return ordinary(request);
}

static void a_redirect_that_comes_back(void **state)
{
	(void)state;
	asked = 0;
	run_against(sends_us_round, false);
	assert_int_equal(t.plays, 1);
	const char *there = strstr((char *)t.heard.data, "DESCRIBE rtsp://localhost");
	assert_non_null(there);
	assert_true(strstr(there, "Authorization") > strstr(there, "/home RTSP"));
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_absolute),
		cmocka_unit_test(control_relative),
		cmocka_unit_test(control_empty),
		cmocka_unit_test(control_wildcard),
		cmocka_unit_test(content_base_missing),
		cmocka_unit_test(content_base_wrong),
		cmocka_unit_test(aggregate_play_refused),
		cmocka_unit_test(no_address_that_plays),
		cmocka_unit_test(two_video_tracks_and_onvif_metadata),
		cmocka_unit_test(headers_in_lower_case),
		cmocka_unit_test(headers_folded),
		cmocka_unit_test(rtp_info_wrong_or_missing),
		cmocka_unit_test(keep_alive_only_by_options),
		cmocka_unit_test(keep_alive_only_by_get_parameter),
		cmocka_unit_test(keep_alive_only_by_set_parameter),
		cmocka_unit_test(keep_alive_never_answered),
		cmocka_unit_test(half_open_tcp),
		cmocka_unit_test(replies_interleaved_into_media),
		cmocka_unit_test(stale_rtp_from_an_earlier_session),
		cmocka_unit_test(foreign_channel_data),
		cmocka_unit_test(ten_megabytes_without_a_delimiter),
		cmocka_unit_test(a_401_loop),
		cmocka_unit_test(realm_changes_in_mid_session),
		cmocka_unit_test(never_basic_after_digest),
		cmocka_unit_test(basic_without_tls_only_where_it_is_allowed),
		cmocka_unit_test(a_redirect_that_comes_back),
	};
	lang_set("en");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
