/* One RTSP session against a camera that follows a script. */
#include "rtsp_camera.h"

#include "base/lang.h"

#define UNSUPPORTED "RTSP/1.0 461 Unsupported Transport\r\nCSeq: %u\r\n\r\n"
#define SETUP_UDP(transport) OK "Session: abc\r\nTransport: RTP/AVP;" transport "\r\n\r\n"

/* --- the tests ---------------------------------------------------------------------------- */

static void plays_and_tears_down(void **state)
{
	(void)state;
	PLAY(NULL, NULL, false, OPTIONS_OK, DESCRIBE_OK, SETUP_OK, PLAY_OK, OK "\r\n");
	assert_false(t.has_ended);
	assert_int_equal(t.tracks, 1);
	assert_int_equal(t.plays, 1);
	assert_int_equal(t.rtp, 1);
	assert_int_equal(t.rtcp, 1);
	char setup[100];
	snprintf(setup, sizeof setup, "SETUP rtsp://127.0.0.1:%u/live/track1 RTSP/1.0", t.port);
	assert_true(heard(setup)); /* on our host, whatever Content-Base says */
	assert_true(heard("TEARDOWN") && heard("Session: abc"));
	assert_false(heard("Authorization"));
	done();
}

static void teardown_does_not_wait_for_ever(void **state)
{
	(void)state;
	PLAY(NULL, NULL, false, OPTIONS_OK, DESCRIBE_OK, SETUP_OK, PLAY_OK); /* never answered */
	assert_true(heard("TEARDOWN"));
	done();
}

static void answers_a_challenge_with_the_stronger_scheme(void **state)
{
	(void)state;
	PLAY("view", "geheim", false, OPTIONS_OK, CHALLENGE, DESCRIBE_OK, SETUP_OK, PLAY_OK, OK "\r\n");
	assert_int_equal(t.plays, 1);
	assert_int_equal(heard_times("Authorization: Digest"), 4);
	assert_false(heard("geheim") || heard("Basic"));
	done();
}

static void takes_a_fresh_nonce(void **state)
{
	(void)state;
	PLAY("view", "geheim", false, OPTIONS_OK, CHALLENGE, STALE, DESCRIBE_OK, CHALLENGE, SETUP_OK, PLAY_OK,
	     OK "\r\n");
	assert_int_equal(t.plays, 1);
	assert_true(heard("nonce=\"n2\""));
	done();
}

static void a_second_challenge_is_a_refusal(void **state)
{
	(void)state;
	PLAY("anna", "geheim", false, OPTIONS_OK, CHALLENGE, CHALLENGE);
	assert_false(strstr(t.detail, "geheim") || strstr(t.detail, "anna"));
	assert_int_equal(heard_times("Authorization"), 1); /* cameras lock accounts */
	refused(CAUSE_CAMERA_REFUSED, "401");
	PLAY("view", "wrong", false, OPTIONS_OK, CHALLENGE, STALE, STALE, STALE, STALE, STALE, STALE);
	refused(CAUSE_CAMERA_REFUSED, "401");
	PLAY(NULL, NULL, false, OPTIONS_OK, CHALLENGE);
	refused(CAUSE_CAMERA_REFUSED, "password_file");
}

static void refusals_name_their_status(void **state)
{
	(void)state;
	PLAY(NULL, NULL, false, OPTIONS_OK, "RTSP/1.0 404 Not Found\r\nCSeq: %u\r\n\r\n");
	refused(CAUSE_CAMERA_REFUSED, "404");
	PLAY(NULL, NULL, false, OPTIONS_OK, DESCRIBE_OK, "RTSP/1.0 453 Not Enough Bandwidth\r\nCSeq: %u\r\n\r\n");
	refused(CAUSE_CAMERA_REFUSED, "453");
	PLAY(NULL, NULL, false, "RTSP/1.0 501 No\r\nCSeq: %u\r\n\r\n", "RTSP/1.0 503 Busy\r\nCSeq: %u\r\n\r\n");
	refused(CAUSE_CAMERA_REFUSED, "503"); /* OPTIONS may fail: DESCRIBE decides */
	PLAY(NULL, NULL, false, OPTIONS_OK, DESCRIBE_OK,
	     OK "Session: a\r\nTransport: RTP/AVP;unicast;client_port=1-2\r\n\r\n", OK "\r\n");
	refused(CAUSE_STREAM_UNUSABLE, "TCP");
	PLAY(NULL, NULL, false, OPTIONS_OK, DESCRIBE_OK, UNSUPPORTED);
	refused(CAUSE_CAMERA_REFUSED, "transport: udp");
}

static void what_is_no_rtsp_is_said_so(void **state)
{
	(void)state;
	PLAY(NULL, NULL, false, "HTTP/1.1 400 Bad Request\r\n\r\n");
	refused(CAUSE_CAMERA_REFUSED, "RTSP");
	PLAY(NULL, NULL, false, OPTIONS_OK, OK "Content-Length: 1073741824\r\n\r\n");
	refused(CAUSE_CAMERA_REFUSED, "64 KiB");
	PLAY(NULL, NULL, false, OPTIONS_OK, OK "Content-Length: 27\r\n\r\nv=0\r\nm=video 0 RTP/AVP 26\r\n");
	refused(CAUSE_STREAM_UNUSABLE, "JPEG");
	PLAY(NULL, NULL, false, OPTIONS_OK, OK "\r\n");
	refused(CAUSE_STREAM_UNUSABLE, "path");
	PLAY(NULL, NULL, false, HANG_UP);
	refused(CAUSE_CAMERA_UNREACHABLE, "closed");
}

