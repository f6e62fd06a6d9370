#include "daemon/supervisor.h"

#include "api/remote_lines.h"
#include "base/fs.h"
#include "base/lang.h"
#include "base/log.h"
#include "base/require.h"
#include "base/show.h"
#include "conf/conf_diff.h"
#include "daemon/child.h"
#include "daemon/demo.h"
#include "daemon/key_watch.h"
#include "daemon/ownership.h"
#include "daemon/process.h"
#include "daemon/program.h"
#include "daemon/root_watch.h"
#include "indexer/catalog.h"
#include "recorder/root.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOCK_WAIT_S 30
#define EXIT_CANNOT 3
#define RIGHTS_EVERY_MS 2000 /* looks whether another call was refused */

enum { KEEPER, API, RECORDER, OFFLOADER, ROLES };

struct supervisor {
	uv_loop_t loop;
	struct conf *conf;
	const char *conf_path;
	int lock_fd;
	char *argv[ROLES][2];            /* a role's program, and the end of its arguments */
	struct process_spec specs[ROLES];
	struct process roles[ROLES];
	struct demo *demo;               /* NULL: not a demo */
	uv_signal_t term, intr, hup;
	struct root_watch roots;
	struct key_watch keys;
	bool started[ROLES];             /* and not stopped since */
	unsigned running;                /* how many of them */
	bool due[ROLES];                 /* to be started again, one after another */
	int restarting;                  /* the one that is; ROLES: none */
	uv_timer_t rights_due;
	unsigned long long refused_told; /* calls, to the api */
	bool stopping;
};

static const char *const names[ROLES] = {[KEEPER] = "keeper", [API] = "api", [RECORDER] = "recorder",
					    [OFFLOADER] = "offloader"};
static const enum conf_role parts[ROLES] = {
	[KEEPER] = CONF_KEEPER, [API] = CONF_API, [RECORDER] = CONF_RECORDER, [OFFLOADER] = CONF_OFFLOADER};

/* --- channels --------------------------------------------------------------------------- */

static const enum channel_role channel_names[ROLES] = {
	[KEEPER] = CHANNEL_KEEPER, [API] = CHANNEL_API, [RECORDER] = CHANNEL_RECORDER, [OFFLOADER] = CHANNEL_OFFLOADER};

/* Who speaks to whom. Several pairs: each carries one question (api/remote_lines.h). */
static const struct { int a, b; unsigned pairs; } channels[] = {
	{KEEPER, RECORDER, 1}, {KEEPER, API, 1}, {KEEPER, OFFLOADER, 1}, {API, OFFLOADER, REMOTE_LINES}};

static void join(struct supervisor *s, int a, int b)
{
	int ends[2];

	if (!process_is_alive(&s->roles[a]) || !process_is_alive(&s->roles[b]))
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		log_error("channel", "between=%s and=%s text=\"cannot be made: %s\"", names[a], names[b], strerror(errno));
		return;
	}
	process_hand(&s->roles[a], channel_names[b], ends[0]);
	process_hand(&s->roles[b], channel_names[a], ends[1]);
}

/* It has just been started: it and each that it speaks to get the ends of new pairs. */
static void join_neighbours(struct supervisor *s, int role)
{
	for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
		for (unsigned n = 0; n < channels[i].pairs && (channels[i].a == role || channels[i].b == role); n++)
			join(s, channels[i].a, channels[i].b);
}

static void on_heard(struct process *p, const json_t *msg)
{
	struct supervisor *s = p->spec->owner;

	if (p == &s->roles[API] && strcmp(msg_type(msg), "line") == 0)
		join(s, API, OFFLOADER);
}

/* --- rights ------------------------------------------------------------------------------ */

/* What confines each role, how many calls it was refused, and which processes are ours: the api shows the first two, and lets
 * none of the last in at its socket. */
static void tell_rights(struct supervisor *s)
{
	json_t *roles = json_object(), *pids = json_array();

	for (int i = 0; i < ROLES; i++) {
		struct process *p = &s->roles[i];
		if (!process_is_alive(p))
			continue;
		json_array_append_new(pids, json_integer(p->child.pid));
		json_t *one = p->sandbox ? json_deep_copy(p->sandbox) : json_object();
		json_object_set_new(one, "refused", json_integer((json_int_t)atomic_load(&p->refused)));
		json_object_set_new(roles, names[i], one);
	}
	json_t *msg = json_pack("{s:s, s:o, s:o}", "type", "rights", "roles", roles, "pids", pids);
	process_send(&s->roles[API], msg);
	json_decref(msg);
}

