/* A role as it is, confined as it is, which on SIGUSR1 does what somebody would who took its code over, and tells of each call
 * whether the kernel refused it. The role then goes on. */
#include "base/buf.h"
#include "base/log.h"
#include "daemon/child.h"
#include "tests/rights/probe_calls.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static struct child_role probed;
static const struct child_role *genuine;
static struct probe probe = {.keeper_fd = -1};
static uv_signal_t go;

static bool is_refusal(int why)
{
	return why == EPERM || why == EACCES || why == ENOSYS || why == EAFNOSUPPORT || why == EXDEV; /* EXDEV: Landlock, of links */
}

static void try_all(struct child *c)
{
	unsigned tried = 0;

	for (const struct probe_call *p = probe_calls; p->name; p++) {
		if (p->allowed & 1u << probe.role || (p->needs_abi > c->sandbox.landlock_abi))
			continue;
		errno = 0;
		int rc = p->attempt(&probe), why = errno;
		tried++;
		log_line(rc < 0 && is_refusal(why) ? LOG_INFO : LOG_ERROR, "probe", "call=%s result=%s why=\"%s\"", p->name,
			 rc < 0 && is_refusal(why) ? "refused" : "DONE", rc < 0 ? strerror(why) : "-");
	}
	log_info("probed", "tried=%u", tried);
}

/* What the role has no word for: its channel is open to it all the same. */
static void forge(void)
{
	json_t *msg = probe.role == CHANNEL_API
		? json_pack("{s:s}", "type", "segment")
		: json_pack("{s:s, s:i, s:s, s:{s:i, s:s, s:s}}", "type", "cmd", "id", 1, "verb", "hold.release", "args", "id", 1,
			    "by", "somebody", "reason", "forged");
	struct buf out = {0};

	if (msg_encode(&out, msg) && probe.keeper_fd >= 0 && write(probe.keeper_fd, out.data, out.len) < 0)
		log_error("probe", "call=forge result=DONE why=\"%s\"", strerror(errno));
	buf_finish(&out);
	json_decref(msg);
}

static void on_go(uv_signal_t *s, int signum)
{
	(void)signum;
	forge();
	try_all(s->data);
}

static int begin(struct child *c, struct err *e)
{
	int rc = genuine->begin(c, e);

	probe.state = c->conf->state;
	probe.root = c->conf->roots[0].path;
	uv_signal_init(&c->loop, &go);
	uv_signal_start(&go, on_go, SIGUSR1);
	uv_unref((uv_handle_t *)&go);
	go.data = c;
	return rc;
}

static void take_channel(struct child *c, enum channel_role other, int end)
{
	if (other == CHANNEL_KEEPER)
		probe.keeper_fd = dup(end);
	genuine->take_channel(c, other, end);
}

int __real_child_main(const struct child_role *role);
int __wrap_child_main(const struct child_role *role);

int __wrap_child_main(const struct child_role *role)
{
	genuine = role;
	probed = *role;
	probed.begin = begin;
	probed.take_channel = take_channel;
	while (strcmp(channel_role_name(probe.role), role->name) != 0)
		probe.role++;
	return __real_child_main(&probed);
}
