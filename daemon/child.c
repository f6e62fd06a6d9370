#include "daemon/child.h"

#include "base/clock.h"
#include "base/lang.h"
#include "base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

char *state_path(const struct conf *conf, const char *name)
{
	return xasprintf("%s/%s", conf->state, name);
}

/* --- rights ------------------------------------------------------------------- */

/* Rules name files that exist: the three are made empty if they are not there, which SQLite takes for a
 * new database and an empty log. A file that is there is never opened: its close would drop the locks that
 * SQLite holds on it in this process, and another process could truncate the log's index under our feet. */
void child_allow_db(struct sandbox *s, const char *path, unsigned rights)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	for (int i = 0; i < 3; i++) {
		char *file = xasprintf("%s%s", path, suffixes[i]);
		bool missing = rights & SANDBOX_WRITE && access(file, F_OK) < 0;
		int fd = missing ? open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
		if (fd >= 0)
			close(fd);
		sandbox_allow(s, rights, "%s", file);
		free(file);
	}
}

void child_allow_system(struct sandbox *s)
{
	static const char *const paths[] = {
		"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf",
		"/etc/services", "/etc/ssl", "/etc/localtime", "/usr/share/zoneinfo", "/usr/lib", "/lib",
		"/lib64", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/dev/urandom",
		"/dev/null", "/proc/sys/kernel/random", "/proc/self", "/run/systemd/resolve",
	};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		sandbox_allow(s, SANDBOX_READ, "%s", paths[i]);
}

/* --- end of life ---------------------------------------------------------------- */

void child_stopped(struct child *c)
{
	if (c->stopped)
		return;
	c->stopped = true;
	peer_close(&c->channel);
	handover_close(&c->handover);
	for (int i = 0; i < 3; i++)
		uv_close((uv_handle_t *)&c->signals[i], NULL);
	uv_close((uv_handle_t *)&c->alive, NULL);
}

void child_fatal(struct child *c, const char *text)
{
	log_error("fatal", "text=\"%s\"", text);
	(void)c;
	_exit(1);
}

static void stop(struct child *c)
{
	if (c->stopping)
		return;
	c->stopping = true;
	log_info("stopping", "pid=%d", (int)getpid());
	if (c->begun)
		c->role->stop(c);
	else
		child_stopped(c);
}

/* --- the channel ------------------------------------------------------------------ */

static const char *yes(bool b) { return b ? "yes" : "no"; }

/* Refused calls wait until the supervisor answers them. */
static void give_listener(struct child *c)
{
	if (c->sandbox.listener < 0)
		return;
	c->counted = handover_send(CHILD_HANDOVER_FD, CHANNEL_ROLES, c->sandbox.listener) == 0;
	close(c->sandbox.listener);
	c->sandbox.listener = -1;
}

static int confine(struct child *c, struct err *e)
{
	struct sandbox s = {0};

	c->role->confine(c, &s);
#ifdef __SANITIZE_ADDRESS__
	if (getenv("HOLDFAST_NO_SANDBOX")) { /* the leak checker needs ptrace, which we forbid */
		sandbox_finish(&s);
		return 0;
	}
#endif
	int rc = sandbox_enter(&s, &c->sandbox, e);
	sandbox_finish(&s);
	if (rc == 0) {
		give_listener(c);
		log_info("sandbox", "landlock_abi=%d ports=%s signals=%s seccomp=%s counted=%s", c->sandbox.landlock_abi, yes(c->sandbox.ports),
			 yes(c->sandbox.signals), yes(c->sandbox.seccomp), yes(c->counted));
	}
	return rc;
}

void child_say(struct child *c, const char *type)
{
	json_t *msg = json_pack("{s:s}", "type", type);

	peer_send(&c->channel, msg);
	json_decref(msg);
}

static void say_ready(struct child *c)
{
	const struct sandbox_result *s = &c->sandbox;
	json_t *msg = json_pack("{s:s, s:{s:i, s:b, s:b, s:b, s:b}}", "type", "ready", "sandbox", "landlock_abi", s->landlock_abi, "ports",
				s->ports, "signals", s->signals, "seccomp", s->seccomp, "counted", c->counted);

	peer_send(&c->channel, msg);
	json_decref(msg);
}

static void on_alive(uv_timer_t *t)
{
	child_say(t->data, "alive");
}

static void take_words(const struct child *c)
{
	lang_set(c->conf->site.language);
	clock_set_zone(c->conf->site.timezone);
}

