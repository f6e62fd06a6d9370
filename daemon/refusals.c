#include "daemon/refusals.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KINDS_MAX 64

struct refusals {
	int fd;
	const char *role;
	atomic_ullong *count;
	struct { int call; unsigned long long times; } kinds[KINDS_MAX]; /* the last takes what has no room */
	unsigned kind_count;
};

static void tell(struct refusals *r, const struct seccomp_notif *n, const char *name)
{
	unsigned i = 0;

	atomic_fetch_add(r->count, 1);
	while (i < r->kind_count && r->kinds[i].call != n->data.nr && i < KINDS_MAX - 1)
		i++;
	if (i == r->kind_count) {
		r->kinds[i].call = n->data.nr;
		r->kind_count++;
	}
	unsigned long long times = ++r->kinds[i].times;
	if ((times & (times - 1)) == 0)
		log_warn("refused", "role=%s pid=%u call=%s number=%d first_argument=%llu times=%llu", r->role, n->pid,
			 name ? name : "unknown", n->data.nr, (unsigned long long)n->data.args[0], times);
}

/* False: the role has ended. */
static bool answer_one(struct refusals *r, struct seccomp_notif *n, struct seccomp_notif_resp *a, const struct seccomp_notif_sizes *sizes)
{
	memset(n, 0, sizes->seccomp_notif);
	memset(a, 0, sizes->seccomp_notif_resp);
	if (ioctl(r->fd, SECCOMP_IOCTL_NOTIF_RECV, n) < 0)
		return errno == EINTR || errno == ENOENT; /* ENOENT: the thread that called is gone */
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, n->data.nr);
	a->id = n->id;
	a->error = name ? -EPERM : -ENOSYS;
	if (ioctl(r->fd, SECCOMP_IOCTL_NOTIF_SEND, a) == 0)
		tell(r, n, name);
	free(name);
	return true;
}

static void *serve(void *arg)
{
	struct refusals *r = arg;
	struct seccomp_notif_sizes sizes;
	struct pollfd p = {.fd = r->fd, .events = POLLIN};

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0) {
		struct seccomp_notif *n = xcalloc(1, sizes.seccomp_notif + sizeof *n);
		struct seccomp_notif_resp *a = xcalloc(1, sizes.seccomp_notif_resp + sizeof *a);
		while ((poll(&p, 1, -1) >= 0 || errno == EINTR) && !(p.revents & (POLLHUP | POLLERR) && !(p.revents & POLLIN)))
			if (p.revents & POLLIN && !answer_one(r, n, a, &sizes))
				break;
		free(n);
		free(a);
	}
	close(r->fd);
	free(r);
	return NULL;
}

void refusals_start(int listener, const char *role, atomic_ullong *count)
{
	struct refusals *r = xcalloc(1, sizeof *r);
	pthread_attr_t detached;
	pthread_t thread;

	*r = (struct refusals){.fd = listener, .role = role, .count = count};
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, serve, r) != 0) {
		log_error("refused", "role=%s text=\"not counted: no thread\"", role);
		close(listener); /* the kernel answers ENOSYS from now on */
		free(r);
	}
	pthread_attr_destroy(&detached);
}
