/* seccomp: the calls that a role uses, and nothing else.
 *
 * The list is of names: libseccomp leaves out what this machine does not have. What is not on it goes to the listener, which the
 * supervisor holds (daemon/refusals.h), so that what a role tries is counted where the role cannot reach. */
#include "sandbox_inner.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int always[] = {
	/* memory, threads, time, signals of its own */
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mprotect), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(membarrier), SCMP_SYS(futex), SCMP_SYS(futex_waitv), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getuid),
	SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrandom), SCMP_SYS(getcpu), SCMP_SYS(uname), SCMP_SYS(sysinfo),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrusage), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime), SCMP_SYS(getrlimit),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall), SCMP_SYS(umask),
	/* what is open */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(preadv),
	SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup),
	SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(eventfd2), SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_create), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(flock),
	SCMP_SYS(fadvise64),
	/* files: which ones is Landlock's to say */
	SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
	SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd),
	/* channels */
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(shutdown), SCMP_SYS(getsockopt),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername),
};

static const int change[] = {
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(ftruncate), SCMP_SYS(fallocate),
	SCMP_SYS(sync_file_range), SCMP_SYS(syncfs), SCMP_SYS(copy_file_range),
};

static const int connecting[] = {SCMP_SYS(connect), SCMP_SYS(setsockopt), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg)};
static const int binding[] = {SCMP_SYS(bind)};
static const int accepting[] = {SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(sendfile), SCMP_SYS(setsockopt)};

static const int watching[] = {SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch)};

static const struct { unsigned group; const int *calls; size_t count; } groups[] = {
	{SANDBOX_CALLS_CHANGE, change, sizeof change / sizeof *change},
	{SANDBOX_CALLS_CONNECT, connecting, sizeof connecting / sizeof *connecting},
	{SANDBOX_CALLS_BIND, binding, sizeof binding / sizeof *binding},
	{SANDBOX_CALLS_ACCEPT, accepting, sizeof accepting / sizeof *accepting},
	{SANDBOX_CALLS_WATCH, watching, sizeof watching / sizeof *watching},
};

static int allow(scmp_filter_ctx ctx, const int *calls, size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return rc;
}

static int allow_values(scmp_filter_ctx ctx, int call, unsigned arg, const scmp_datum_t *values, size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, values[i]));
	return rc;
}

/* F_SETOWN and FIOSETOWN are not among them: they let the kernel send any signal to others. */
static int allow_control(scmp_filter_ctx ctx)
{
	static const scmp_datum_t of_files[] = {F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK,
						F_OFD_SETLK, F_OFD_SETLKW, F_DUPFD_CLOEXEC};
	static const scmp_datum_t of_devices[] = {FIOCLEX, FIONCLEX, FIONBIO, FIONREAD, TCGETS};
	static const scmp_datum_t of_process[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, 0x53564d41 /* PR_SET_VMA: a name for a mapping */};
	int rc = allow_values(ctx, SCMP_SYS(fcntl), 1, of_files, sizeof of_files / sizeof *of_files);

	if (rc == 0)
		rc = allow_values(ctx, SCMP_SYS(ioctl), 1, of_devices, sizeof of_devices / sizeof *of_devices);
	if (rc == 0)
		rc = allow_values(ctx, SCMP_SYS(prctl), 0, of_process, sizeof of_process / sizeof *of_process);
	if (rc == 0) /* which the scrub lowers, of its thread */
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioprio_set), 2, SCMP_A0(SCMP_CMP_EQ, 1 /* IOPRIO_WHO_PROCESS */),
				      SCMP_A1(SCMP_CMP_EQ, 0));
	if (rc == 0) /* SQLite gives its files to root when it is root, who has them: refused, but not worth telling */
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(fchown), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, geteuid()));
	if (rc == -EACCES)
		rc = 0; /* libseccomp's word for a rule that says what happens without it */
	if (rc == 0) /* of itself, and only to read it */
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
	return rc;
}

/* Landlock before ABI 3 lets a file be cut by its name, or by opening it only to read: of those, here. What openat2() opens cannot
 * be seen, so nobody has it. */
static int allow_open_with(scmp_filter_ctx ctx, int call, unsigned arg)
{
	static const struct { scmp_datum_t mask, value; } ways[] = {
		{O_TRUNC, 0}, {O_TRUNC | O_ACCMODE, O_TRUNC | O_WRONLY}, {O_TRUNC | O_ACCMODE, O_TRUNC | O_RDWR}};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof ways / sizeof *ways; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, ways[i].mask, ways[i].value));
	return rc;
}

