#include "sandbox.h"

#include "buf.h"
#include "require.h"
#include "sandbox_inner.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void sandbox_allow(struct sandbox *s, unsigned rights, const char *path, ...)
{
	char *text;
	va_list ap;

	va_start(ap, path);
	int n = vasprintf(&text, path, ap);
	va_end(ap);
	REQUIRE(n >= 0);
	s->paths = xrealloc(s->paths, (s->count + 1) * sizeof *s->paths);
	s->paths[s->count++] = (struct sandbox_path){text, rights};
}

void sandbox_allow_port(struct sandbox *s, uint16_t port)
{
	REQUIRE(s->port_count < SANDBOX_PORTS_MAX);
	s->ports[s->port_count++] = port;
}

void sandbox_finish(struct sandbox *s)
{
	for (unsigned i = 0; i < s->count; i++)
		free(s->paths[i].path);
	free(s->paths);
	*s = (struct sandbox){0};
}

/* The bounding set first: that takes a capability, which only root has. */
static int drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) < 0 ? err_set(e, -errno, "capabilities: %s", strerror(errno)) : 0;
}

/* What is asked for behind this is refused by malloc, and the supervisor starts a role again that was. Address sanitizer's shadow is
 * as large as the address space. */
static void bound(int resource, uint64_t most)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0 || (limit.rlim_max != RLIM_INFINITY && limit.rlim_max <= most))
		return;
	limit.rlim_cur = limit.rlim_max = most;
	setrlimit((__rlimit_resource_t)resource, &limit);
}

static int keep_to_itself(const struct sandbox *s, struct err *e)
{
	bound(RLIMIT_CORE, 0);
	if (s->memory_bytes && !SANDBOX_TEST_BUILD)
		bound(RLIMIT_DATA, s->memory_bytes);
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? err_set(e, -errno, "not dumpable: %s", strerror(errno)) : 0;
}

int sandbox_enter(struct sandbox *s, struct sandbox_result *out, struct err *e)
{
	*out = (struct sandbox_result){.listener = -1};
	int rc = keep_to_itself(s, e);

	if (rc == 0)
		rc = drop_capabilities(e);
	if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		rc = err_set(e, -errno, "no_new_privs: %s", strerror(errno));
	if (rc == 0)
		rc = sandbox_restrict_files(s, out, e);
	if (rc == 0)
		rc = sandbox_restrict_calls(s, out, e);
	return rc;
}