static void follows_three_redirects(void **state)
{
	(void)state;
	PLAY(NULL, NULL, false, REDIRECT, OPTIONS_OK, REDIRECT, OPTIONS_OK, REDIRECT, OPTIONS_OK, DESCRIBE_OK, SETUP_OK,
	     PLAY_OK, OK "\r\n");
	assert_int_equal(t.plays, 1);
	assert_true(heard("/there/track1") || heard("/live/track1"));
	done();
	PLAY(NULL, NULL, false, REDIRECT, REDIRECT, REDIRECT, REDIRECT);
	refused(CAUSE_CAMERA_REFUSED, "redirects");
	PLAY(NULL, NULL, false, "RTSP/1.0 301 M\r\nCSeq: %u\r\nLocation: http://evil/\r\n\r\n");
	refused(CAUSE_CAMERA_REFUSED, "rtsp://");
	PLAY(NULL, NULL, false, "RTSP/1.0 301 M\r\nCSeq: %u\r\n\r\n");
	refused(CAUSE_CAMERA_REFUSED, "rtsp://");
}

/* "localhost" is not the configured "127.0.0.1": another host, as far as a password is concerned. */
static void a_redirect_does_not_take_the_password_along(void **state)
{
	(void)state;
	PLAY("view", "geheim", false,
	     "RTSP/1.0 302 Moved\r\nCSeq: %u\r\nLocation: rtsp://localhost:%u/there\r\n\r\n", OPTIONS_OK,
	     "RTSP/1.0 401 U\r\nCSeq: %u\r\nWWW-Authenticate: Basic realm=\"c\"\r\n\r\n");
	assert_false(heard("Authorization"));
	refused(CAUSE_CAMERA_REFUSED, "another host");
}

/* What answers there speaks RTSP, but no TLS: nothing is sent to it in plain text. */
static void plain_text_does_not_pass_for_rtsps(void **state)
{
	(void)state;
	t = (struct play){0};
	listen_here();
	snprintf(t.url, sizeof t.url, "rtsps://127.0.0.1:%u/live", t.port);
	struct rtsp_target target = {.url = t.url, .username = "anna", .password = "geheim"};
	t.greeting = "RTSP/1.0 400 Bad Request\r\n\r\n";
	t.session = rtsp_session_create(&t.loop, &target, &events, &t);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&t.loop), 0);
	assert_true(t.raw.len > 0 && t.raw.data[0] == 22); /* a handshake */
	assert_null(memmem(t.raw.data, t.raw.len, "RTSP/1.0", 8));
	refused(CAUSE_CAMERA_REFUSED, "no TLS is spoken there");
}

static void a_broken_connection_while_playing_is_told(void **state)
{
	(void)state;
	PLAY(NULL, NULL, true, OPTIONS_OK, DESCRIBE_OK, SETUP_OK,
	     OK "\r\nTEARDOWN rtsp://c/ RTSP/1.0\r\nCSeq: 77\r\n\r\n");
	assert_true(t.has_ended);
	assert_int_equal(t.cause, CAUSE_CAMERA_UNREACHABLE);
	done();
	PLAY(NULL, NULL, true, OPTIONS_OK, DESCRIBE_OK, SETUP_OK, OK "\r\n\x80garbage");
	assert_int_equal(t.cause, CAUSE_STREAM_UNUSABLE);
	done();
}

static void keeps_the_session_alive(void **state)
{
	(void)state;
	PLAY(NULL, NULL, true, OPTIONS_OK, DESCRIBE_OK,
	     OK "Session: abc;timeout=2\r\nTransport: RTP/AVP/TCP;interleaved=4-5\r\n\r\n", PLAY_OK,
	     "OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n\r\nSET_PARAMETER * RTSP/1.0\r\nCSeq: 6\r\n\r\n",
	     OK "\r\n", OK "\r\n", HANG_UP);
	assert_true(heard("GET_PARAMETER"));
	assert_true(heard("RTSP/1.0 200 OK\r\nCSeq: 5") && heard("RTSP/1.0 501 Not Implemented\r\nCSeq: 6"));
	assert_int_equal(t.cause, CAUSE_CAMERA_UNREACHABLE);
	done();
}

