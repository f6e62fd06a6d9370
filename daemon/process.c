#include "daemon/process.h"

#include "base/log.h"
#include "daemon/child.h"
#include "daemon/handover.h"
#include "daemon/refusals.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000
#define LOOKS 4 /* so many in silence_ms: after a suspend one is due at once, and its messages are read before the next */
#define STEADY_US (10 * US_PER_S) /* who lived longer than this starts again at once */

enum { WAITING, STARTING, RUNNING, STOPPING, STOPPED };

static const struct sm_state process_states[] = {
	[WAITING]  = {"waiting",  SM_TO(STARTING) | SM_TO(WAITING) | SM_TO(STOPPED)},
	[STARTING] = {"starting", SM_TO(RUNNING) | SM_TO(WAITING) | SM_TO(STOPPING)},
	[RUNNING]  = {"running",  SM_TO(WAITING) | SM_TO(STOPPING)},
	[STOPPING] = {"stopping", SM_TO(STOPPED)},
	[STOPPED]  = {"stopped",  0},
};

static void spawn(struct process *p);

/* --- callbacks ------------------------------------------------------------------ */

static void on_retry(uv_timer_t *t)
{
	spawn(t->data);
}

static void on_patience_over(uv_timer_t *t)
{
	struct process *p = t->data;

	log_error("process", "name=%s pid=%d text=\"does not stop; killed\"", p->spec->name, p->child.pid);
	uv_process_kill(&p->child, SIGKILL);
}

static void on_look(uv_timer_t *t)
{
	struct process *p = t->data;

	if (++p->silent <= LOOKS)
		return;
	log_error("process", "name=%s pid=%d text=\"hangs; killed\"", p->spec->name, p->child.pid);
	uv_timer_stop(t);
	uv_process_kill(&p->child, SIGKILL);
}

static void on_channel_gone(struct peer *c)
{
	struct process *p = c->owner;

	if (p && p->channel == c)
		p->channel = NULL;
	free(c);
}

static void on_channel_msg(struct peer *c, json_t *msg)
{
	struct process *p = c->owner;

	if (!p)
		return;
	p->silent = 0;
	if (p->sm.now == STARTING && strcmp(msg_type(msg), "ready") == 0) {
		json_decref(p->sandbox);
		p->sandbox = json_deep_copy(json_object_get(msg, "sandbox"));
	}
	if (p->sm.now != STARTING || strcmp(msg_type(msg), "ready") != 0) {
		if (p->spec->heard)
			p->spec->heard(p, msg);
		return;
	}
	sm_move(&p->sm, RUNNING);
	if (p->spec->silence_ms)
		uv_timer_start(&p->timer, on_look, p->spec->silence_ms / LOOKS, p->spec->silence_ms / LOOKS);
	log_info("process", "name=%s pid=%d state=running", p->spec->name, p->child.pid);
	if (p->spec->ready)
		p->spec->ready(p);
}

static void on_timer_closed(uv_handle_t *h)
{
	struct process *p = h->data;

	json_decref(p->sandbox);
	p->sandbox = NULL;
	p->spec->stopped(p); /* may free p: last line */
}

/* --- actions ---------------------------------------------------------------------- */