static void begin(struct child *c)
{
	struct err e = {0};

	take_words(c);
	if (c->role->construct(c, &e) < 0 || confine(c, &e) < 0 || c->role->begin(c, &e) < 0) {
		child_fatal(c, e.text);
		return;
	}
	c->begun = true;
	for (unsigned i = 0; i < c->early_count; i++)
		c->role->take_channel(c, c->early[i].other, c->early[i].fd);
	c->early_count = 0;
	say_ready(c);
	if (c->role->alive_ms)
		uv_timer_start(&c->alive, on_alive, c->role->alive_ms, c->role->alive_ms);
}

static void take_conf(struct child *c, const json_t *msg)
{
	struct err e = {0};
	struct conf *fresh;

	if (conf_from_part(json_object_get(msg, "part"), &fresh, &e) < 0) {
		child_fatal(c, e.text);
		return;
	}
	if (c->begun && !c->role->reload) {
		conf_destroy(fresh);
		return;
	}
	if (c->conf) {
		c->earlier = xrealloc(c->earlier, (c->earlier_count + 1) * sizeof *c->earlier);
		c->earlier[c->earlier_count++] = c->conf;
	}
	c->conf = fresh;
	if (!c->begun) {
		begin(c);
		return;
	}
	take_words(c);
	c->role->reload(c);
}

static void on_channel_msg(struct peer *p, json_t *msg)
{
	struct child *c = p->owner;

	if (c->stopping)
		return;
	if (strcmp(msg_type(msg), "conf") == 0)
		take_conf(c, msg);
	else if (strcmp(msg_type(msg), "key") == 0 && c->begun && c->role->take_key)
		c->role->take_key(c, json_string_value(json_object_get(msg, "pem")));
	else if (strcmp(msg_type(msg), "stop") == 0)
		stop(c);
	else if (c->begun && c->role->hear)
		c->role->hear(c, msg);
}

static void on_channel_end(struct peer *p)
{
	struct child *c = p->owner;

	stop(c);
}

/* Until it has begun an end waits here: whom nobody says `hello` to waits, too. */
static void on_handed(void *owner, enum channel_role other, int end)
{
	struct child *c = owner;

	if (c->stopping || !c->role->take_channel || (!c->begun && c->early_count == CHILD_EARLY_MAX)) {
		close(end);
	} else if (c->begun) {
		c->role->take_channel(c, other, end);
	} else {
		c->early[c->early_count].other = other;
		c->early[c->early_count++].fd = end;
	}
}

static void on_signal(uv_signal_t *h, int signum)
{
	if (signum == SIGTERM)
		stop(h->data);
}

static int open_channel(struct child *c)
{
	c->channel = (struct peer){.owner = c, .on_msg = on_channel_msg, .on_gone = on_channel_end};
	int rc = peer_open(&c->channel, &c->loop, CHILD_CHANNEL_FD);

	c->handover = (struct handover){.take = on_handed, .owner = c};
	if (rc == 0)
		rc = handover_open(&c->handover, &c->loop, CHILD_HANDOVER_FD);
	if (rc < 0)
		return rc;
	uv_timer_init(&c->loop, &c->alive);
	c->alive.data = c;
	static const int caught[3] = {SIGINT, SIGHUP, SIGTERM};
	for (int i = 0; i < 3; i++) {
		uv_signal_init(&c->loop, &c->signals[i]);
		c->signals[i].data = c;
		uv_signal_start(&c->signals[i], on_signal, caught[i]);
	}
	return 0;
}

/* With many peers a wake-up costs more than what it brings. */
static void rest(const struct child *c)
{
	struct timespec t = {.tv_nsec = (long)c->role->rest_ms * 1000000};

	if (t.tv_nsec)
		nanosleep(&t, NULL);
}

int child_main(const struct child_role *role)
{
	struct child c = {.role = role};

	log_init(role->name);
	lang_init();
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&c.loop);
	if (open_channel(&c) < 0) {
		fprintf(stderr, "holdfast-%s: started by `holdfast run` only\n", role->name);
		return 2;
	}
	while (uv_run(&c.loop, UV_RUN_ONCE))
		rest(&c);
	if (role->destroy)
		role->destroy(&c);
	for (unsigned i = 0; i < c.earlier_count; i++)
		conf_destroy(c.earlier[i]);
	free(c.earlier);
	conf_destroy(c.conf);
	uv_loop_close(&c.loop);
	log_info("stopped", "pid=%d", (int)getpid());
	return c.exit_code;
}
