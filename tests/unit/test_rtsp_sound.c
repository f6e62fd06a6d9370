/* The second track of a session: set up when it is wanted and there, and never at the cost of the first. */
#include "base/lang.h"
#include "rtsp_camera.h"

#define WITH_SOUND OK "Content-Length: 108\r\n\r\n" SDP "m=audio 0 RTP/AVP 8\r\na=control:track2\r\n"
#define SOUND_OK OK "Session: abc\r\nTransport: RTP/AVP/TCP;unicast;interleaved=6-7\r\n\r\n"

static const char *to_sound; /* what SETUP of the sound is answered */

static const char *camera(struct peer *p, const char *request)
{
	if (strncmp(request, "DESCRIBE ", 9) == 0)
		return WITH_SOUND;
	if (strncmp(request, "SETUP ", 6) == 0 && strstr(request, "track2 "))
		return to_sound;
	if (strncmp(request, "PLAY ", 5) == 0) {
		say_frame(p, 4, "rtp");
		say_frame(p, 6, "pcm");
	}
	return ordinary(request);
}

static void run(bool audio, const char *answer_to_sound)
{
	to_sound = answer_to_sound;
	t = (struct play){.reply = camera, .audio = audio};
	run_session(NULL, NULL);
}

static void plays_both(void **state)
{
	(void)state;
	run(true, SOUND_OK);
	assert_int_equal(t.offered, 2);
	assert_int_equal(t.plays, 1);
	assert_int_equal(t.rtp, 1);
	assert_int_equal(t.sounds, 1);
	assert_int_equal(heard_times("SETUP "), 2);
	done();
}

static void leaves_it_alone_unless_it_is_wanted(void **state)
{
	(void)state;
	run(false, SOUND_OK);
	assert_int_equal(t.offered, 1);
	assert_int_equal(t.plays, 1);
	assert_int_equal(heard_times("SETUP "), 1);
	assert_false(heard("track2"));
	done();
}

static void a_camera_that_refuses_it_is_played_without(void **state)
{
	static const char *const no[] = {
		"RTSP/1.0 404 Not Found\r\nCSeq: %u\r\n\r\n", "RTSP/1.0 461 Unsupported\r\nCSeq: %u\r\n\r\n",
		"RTSP/1.0 453 Busy\r\nCSeq: %u\r\n\r\n",
		OK "Session: abc\r\nTransport: RTP/AVP;unicast;client_port=1-2\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		run(true, no[i]);
		assert_int_equal(t.plays, 1);
		assert_false(t.has_ended);
		assert_int_equal(t.rtp, 1);
		assert_int_equal(t.sounds, 0);
		done();
	}
}

#define UDP_OK OK "Session: abc\r\nTransport: RTP/AVP;unicast;server_port=6970-6971\r\n\r\n"

static const char *camera_over_udp(struct peer *p, const char *request)
{
	if (strncmp(request, "SETUP ", 6) == 0 && !strstr(request, "track2 "))
		return UDP_OK;
	return camera(p, request);
}

static void over_udp_it_has_ports_of_its_own(void **state)
{
	static const char *const answers[] = {UDP_OK, "RTSP/1.0 461 Unsupported\r\nCSeq: %u\r\n\r\n"};
	unsigned first, second;

	(void)state;
	over_udp = true;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		to_sound = answers[i];
		t = (struct play){.reply = camera_over_udp, .audio = true};
		run_session(NULL, NULL);
		assert_int_equal(t.plays, 1);
		assert_false(t.has_ended);
		const char *asked = strstr((char *)t.heard.data, "client_port=");
		assert_int_equal(sscanf(asked, "client_port=%u", &first), 1);
		asked = strstr(asked + 1, "client_port=");
		assert_int_equal(sscanf(asked, "client_port=%u", &second), 1);
		assert_true(first != second && first % 2 == 0 && second % 2 == 0);
		done();
	}
	over_udp = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plays_both),
		cmocka_unit_test(leaves_it_alone_unless_it_is_wanted),
		cmocka_unit_test(a_camera_that_refuses_it_is_played_without),
		cmocka_unit_test(over_udp_it_has_ports_of_its_own),
	};
	lang_set("en");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