static void finish(struct process *p)
{
	sm_move(&p->sm, STOPPED);
	uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

static void wait_and_spawn(struct process *p)
{
	bool steady = clock_mono(clock_real()).us - p->started_at.us > STEADY_US;

	if (steady)
		p->retry_ms = RETRY_MIN_MS;
	sm_move(&p->sm, WAITING);
	uv_timer_start(&p->timer, on_retry, p->retry_ms, 0);
	p->retry_ms = p->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : p->retry_ms * 2;
}

static void on_poll_closed(uv_handle_t *h) { free(h); }

static void listen_no_more(struct process *p)
{
	uv_poll_t *poll = p->listening;

	p->listening = NULL;
	if (poll)
		uv_close((uv_handle_t *)poll, on_poll_closed);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct process *p = poll->data;
	int fd, rc = status < 0 ? status : handover_receive_listener(p->handover_fd, &fd);

	(void)events;
	if (rc > 0)
		refusals_start(fd, p->spec->name, &p->refused);
	if (rc != 0)
		listen_no_more(p);
}

static void wait_for_listener(struct process *p)
{
	p->listening = xcalloc(1, sizeof *p->listening);
	p->listening->data = p;
	if (uv_poll_init(p->loop, p->listening, p->handover_fd) == 0) {
		uv_poll_start(p->listening, UV_READABLE, on_listener);
		return;
	}
	free(p->listening);
	p->listening = NULL;
}

static void drop_channel(struct process *p)
{
	struct peer *c = p->channel;

	p->channel = NULL;
	listen_no_more(p);
	if (p->handover_fd >= 0)
		close(p->handover_fd);
	p->handover_fd = -1;
	if (!c)
		return;
	c->owner = NULL;
	peer_close(c);
}

/* Whoever is told that it stopped may start it again, in the same memory. */
static void on_stopped_child_closed(uv_handle_t *child)
{
	finish(child->data);
}

static void on_child_exit(uv_process_t *child, int64_t status, int signum)
{
	struct process *p = child->data;
	bool stopping = p->sm.now == STOPPING;

	log_line(stopping && status == 0 ? LOG_INFO : LOG_WARN, "process",
		 "name=%s pid=%d state=exited status=%d signal=%d", p->spec->name, child->pid, (int)status, signum);
	uv_timer_stop(&p->timer);
	drop_channel(p);
	uv_close((uv_handle_t *)child, stopping ? on_stopped_child_closed : NULL);
	if (!stopping && p->spec->exited)
		p->spec->exited(p, (int)status);
	if (!stopping)
		wait_and_spawn(p);
}

/* --- spawning ----------------------------------------------------------------------- */

static struct peer *channel_create(struct process *p)
{
	struct peer *c = xcalloc(1, sizeof *c);

	c->owner = p;
	c->on_msg = on_channel_msg;
	c->on_gone = on_channel_gone;
	return c;
}

static int spawn_child(struct process *p, int channel, int handover)
{
	uv_stdio_container_t io[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
		{.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
		[CHILD_CHANNEL_FD] = {.flags = channel < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = channel},
		[CHILD_LOCK_FD] = {.flags = UV_INHERIT_FD, .data.fd = p->spec->lock_fd},
		[CHILD_HANDOVER_FD] = {.flags = handover < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = handover},
	};
	/* Our roles leave the terminal's group: who signals the group means the supervisor, which stops them in order. */
	uv_process_options_t options = {.flags = p->spec->channel ? UV_PROCESS_DETACHED : 0, .exit_cb = on_child_exit, .file = p->spec->argv[0],
					.args = (char **)p->spec->argv, .stdio = io, .stdio_count = sizeof io / sizeof *io};

	p->child.data = p;
	return uv_spawn(p->loop, &p->child, &options);
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* [0] stays here, [1] goes to the child. */
static int make_ends(const struct process *p, int channel[2], int handover[2])
{
	if (!p->spec->channel)
		return 0;
	int rc = uv_socketpair(SOCK_STREAM, 0, channel, UV_NONBLOCK_PIPE, 0);
	return rc < 0 ? rc : handover_pair(handover);
}

static void spawn(struct process *p)
{
	int channel[2] = {-1, -1}, handover[2] = {-1, -1};

	p->started_at = clock_mono(clock_real());
	int rc = make_ends(p, channel, handover);
	if (rc == 0)
		rc = spawn_child(p, channel[1], handover[1]);
	close_if_open(channel[1]);
	close_if_open(handover[1]);
	if (rc < 0) {
		log_error("process", "name=%s text=\"cannot start: %s\"", p->spec->name, uv_strerror(rc));
		close_if_open(channel[0]);
		close_if_open(handover[0]);
		wait_and_spawn(p);
		return;
	}
	sm_move(&p->sm, STARTING);
	if (!p->spec->channel)
		return;
	p->handover_fd = handover[0];
	wait_for_listener(p);
	p->channel = channel_create(p);
	peer_open(p->channel, p->loop, channel[0]);
	p->spec->started(p);
}

/* --- interface ------------------------------------------------------------------------ */

int process_start(struct process *p, uv_loop_t *loop, const struct process_spec *spec)
{
	*p = (struct process){.spec = spec, .loop = loop, .retry_ms = RETRY_MIN_MS, .handover_fd = -1};
	sm_init(&p->sm, process_states, spec->name, WAITING);
	int rc = uv_timer_init(loop, &p->timer);
	if (rc < 0)
		return rc;
	p->timer.data = p;
	spawn(p);
	return 0;
}

void process_send(struct process *p, const json_t *msg)
{
	if (p->channel)
		peer_send(p->channel, msg);
}

void process_hand(struct process *p, enum channel_role other, int end)
{
	int rc = p->handover_fd < 0 ? 0 : handover_send(p->handover_fd, other, end);

	close(end);
	if (rc == 0 || p->sm.now == STOPPING)
		return;
	log_error("process", "name=%s pid=%d text=\"takes no channel (%s); killed\"", p->spec->name, p->child.pid, strerror(-rc));
	uv_process_kill(&p->child, SIGKILL);
}

static void ask_to_stop(struct process *p)
{
	json_t *msg = json_pack("{s:s}", "type", "stop");

	if (p->channel)
		process_send(p, msg);
	else
		uv_process_kill(&p->child, SIGTERM);
	json_decref(msg);
	uv_timer_start(&p->timer, on_patience_over, p->spec->stop_ms, 0);
}

void process_stop(struct process *p)
{
	if (p->sm.now >= STOPPING)
		return;
	if (p->sm.now == WAITING) {
		uv_timer_stop(&p->timer);
		finish(p);
		return;
	}
	sm_move(&p->sm, STOPPING);
	ask_to_stop(p);
}

void process_restart(struct process *p)
{
	if (p->sm.now == STARTING || p->sm.now == RUNNING)
		ask_to_stop(p); /* on_child_exit starts it again */
}

bool process_is_running(const struct process *p)
{
	return p->sm.now == RUNNING;
}

bool process_is_alive(const struct process *p)
{
	return p->handover_fd >= 0;
}