static void restart_next(struct supervisor *s);

static void on_ready(struct process *p)
{
	struct supervisor *s = p->spec->owner;

	tell_rights(s);
	if (p - s->roles != s->restarting)
		return;
	s->restarting = ROLES;
	restart_next(s);
}

static void on_rights_due(uv_timer_t *t)
{
	struct supervisor *s = t->data;
	unsigned long long sum = 0;

	for (int i = 0; i < ROLES; i++)
		sum += atomic_load(&s->roles[i].refused);
	if (sum != s->refused_told)
		tell_rights(s);
	s->refused_told = sum;
}

/* --- the state directory ------------------------------------------------------------ */

/* The api's confinement names files that exist, and it may be there before the keeper's first start has
 * made them. An empty file is a new database to SQLite. */
static int make_catalog_files(const struct conf *conf, struct err *e)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		char *path = xasprintf("%s/catalog.db%s", conf->state, suffixes[i]);
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		int rc = fd < 0 ? err_set(e, -errno, "%s: %s", path, strerror(errno)) : close(fd);
		free(path);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Version 0.1 had its channels there. */
static void remove_old_sockets(const struct conf *conf)
{
	static const char *const old[] = {"run/keeper.sock", "run/offload.sock", "run"};

	for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
		char *path = xasprintf("%s/%s", conf->state, old[i]);
		remove(path);
		free(path);
	}
}

static int make_state(const struct conf *conf, struct err *e)
{
	static const char *const folders[] = {"", "/keys", "/journal", "/recorder", "/seal-keys", "/heads", "/site-keys",
					      "/replaced"};

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char *path = xasprintf("%s%s", conf->state, folders[i]);
		int rc = fs_mkdirs(fs_real(), path, 0700);
		free(path);
		if (rc < 0)
			return err_set(e, rc, lang("无法创建状态目录 %s%s：%s", "cannot make the state directory %s%s: %s"),
				       conf->state, folders[i], strerror(-rc));
	}
	remove_old_sockets(conf);
	return make_catalog_files(conf, e);
}

static void on_alarm(int signum)
{
	(void)signum; /* it only interrupts flock() */
}

