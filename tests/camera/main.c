/* holdfast-camera: simulated RTSP cameras for tests and demonstrations.
 *
 *	clients ──RTSP──▶ rtsp_server ─▶ rtsp_session ─▶ rtsp_method
 *	                                     ▲ RTP packets
 *	control ─▶ command ─▶ camera ────────┘   picture ─▶ encoder ─▶ rtp
 *	                         └─▶ truth: what really happened
 *
 * It shares no RTSP or video code with the recorder, so that a test in which both agree
 * proves something. Exit codes: 0 stopped by a signal, 1 could not run, 2 usage. */
#include "base/log.h"
#include "base/require.h"
#include "control.h"
#include "options.h"
#include "silence.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libavutil/log.h>
#include <signal.h>
#include <stdio.h>

struct program {
	struct options options;
	uv_loop_t loop;
	struct truth truth;
	struct camera cameras[OPTIONS_CAMERAS_MAX];
	struct rtsp_server server;
	struct control control;
	struct silence silence;
	uv_signal_t signals[2];
};

static void close_all(struct program *p)
{
	rtsp_server_close(&p->server);
	control_close(&p->control);
	silence_close(&p->silence);
	for (unsigned i = 0; i < p->server.camera_count; i++)
		camera_close(&p->cameras[i]);
	for (int i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&p->signals[i], NULL);
}

static void on_signal(uv_signal_t *sig, int number)
{
	(void)number;
	close_all(sig->data);
}

static void listen_for_signals(struct program *p)
{
	static const int numbers[2] = {SIGTERM, SIGINT};

	for (int i = 0; i < 2; i++) {
		REQUIRE(uv_signal_init(&p->loop, &p->signals[i]) == 0);
		p->signals[i].data = p;
		REQUIRE(uv_signal_start(&p->signals[i], on_signal, numbers[i]) == 0);
	}
}

static void make_cameras(struct program *p)
{
	const struct options *o = &p->options;

	p->server = (struct rtsp_server){.cfg = o->server, .loop = &p->loop, .truth = &p->truth,
					 .cameras = p->cameras};
	for (unsigned i = 0; i < o->camera_count; i++) {
		REQUIRE(camera_init(&p->cameras[i], &p->loop, &o->cameras[i], &p->truth) == 0);
		p->server.camera_count++;
	}
}

static int run_commands(struct program *p, struct err *e)
{
	const struct options *o = &p->options;
	bool ok = true;

	for (unsigned i = 0; ok && i < o->command_count; i++) {
		struct buf answer = {0};
		char *line = xstrdup(o->commands[i]);
		ok = control_execute(&p->server, line, &answer);
		if (!ok)
			err_set(e, -1, "--command \"%s\": %.*s", o->commands[i], (int)answer.len,
				(const char *)answer.data);
		buf_finish(&answer);
		free(line);
	}
	return ok ? 0 : -1;
}

static int start(struct program *p, struct err *e)
{
	const struct options *o = &p->options;
	int rc = rtsp_server_listen(&p->server, e);

	if (rc == 0 && o->control_path)
		rc = control_listen(&p->control, o->control_path, e);
	if (rc == 0)
		rc = run_commands(p, e);
	if (rc == 0 && o->silence_camera) {
		p->silence.cam = rtsp_server_camera(&p->server, o->silence_camera);
		p->silence.every_s = o->silence_every_s;
		p->silence.for_s = o->silence_for_s;
		rc = silence_start(&p->silence, &p->loop);
	}
	return rc;
}

static void announce(const struct program *p)
{
	const struct sockaddr *a = (const struct sockaddr *)&p->server.cfg.address;
	char ip[INET6_ADDRSTRLEN] = "";
	bool v6 = a->sa_family == AF_INET6;

	if (v6)
		uv_ip6_name((const struct sockaddr_in6 *)a, ip, sizeof ip);
	else
		uv_ip4_name((const struct sockaddr_in *)a, ip, sizeof ip);
	printf("listening rtsp://%s%s%s:%d/\n", v6 ? "[" : "", ip, v6 ? "]" : "",
	       rtsp_server_port(&p->server));
	fflush(stdout);
}

static int run(struct program *p, struct err *e)
{
	REQUIRE(uv_loop_init(&p->loop) == 0);
	listen_for_signals(p);
	make_cameras(p);
	p->control.server = &p->server;
	int rc = start(p, e);
	if (rc == 0)
		announce(p);
	else
		close_all(p);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	REQUIRE(uv_loop_close(&p->loop) == 0); /* nothing left open */
	for (unsigned i = 0; i < p->server.camera_count; i++)
		camera_finish(&p->cameras[i]);
	return rc;
}

static int run_logged(struct program *p, struct err *e)
{
	int rc = truth_open(&p->truth, p->options.log_path, e);
	if (rc < 0)
		return rc;
	rc = run(p, e);
	truth_close(&p->truth);
	if (rc == 0 && p->truth.failed)
		return err_set(e, -EIO, "the truth log %s is not complete", p->options.log_path);
	return rc;
}

int main(int argc, char **argv)
{
	static struct program program;
	struct err e = {0};

	log_init("camera");
	av_log_set_level(AV_LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	int rc = options_parse(&program.options, argc, argv, &e);
	if (program.options.help)
		fputs(options_usage, stdout);
	else if (rc == 0 && run_logged(&program, &e) < 0)
		rc = 1;
	else if (rc < 0)
		rc = 2;
	if (rc)
		fprintf(stderr, "holdfast-camera: %s\n", e.text);
	options_finish(&program.options);
	return rc;
}