static void addresses_that_lead_nowhere(void **state)
{
	static const struct { const char *url; enum gap_cause cause; } bad[] = {
		{"http://127.0.0.1/", CAUSE_CAMERA_REFUSED},
		{"rtsp://u:secret@127.0.0.1/", CAUSE_CAMERA_REFUSED},
		{"rtsp://127.0.0.1:1/", CAUSE_CAMERA_UNREACHABLE},
		{"rtsp://[::1]:1/", CAUSE_CAMERA_UNREACHABLE},
		{"rtsps://127.0.0.1:1/", CAUSE_CAMERA_UNREACHABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct rtsp_target target = {.url = bad[i].url};
		t = (struct play){0};
		listen_here();
		t.session = rtsp_session_create(&t.loop, &target, &events, &t);
		assert_false(t.has_ended);
		uv_run(&t.loop, UV_RUN_DEFAULT);
		assert_int_equal(uv_loop_close(&t.loop), 0);
		assert_null(strstr(t.detail, "secret"));
		refused(bad[i].cause, "");
	}
}

static void asks_for_udp_on_a_pair_of_ports(void **state)
{
	unsigned rtp = 0, rtcp = 0;

	(void)state;
	over_udp = true;
	for (int v6 = 0; v6 < 2; v6++) {
		over_v6 = v6;
		PLAY(NULL, NULL, false, OPTIONS_OK, DESCRIBE_OK, SETUP_UDP("unicast;server_port=6970-6971"), OK "\r\n",
		     OK "\r\n");
		assert_int_equal(t.plays, 1);
		const char *asked = strstr((char *)t.heard.data, "RTP/AVP;unicast;client_port=");
		assert_int_equal(sscanf(asked, "RTP/AVP;unicast;client_port=%u-%u", &rtp, &rtcp), 2);
		assert_true(rtp % 2 == 0 && rtcp == rtp + 1);
		assert_true(heard("TEARDOWN"));
		assert_int_equal(heard_times(v6 ? "rtsp://[::1]:" : "rtsp://127.0.0.1:"), 5);
		done();
	}
	over_udp = over_v6 = false;
}

static void a_camera_without_udp_is_recorded_over_tcp(void **state)
{
	(void)state;
	over_udp = true;
	PLAY(NULL, NULL, false, OPTIONS_OK, DESCRIBE_OK, UNSUPPORTED, SETUP_OK, PLAY_OK, OK "\r\n");
	assert_int_equal(t.plays, 1);
	assert_int_equal(t.rtp, 1);
	assert_true(heard("client_port=") && heard("interleaved=0-1"));
	done();
	PLAY(NULL, NULL, false, OPTIONS_OK, DESCRIBE_OK, UNSUPPORTED, UNSUPPORTED);
	refused(CAUSE_CAMERA_REFUSED, "RTP over TCP");
	PLAY(NULL, NULL, false, OPTIONS_OK, DESCRIBE_OK, SETUP_UDP("multicast;destination=239.0.0.1;port=6970-6971"),
	     OK "\r\n");
	refused(CAUSE_STREAM_UNUSABLE, "transport: tcp");
	PLAY(NULL, NULL, false, OPTIONS_OK, DESCRIBE_OK, SETUP_OK, OK "\r\n");
	refused(CAUSE_STREAM_UNUSABLE, "transport: tcp");
	over_udp = false;
}

static void closes_at_any_time(void **state)
{
	static const char *const script[] = {OPTIONS_OK, DESCRIBE_OK, SETUP_OK, PLAY_OK, OK "\r\n"},
		*const udp[] = {OPTIONS_OK, DESCRIBE_OK, SETUP_UDP("server_port=1-2"), OK "\r\n", OK "\r\n"};

	(void)state;
	for (int turns = 0; turns < 40; turns++) {
		t = (struct play){.script = turns < 20 ? script : udp, .count = 5, .linger = true};
		listen_here();
		snprintf(t.url, sizeof t.url, "rtsp://127.0.0.1:%u/live", t.port);
		struct rtsp_target target = {.url = t.url, .udp = turns >= 20};
		t.session = rtsp_session_create(&t.loop, &target, &events, &t);
		for (int i = 0; i < turns % 20; i++)
			uv_run(&t.loop, UV_RUN_NOWAIT);
		rtsp_session_close(t.session);
		uv_run(&t.loop, UV_RUN_DEFAULT);
		assert_true(t.has_closed);
		assert_false(t.has_ended);
		assert_int_equal(uv_loop_close(&t.loop), 0);
		done();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plays_and_tears_down),
		cmocka_unit_test(teardown_does_not_wait_for_ever),
		cmocka_unit_test(answers_a_challenge_with_the_stronger_scheme),
		cmocka_unit_test(takes_a_fresh_nonce),
		cmocka_unit_test(a_second_challenge_is_a_refusal),
		cmocka_unit_test(refusals_name_their_status),
		cmocka_unit_test(what_is_no_rtsp_is_said_so),
		cmocka_unit_test(follows_three_redirects),
		cmocka_unit_test(a_redirect_does_not_take_the_password_along),
		cmocka_unit_test(a_broken_connection_while_playing_is_told),
		cmocka_unit_test(keeps_the_session_alive),
		cmocka_unit_test(addresses_that_lead_nowhere),
		cmocka_unit_test(asks_for_udp_on_a_pair_of_ports),
		cmocka_unit_test(a_camera_without_udp_is_recorded_over_tcp),
		cmocka_unit_test(plain_text_does_not_pass_for_rtsps),
		cmocka_unit_test(closes_at_any_time),
	};
	lang_set("en");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