/* A predecessor that was killed leaves children that are still sealing: wait for them. */
static int take_lock(struct supervisor *s, struct err *e)
{
	char *path = xasprintf("%s/lock", s->conf->state);
	struct sigaction wake = {.sa_handler = on_alarm};

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	if (s->lock_fd < 0)
		return err_set(e, -errno, "%s/lock: %s", s->conf->state, strerror(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	log_warn("lock", "text=\"another holdfast uses %s; waiting for it to end\"", s->conf->state);
	sigaction(SIGALRM, &wake, NULL);
	alarm(LOCK_WAIT_S);
	int rc = flock(s->lock_fd, LOCK_EX);
	alarm(0);
	return rc == 0 ? 0 : err_set(e, -EBUSY, lang("状态目录 %s 正被另一个 holdfast 使用", "%s is in use by another holdfast"),
				     s->conf->state);
}

static void follow_offload(struct supervisor *s);

/* --- configuration -------------------------------------------------------------------- */

static void send_part(struct supervisor *s, int role)
{
	json_t *part = conf_part(s->conf, parts[role]);
	REQUIRE(part != NULL);
	json_t *msg = json_pack("{s:s, s:o}", "type", "conf", "part", part);

	process_send(&s->roles[role], msg);
	json_decref(msg);
}

/* One after another: the next when that one is back, so that not everything is away at once. */
static void restart_next(struct supervisor *s)
{
	static const int order[ROLES] = {RECORDER, KEEPER, API, OFFLOADER}; /* who waits for nobody's word goes first */

	for (int n = 0; n < ROLES && s->restarting == ROLES && !s->stopping; n++) {
		int i = order[n];
		bool due = s->due[i] && s->started[i];
		s->due[i] = false;
		if (due) {
			s->restarting = i;
			process_restart(&s->roles[i]);
		}
	}
}

/* In place, unless its confinement must change. */
static void take_up(struct supervisor *s, const struct conf *before, bool disks_changed)
{
	for (int i = 0; i < ROLES; i++) {
		if (!s->started[i])
			continue;
		s->due[i] |= disks_changed || conf_needs_restart(before, s->conf, parts[i]);
		if (!s->due[i])
			send_part(s, i);
		log_info("reload", "role=%s in_place=%s", names[i], s->due[i] ? "no" : "yes");
	}
	restart_next(s);
}

/* Valid: applied. Invalid: refused, the old one stays. */
static void reload(struct supervisor *s)
{
	struct conf_report report = {0};
	struct conf *fresh;
	int rc = conf_load(s->conf_path, &fresh, &report);

	conf_report_print(&report, s->conf_path, stderr);
	conf_report_finish(&report);
	if (rc < 0) {
		log_error("reload", "text=\"refused; the old configuration stays\"");
		return;
	}
	if (strcmp(fresh->state, s->conf->state) != 0) {
		log_error("reload", "text=\"refused: `state` cannot change while running; restart instead\"");
		conf_destroy(fresh);
		return;
	}
	fresh->demo = s->conf->demo;
	struct conf *before = s->conf;
	s->conf = fresh;
	bool prepared = root_prepare_all(fs_real(), fresh);
	root_watch_configure(&s->roots, fresh);
	take_up(s, before, prepared);
	conf_destroy(before);
	follow_offload(s);
	log_info("reload", "digest=%s", s->conf->digest);
}

/* --- lives ------------------------------------------------------------------------------ */

static void on_root_came(void *owner)
{
	struct supervisor *s = owner;

	if (s->stopping)
		return;
	log_warn("root", "text=\"a disk is back; the roles start again to use it\"");
	root_prepare_all(fs_real(), s->conf);
	for (int i = 0; i < ROLES; i++)
		s->due[i] = true;
	restart_next(s);
}

/* The recorder goes on with the next seal; nobody loses a frame. */
static void on_seal_key(void *owner, const char *pem)
{
	struct supervisor *s = owner;
	json_t *msg = json_pack("{s:s, s:s}", "type", "key", "pem", pem);

	process_send(&s->roles[RECORDER], msg);
	json_decref(msg);
}

static void on_site_key(void *owner)
{
	struct supervisor *s = owner;

	if (!s->stopping)
		process_restart(&s->roles[API]);
}

static const struct key_watch_events key_events = {on_seal_key, on_site_key};

static void end_loop(struct supervisor *s)
{
	uv_close((uv_handle_t *)&s->rights_due, NULL);
	key_watch_close(&s->keys);
	root_watch_close(&s->roots);
	uv_close((uv_handle_t *)&s->term, NULL);
	uv_close((uv_handle_t *)&s->intr, NULL);
	uv_close((uv_handle_t *)&s->hup, NULL);
	if (s->demo)
		demo_stop(s->demo);
}

/* What was taken out of the configuration while it was stopping, and put back: it starts again. */
static void after_one_stopped(struct supervisor *s, int role)
{
	if (role == RECORDER)
		process_stop(&s->roles[KEEPER]);
	else if (role == KEEPER)
		process_stop(&s->roles[API]);
	else if (role == OFFLOADER)
		follow_offload(s);
	if (s->running == 0)
		end_loop(s);
}

static void on_stopped(struct process *p)
{
	struct supervisor *s = p->spec->owner;
	int role = (int)(p - s->roles);

	s->started[role] = false;
	s->running--;
	if (s->restarting == role) {
		s->restarting = ROLES;
		restart_next(s);
	}
	after_one_stopped(s, role);
}

/* The keeper found its catalogue damaged. The api holds the old file open, and its rights name it. */
static void on_exited(struct process *p, int status)
{
	struct supervisor *s = p->spec->owner;
	char aside[4096];
	struct err e = {0};

	if (p != &s->roles[KEEPER] || status != CHILD_CATALOG_DAMAGED)
		return;
	if (catalog_put_aside(s->conf->state, clock_wall(clock_real()), aside, &e) < 0 || make_catalog_files(s->conf, &e) < 0) {
		log_error("catalog", "text=\"%s\"", e.text);
		return;
	}
	log_error("catalog", "aside=%s text=\"a new catalogue is made from the files\"", aside);
	process_restart(&s->roles[API]);
	if (s->started[OFFLOADER])
		process_restart(&s->roles[OFFLOADER]);
}

static void on_started(struct process *p)
{
	struct supervisor *s = p->spec->owner;

	int role = (int)(p - s->roles);

	send_part(s, role);
	tell_rights(s);
	join_neighbours(s, role);
}

static void on_stop_signal(uv_signal_t *h, int signum)
{
	struct supervisor *s = h->data;

	if (s->stopping)
		return;
	s->stopping = true;
	log_info("stopping", "signal=%d", signum);
	if (s->started[OFFLOADER])
		process_stop(&s->roles[OFFLOADER]);
	process_stop(&s->roles[RECORDER]);
}

static void on_hup(uv_signal_t *h, int signum)
{
	struct supervisor *s = h->data;

	(void)signum;
	if (!s->stopping)
		reload(s);
}

static int find_programs(struct supervisor *s, struct err *e)
{
	for (int i = 0; i < ROLES; i++) {
		char *name = xasprintf("holdfast-%s", names[i]);
		s->argv[i][0] = program_find(name);
		int rc = s->argv[i][0] ? 0 : err_set(e, -ENOENT, lang("没有安装程序 %s", "%s is not installed"), name);
		free(name);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void forget_programs(struct supervisor *s)
{
	for (int i = 0; i < ROLES; i++)
		free(s->argv[i][0]);
}

static void start_role(struct supervisor *s, int role)
{
	static const uint64_t patience_ms[ROLES] = {[KEEPER] = 30000, [API] = 5000, [RECORDER] = 20000, [OFFLOADER] = 20000};
	/* the others may wait for a disk */
	static const uint64_t silence_ms[ROLES] = {[RECORDER] = 20000};

	s->specs[role] = (struct process_spec){.name = names[role], .argv = s->argv[role], .channel = true,
		.lock_fd = s->lock_fd, .stop_ms = patience_ms[role], .silence_ms = silence_ms[role], .started = on_started, .heard = on_heard, .ready = on_ready,
		.stopped = on_stopped, .exited = on_exited, .owner = s};
	process_start(&s->roles[role], &s->loop, &s->specs[role]);
	s->started[role] = true;
	s->running++;
}

/* The offloader runs while an object store is configured. */
static void follow_offload(struct supervisor *s)
{
	bool wanted = s->conf->offload.url && !s->stopping;

	if (wanted && !s->started[OFFLOADER])
		start_role(s, OFFLOADER);
	else if (!wanted && s->started[OFFLOADER])
		process_stop(&s->roles[OFFLOADER]);
}

static void start_roles(struct supervisor *s)
{
	for (int i = 0; i < OFFLOADER; i++)
		start_role(s, i);
	follow_offload(s);
}

static void watch_signals(struct supervisor *s)
{
	uv_signal_t *handles[] = {&s->term, &s->intr, &s->hup};
	const int signums[] = {SIGTERM, SIGINT, SIGHUP};

	for (int i = 0; i < 3; i++) {
		uv_signal_init(&s->loop, handles[i]);
		handles[i]->data = s;
		uv_signal_start(handles[i], signums[i] == SIGHUP ? on_hup : on_stop_signal, signums[i]);
	}
}

int supervisor_run(struct conf *conf, const char *conf_path)
{
	struct supervisor s = {.conf = conf, .conf_path = conf_path, .lock_fd = -1, .restarting = ROLES};

	for (int i = 0; i < ROLES; i++)
		s.roles[i].handover_fd = -1; /* not started */
	struct err e = {0};

	signal(SIGPIPE, SIG_IGN);
	if (find_programs(&s, &e) < 0 || ownership_check_way(conf, &e) < 0 || make_state(conf, &e) < 0 || take_lock(&s, &e) < 0) {
		show(stderr, "holdfast: %s\n", e.text);
		forget_programs(&s);
		conf_destroy(conf);
		return EXIT_CANNOT;
	}
	ownership_take(conf);
	root_prepare_all(fs_real(), conf);
	uv_loop_init(&s.loop);
	watch_signals(&s);
	root_watch_start(&s.roots, &s.loop, conf, on_root_came, &s);
	key_watch_start(&s.keys, &s.loop, conf, &key_events, &s);
	if (conf->demo)
		s.demo = demo_start(&s.loop, conf, s.lock_fd);
	uv_timer_init(&s.loop, &s.rights_due);
	s.rights_due.data = &s;
	uv_timer_start(&s.rights_due, on_rights_due, RIGHTS_EVERY_MS, RIGHTS_EVERY_MS);
	start_roles(&s);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	uv_loop_close(&s.loop);
	demo_destroy(s.demo);
	close(s.lock_fd);
	forget_programs(&s);
	conf_destroy(s.conf);
	log_info("stopped", "pid=%d", (int)getpid());
	return 0;
}
