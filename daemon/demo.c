#include "daemon/demo.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/fs.h"
#include "daemon/process.h"
#include "daemon/program.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define API_PORT 8080
#define CAMERA_PORT 18554
#define REGULATOR_PORT 18080
#define PASSWORD_BYTES 9

static const char demo_yaml[] =
	"# Written by `holdfast run --demo`; delete the folder to start afresh.\n"
	"site: { id: demo-nursery, name: 示范托育园 Demo Nursery, timezone: Asia/Shanghai, language: %s }\n"
	"rule: cn-hangjin-2021\n"
	"state: state\n"
	"storage:\n"
	"  - { path: footage, reserve: 1GiB }\n"
	"recording: { segment: 1min, gap_after: 2s }\n"
	"areas:\n"
	"  - { id: playroom, name: 活动室 Playroom, kind: activity }\n"
	"  - { id: nap-room, name: 睡眠室 Nap room, kind: living }\n"
	"  - { id: entrance, name: 入口 Entrance, kind: entrance }\n"
	"cameras:\n"
	"  - { id: playroom-east, name: 活动室东 Playroom east, area: playroom, url: \"rtsp://127.0.0.1:%u/playroom\", username: view, password_file: camera.pw }\n"
	"  - { id: nap-room-1, name: 睡眠室 Nap room, area: nap-room, url: \"rtsp://127.0.0.1:%u/naproom\", username: view, password_file: camera.pw }\n"
	"  - { id: entrance-1, name: 入口 Entrance, area: entrance, url: \"rtsp://127.0.0.1:%u/entrance\", username: view, password_file: camera.pw }\n"
	"api:\n"
	"  - { listen: \"127.0.0.1:%u\" }\n"
	"regulator: { url: \"http://127.0.0.1:%u/events\" }\n";

#define DEMO_PROGRAMS 2
#define DEMO_ARGS 24

struct demo {
	struct process_spec specs[DEMO_PROGRAMS];
	struct process processes[DEMO_PROGRAMS];
	char *argv[DEMO_PROGRAMS][DEMO_ARGS];
};

/* --- files ------------------------------------------------------------------------ */

static unsigned free_port(unsigned wanted)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons((uint16_t)wanted)};
	socklen_t len = sizeof at;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) {
		at.sin_port = 0;
		if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
			getsockname(fd, (struct sockaddr *)&at, &len);
	}
	close(fd);
	return ntohs(at.sin_port);
}

static int write_password(const char *dir)
{
	uint8_t raw[PASSWORD_BYTES];
	char text[2 * PASSWORD_BYTES + 1], *path = xasprintf("%s/camera.pw", dir);

	random_bytes(raw, sizeof raw);
	hex_encode(raw, sizeof raw, text);
	int rc = access(path, F_OK) == 0 ? 0 : fs_replace(fs_real(), path, text, strlen(text), 0600);
	free(path);
	return rc;
}

static int write_conf(const char *dir, const char *path)
{
	unsigned camera = free_port(CAMERA_PORT);
	const char *env = getenv("LANG");
	char *text = xasprintf(demo_yaml, env && strncmp(env, "zh", 2) == 0 ? "zh-CN" : "en", camera, camera,
			       camera, free_port(API_PORT), free_port(REGULATOR_PORT));
	int rc = fs_mkdirs(fs_real(), dir, 0700);

	if (rc == 0)
		rc = fs_replace(fs_real(), path, text, strlen(text), 0644);
	free(text);
	return rc;
}

int demo_prepare(const char *dir, char **path, struct err *e)
{
	*path = xasprintf("%s/holdfast.yaml", dir);
	int rc = write_conf(dir, *path);

	if (rc == 0)
		rc = write_password(dir);
	return rc < 0 ? err_set(e, rc, "prepare the demo in %s: %s", dir, strerror(-rc)) : 0;
}

/* --- programs ------------------------------------------------------------------------ */

bool demo_has_programs(void)
{
	char *camera = program_find("holdfast-camera"), *regulator = program_find("holdfast-regulator");
	bool yes = camera && regulator;

	free(camera);
	free(regulator);
	return yes;
}

/* --- lives ------------------------------------------------------------------------------ */

static char *port_of(const char *url)
{
	const char *colon = strrchr(url, ':');

	return xasprintf("%d", colon ? atoi(colon + 1) : 0);
}

static void on_stopped(struct process *p)
{
	(void)p; /* the loop ends by itself when the last handle is closed */
}

static void launch(struct demo *d, int i, uv_loop_t *loop, const char *name, char **argv, int lock_fd)
{
	memcpy(d->argv[i], argv, sizeof d->argv[i]);
	d->specs[i] = (struct process_spec){.name = name, .argv = d->argv[i], .lock_fd = lock_fd,
					    .stop_ms = 3000, .stopped = on_stopped, .owner = d};
	process_start(&d->processes[i], loop, &d->specs[i]);
}

struct demo *demo_start(uv_loop_t *loop, const struct conf *conf, int lock_fd)
{
	struct demo *d = xcalloc(1, sizeof *d);
	char *port = port_of(conf->cameras[0].url);
	char *cameras[DEMO_ARGS] = {program_find("holdfast-camera"), xstrdup("--listen"),
		xasprintf("127.0.0.1:%s", port), xstrdup("--cameras"), xstrdup("playroom,naproom,entrance"),
		xstrdup("--user"), xstrdup("view"), xstrdup("--password-file"), xstrdup(conf->cameras[0].password_file),
		xstrdup("--silence-every"), xstrdup("120"), xstrdup("--silence-for"), xstrdup("20"),
		xstrdup("--silence-camera"), xstrdup("naproom")};
	char *regulator[DEMO_ARGS] = {program_find("holdfast-regulator"), xstrdup("--listen"),
		port_of(conf->regulator.url), xstrdup("--key"), xasprintf("%s/keys/site.pub", conf->state)};

	launch(d, 0, loop, "demo-cameras", cameras, lock_fd);
	launch(d, 1, loop, "demo-regulator", regulator, lock_fd);
	free(port);
	return d;
}

void demo_stop(struct demo *d)
{
	for (int i = 0; i < DEMO_PROGRAMS; i++)
		process_stop(&d->processes[i]);
}

void demo_destroy(struct demo *d)
{
	if (!d)
		return;
	for (int i = 0; i < DEMO_PROGRAMS; i++)
		for (int a = 0; a < DEMO_ARGS; a++)
			free(d->argv[i][a]);
	free(d);
}