static int allow_open(scmp_filter_ctx ctx)
{
	int rc = allow_open_with(ctx, SCMP_SYS(openat), 2);

	return rc == 0 ? allow_open_with(ctx, SCMP_SYS(open), 1) : rc;
}

/* Threads, not processes. libc falls back to clone() where clone3() is unknown; of that one the flags can be seen. */
static int allow_threads(scmp_filter_ctx ctx)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (rc == 0)
		rc = allow_values(ctx, SCMP_SYS(kill), 0, &self, 1);
	if (rc == 0)
		rc = allow_values(ctx, SCMP_SYS(tgkill), 0, &self, 1);
	return rc;
}

static int allow_family(scmp_filter_ctx ctx, int family)
{
	static const struct { scmp_datum_t type, protocol; } kinds[] = {
		{SOCK_STREAM, 0}, {SOCK_STREAM, 6 /* TCP */}, {SOCK_DGRAM, 0}, {SOCK_DGRAM, 17 /* UDP */}};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof kinds / sizeof *kinds; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)family),
				      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, kinds[i].type),
				      SCMP_A2(SCMP_CMP_MASKED_EQ, UINT32_MAX, kinds[i].protocol));
	return rc;
}

/* libcurl wakes its own threads by a pair of stream sockets, which can be connected to nothing else. The resolver of libc asks a
 * netlink socket which families there are, and a Unix socket for nscd; it goes on without: refused, but not worth telling. */
static int allow_internet(scmp_filter_ctx ctx)
{
	int rc = allow_family(ctx, AF_INET);

	if (rc == 0)
		rc = allow_family(ctx, AF_INET6);
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2, SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
				      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 3, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
				      SCMP_A1(SCMP_CMP_EQ, SOCK_RAW | SOCK_CLOEXEC), SCMP_A2(SCMP_CMP_EQ, 0 /* NETLINK_ROUTE */));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 3, SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
				      SCMP_A1(SCMP_CMP_EQ, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK), SCMP_A2(SCMP_CMP_EQ, 0));
	return rc;
}

static int fill(scmp_filter_ctx ctx, const struct sandbox *s)
{
	int rc = allow(ctx, always, sizeof always / sizeof *always);

	for (size_t i = 0; rc == 0 && i < sizeof groups / sizeof *groups; i++)
		if (s->calls & groups[i].group)
			rc = allow(ctx, groups[i].calls, groups[i].count);
	if (rc == 0)
		rc = allow_open(ctx);
	if (rc == 0)
		rc = allow_control(ctx);
	if (rc == 0)
		rc = allow_threads(ctx);
	if (rc == 0 && s->calls & SANDBOX_CALLS_CONNECT)
		rc = allow_internet(ctx);
	return rc;
}

/* The program that libseccomp made, loaded by hand: it makes no listener for a default action. */
static int load(scmp_filter_ctx ctx, unsigned flags)
{
	struct sock_filter *code = NULL;
	struct sock_fprog program;
	int fd = memfd_create("filter", MFD_CLOEXEC), rc = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
	off_t bytes = rc < 0 ? 0 : lseek(fd, 0, SEEK_END);

	if (bytes > 0)
		code = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (rc == 0 && (bytes <= 0 || code == MAP_FAILED))
		rc = -EIO;
	if (rc == 0) {
		program.len = (unsigned short)((size_t)bytes / sizeof *code);
		program.filter = code;
		rc = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
		rc = rc < 0 ? -errno : rc;
		munmap(code, (size_t)bytes);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

static int make_and_load(const struct sandbox *s, uint32_t unlisted, unsigned flags)
{
	scmp_filter_ctx ctx = seccomp_init(unlisted);
	int rc = ctx ? fill(ctx, s) : -ENOMEM;

	if (rc == 0)
		rc = load(ctx, flags);
	seccomp_release(ctx);
	return rc;
}

/* In a container whose own filter has a listener there can be no second one. Who kept its own would wait for itself for ever. */
int sandbox_restrict_calls(const struct sandbox *s, struct sandbox_result *out, struct err *e)
{
	int rc = s->alone ? -ENOTSUP : make_and_load(s, SCMP_ACT_NOTIFY, SECCOMP_FILTER_FLAG_NEW_LISTENER);

	out->listener = rc < 0 ? -1 : rc;
	if (rc < 0)
		rc = make_and_load(s, SCMP_ACT_ERRNO(EPERM), 0);
	out->seccomp = rc >= 0;
	return rc < 0 ? err_set(e, rc, "seccomp: %s", strerror(-rc)) : 0;
}
