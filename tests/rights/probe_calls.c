#include "tests/rights/probe_calls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RECORDER (1u << CHANNEL_RECORDER)
#define KEEPER (1u << CHANNEL_KEEPER)
#define API (1u << CHANNEL_API)
#define OFFLOADER (1u << CHANNEL_OFFLOADER)
#define NEIGHBOURS 40 /* process ids behind the supervisor's, where the other roles are */

/* --- files ---------------------------------------------------------------------------- */

static const char *at(const char *folder, const char *name)
{
	static char path[2][4096];
	static unsigned turn;
	char *out = path[turn++ % 2];

	snprintf(out, sizeof path[0], "%s/%s", folder, name);
	return out;
}

static int opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd;
}

static int write_catalog(struct probe *p) { return opens(at(p->state, "catalog.db"), O_RDWR); }
static int write_access(struct probe *p) { return opens(at(p->state, "access.db"), O_RDWR); }
static int read_access(struct probe *p) { return opens(at(p->state, "access.db"), O_RDONLY); }
static int read_seal_key(struct probe *p) { return opens(at(p->state, "keys/seal.key"), O_RDONLY); }
static int read_site_key(struct probe *p) { return opens(at(p->state, "keys/site.key"), O_RDONLY); }
static int read_password(struct probe *p) { return opens(at(p->state, "../a.pw"), O_RDONLY); }
static int read_configuration(struct probe *p) { return opens(at(p->state, "../holdfast.yaml"), O_RDONLY); }
static int write_configuration(struct probe *p) { return opens(at(p->state, "../holdfast.yaml"), O_RDWR); }
static int list_journal(struct probe *p) { return opens(at(p->state, "journal"), O_RDONLY | O_DIRECTORY); }
static int make_in_journal(struct probe *p) { return opens(at(p->state, "journal/forged"), O_CREAT | O_RDWR); }
static int make_in_state(struct probe *p) { return opens(at(p->state, "forged"), O_CREAT | O_RDWR); }
static int read_shadow(struct probe *p) { return opens(p->root ? "/etc/shadow" : "", O_RDONLY); }

static int write_footage(struct probe *p) { return opens(at(p->root, "archive/victim"), O_WRONLY); }
static int cut_footage(struct probe *p) { return truncate(at(p->root, "archive/victim"), 0); }
static int cut_by_opening(struct probe *p) { return opens(at(p->root, "archive/victim"), O_RDONLY | O_TRUNC); }
static int read_footage(struct probe *p) { return opens(at(p->root, "archive/victim"), O_RDONLY); }
static int make_footage(struct probe *p) { return opens(at(p->root, "archive/forged"), O_CREAT | O_RDWR); }
static int remove_footage(struct probe *p) { return unlink(at(p->root, "archive/victim")); }
static int rename_footage(struct probe *p) { return rename(at(p->root, "archive/victim"), at(p->root, "archive/other")); }
static int take_footage(struct probe *p) { return rename(at(p->root, "archive/victim"), at(p->root, "incoming/victim2")); }
static int link_footage(struct probe *p) { return link(at(p->root, "archive/victim"), at(p->root, "incoming/victim3")); }
static int remove_incoming(struct probe *p) { return unlink(at(p->root, "incoming/victim")); }
static int write_incoming(struct probe *p) { return opens(at(p->root, "incoming/victim"), O_WRONLY); }
static int make_incoming(struct probe *p) { return opens(at(p->root, "incoming/forged"), O_CREAT | O_RDWR); }
static int write_identity(struct probe *p) { return opens(at(p->root, ".holdfast"), O_WRONLY); }

static int chmod_footage(struct probe *p) { return chmod(at(p->root, "archive/victim"), 0666); }
static int chmod_incoming(struct probe *p) { return chmod(at(p->root, "incoming/victim"), 0666); }
static int fchmod_any(struct probe *p) { return fchmod(p->keeper_fd < 0 ? STDERR_FILENO : p->keeper_fd, 0666); }
static int chown_footage(struct probe *p) { return chown(at(p->root, "archive/victim"), 1, 1); }
static int fchown_any(struct probe *p) { return fchown(p->keeper_fd < 0 ? STDERR_FILENO : p->keeper_fd, 1, 1); }
static int date_footage(struct probe *p) { return utimensat(AT_FDCWD, at(p->root, "archive/victim"), NULL, 0); }
static int mark_footage(struct probe *p) { return setxattr(at(p->root, "archive/victim"), "user.x", "x", 1, 0); }
static int make_device(struct probe *p) { return mknod(at(p->root, "incoming/device"), S_IFIFO | 0600, 0); }
static int make_symlink(struct probe *p) { return symlink("/etc/passwd", at(p->root, "incoming/link")); }
static int handle_of_file(struct probe *p)
{
	struct { struct file_handle head; char bytes[128]; } h = {.head.handle_bytes = 128};
	int mount;

	return name_to_handle_at(AT_FDCWD, p->root, &h.head, &mount, 0);
}

/* --- other processes ------------------------------------------------------------------- */

/* Of all who may be there: one that succeeds is success, one that was not refused is no refusal. */
static int each_neighbour(int (*attempt)(pid_t pid))
{
	pid_t first = getppid();

	for (pid_t pid = first; pid < first + NEIGHBOURS; pid++) {
		if (pid == getpid())
			continue;
		if (attempt(pid) >= 0)
			return 0;
		if (errno != EPERM && errno != EACCES)
			return -1;
	}
	return -1;
}

static int signal_one(pid_t pid) { return kill(pid, 0); }
static int signal_thread(pid_t pid) { return (int)syscall(SYS_tgkill, pid, pid, 0); }
static int priority_of(pid_t pid) { return setpriority(PRIO_PROCESS, (id_t)pid, 19); }
static int limit_of(pid_t pid)
{
	struct rlimit none = {0, 0};

	return prlimit(pid, RLIMIT_NOFILE, &none, NULL);
}
static int processor_of(pid_t pid)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return sched_setaffinity(pid, sizeof set, &set);
}

static int kill_others(struct probe *p) { return p->root ? each_neighbour(signal_one) : 0; }
static int tgkill_others(struct probe *p) { return p->root ? each_neighbour(signal_thread) : 0; }
static int nice_others(struct probe *p) { return p->root ? each_neighbour(priority_of) : 0; }
static int limit_others(struct probe *p) { return p->root ? each_neighbour(limit_of) : 0; }
static int pin_others(struct probe *p) { return p->root ? each_neighbour(processor_of) : 0; }
static int kill_all(struct probe *p) { return kill(p->root ? -1 : 0, 0); }
static int kill_group(struct probe *p) { return kill(p->root ? 0 : 1, 0); }
static int queue_signal(struct probe *p)
{
	union sigval v = {.sival_ptr = p};

	return sigqueue(getppid(), SIGCONT, v);
}
static int signal_by_file(struct probe *p) { return fcntl(p->keeper_fd < 0 ? 0 : p->keeper_fd, F_SETOWN, getppid()); }
static int open_pidfd(struct probe *p) { return p->root ? (int)syscall(SYS_pidfd_open, getppid(), 0) : 0; }
static int attach(struct probe *p) { return p->root ? (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) : 0; }
static int read_memory(struct probe *p)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {p, 1};

	return (int)process_vm_readv(getppid(), &here, 1, &there, 1, 0);
}
static int proc_of(const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)getppid(), name);
	return opens(path, O_RDONLY);
}
static int proc_mem(struct probe *p) { return p->root ? proc_of("mem") : 0; }
static int proc_environ(struct probe *p) { return p->root ? proc_of("environ") : 0; }
static int proc_maps(struct probe *p) { return p->root ? proc_of("maps") : 0; }
static int execute(struct probe *p)
{
	char *const argv[] = {(char *)(uintptr_t)"true", NULL};

	return p->root ? execv("/bin/true", argv) : 0;
}
static int divide(struct probe *p)
{
	pid_t pid = p->root ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : 0;

	if (pid == 0)
		_exit(0);
	return pid;
}

/* --- sockets ------------------------------------------------------------------------------ */

static int opens_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd >= 0)
		close(fd);
	return fd;
}

static int unix_stream(struct probe *p) { return p->root ? opens_socket(AF_UNIX, SOCK_STREAM, 0) : 0; }
static int unix_quiet(struct probe *p) { return p->root ? opens_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) : 0; }
static int unix_datagram(struct probe *p) { return p->root ? opens_socket(AF_UNIX, SOCK_DGRAM, 0) : 0; }
static int unix_pair_of_datagrams(struct probe *p)
{
	int fds[2];

	return p->root ? socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) : 0;
}
static int connect_channel(struct probe *p)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	snprintf(to.sun_path, sizeof to.sun_path, "%s/api.sock", p->state);
	int rc = p->keeper_fd < 0 ? -1 : connect(p->keeper_fd, (struct sockaddr *)&to, sizeof to);
	if (rc < 0 && (p->keeper_fd < 0 || errno == EISCONN || errno == EINVAL))
		errno = EACCES; /* it is connected already, for ever */
	return rc;
}
static int netlink_route(struct probe *p) { return p->root ? opens_socket(AF_NETLINK, SOCK_RAW, 0) : 0; }
static int netlink_audit(struct probe *p) { return p->root ? opens_socket(AF_NETLINK, SOCK_RAW, 9) : 0; }
static int packet_socket(struct probe *p) { return p->root ? opens_socket(AF_PACKET, SOCK_RAW, 0x300) : 0; }
static int raw_socket(struct probe *p) { return p->root ? opens_socket(AF_INET, SOCK_RAW, 1) : 0; }
static int raw6_socket(struct probe *p) { return p->root ? opens_socket(AF_INET6, SOCK_RAW, 58) : 0; }
static int ping_socket(struct probe *p) { return p->root ? opens_socket(AF_INET, SOCK_DGRAM, 1) : 0; }
static int multipath_socket(struct probe *p) { return p->root ? opens_socket(AF_INET, SOCK_STREAM, 262) : 0; }
static int vsock_socket(struct probe *p) { return p->root ? opens_socket(40, SOCK_STREAM, 0) : 0; }
static int crypto_socket(struct probe *p) { return p->root ? opens_socket(38, SOCK_SEQPACKET, 0) : 0; }
static int inet_socket(struct probe *p) { return p->root ? opens_socket(AF_INET, SOCK_STREAM, 0) : 0; }
static int udp_socket(struct probe *p) { return p->root ? opens_socket(AF_INET6, SOCK_DGRAM, 0) : 0; }

static int bind_port(struct probe *p)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = p->root && fd >= 0 ? bind(fd, (struct sockaddr *)&any, sizeof any) : -1, why = errno;

	if (fd >= 0)
		close(fd);
	errno = why;
	return rc;
}

static int listen_unbound(struct probe *p)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = p->root && fd >= 0 ? listen(fd, 1) : -1, why = errno;

	if (fd >= 0)
		close(fd);
	errno = why;
	return rc;
}

static int connect_elsewhere(struct probe *p)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(22), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = p->root && fd >= 0 ? connect(fd, (struct sockaddr *)&to, sizeof to) : -1, why = errno;

	if (fd >= 0)
		close(fd);
	errno = why;
	return rc;
}

/* --- the machine --------------------------------------------------------------------------- */

static int set_time(struct probe *p)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return p->root ? settimeofday(&now, NULL) : 0;
}
static int set_clock(struct probe *p)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return p->root ? clock_settime(CLOCK_REALTIME, &now) : 0;
}
static int adjust_clock(struct probe *p)
{
	struct timex t = {.modes = ADJ_MAXERROR, .maxerror = 1};

	return p->root ? adjtimex(&t) : 0;
}
static int adjust_clock_2(struct probe *p)
{
	struct timex t = {.modes = ADJ_MAXERROR, .maxerror = 1};

	return p->root ? clock_adjtime(CLOCK_REALTIME, &t) : 0;
}
static int read_clock_is_lost(struct probe *p)
{
	struct timex t = {0};

	if (p->root && adjtimex(&t) < 0)
		return 0; /* that one must go */
	errno = EPERM;
	return -1;
}
static int mount_something(struct probe *p) { return mount("none", p->root, "tmpfs", 0, NULL); }
static int unmount(struct probe *p) { return umount2(p->root, MNT_DETACH); }
static int new_root(struct probe *p) { return chroot(p->root); }
static int new_user(struct probe *p) { return p->root ? unshare(CLONE_NEWUSER) : 0; }
static int be_dumpable(struct probe *p) { return p->root ? prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) : 0; }
static int be_somebody(struct probe *p) { return p->root ? (int)syscall(SYS_setresuid, 1, 1, 1) : 0; }
static int have_capabilities(struct probe *p)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct all[2] = {{1u << CAP_KILL, 1u << CAP_KILL, 0}, {0}};

	return p->root ? (int)syscall(SYS_capset, &head, all) : 0;
}
static int shared_memory(struct probe *p) { return p->root ? shmget(IPC_PRIVATE, 4096, 0600) : 0; }

#define RAW(name, ...) static int name(struct probe *p) { return p->root ? (int)syscall(__VA_ARGS__) : 0; }
RAW(load_bpf, SYS_bpf, 0, NULL, 0)
RAW(ring, SYS_io_uring_setup, 1, NULL)
RAW(fault_memory, SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */)
RAW(use_keys, SYS_keyctl, 0, -3, 0)
RAW(add_a_key, SYS_add_key, "user", "x", "x", 1, -3)
RAW(measure, SYS_perf_event_open, NULL, 0, -1, -1, 0)
RAW(load_module, SYS_init_module, NULL, 0, "")
RAW(load_kernel, SYS_kexec_load, 0, 0, NULL, 0)
RAW(restart_machine, SYS_reboot, 0, 0, 0, NULL)
RAW(swap_on, SYS_swapon, "/nowhere", 0)
RAW(name_host, SYS_sethostname, "x", 1)
RAW(join_namespace, SYS_setns, 0, 0)
RAW(anonymous_file, SYS_memfd_create, "x", 0)
RAW(watch_files, SYS_inotify_init1, 0)
RAW(watch_all_files, SYS_fanotify_init, 0, 0)
RAW(read_kernel_log, SYS_syslog, 3, NULL, 0)
RAW(another_filter, SYS_seccomp, 1, 0, NULL)
RAW(unknown_call, 5000)

#define CALL(function, ...) {#function, function, __VA_ARGS__}
const struct probe_call probe_calls[] = {
	CALL(write_catalog, KEEPER), CALL(write_access, API), CALL(read_access, API), CALL(read_seal_key, 0), CALL(read_site_key, 0),
	CALL(read_password, 0), CALL(read_configuration, 0), CALL(write_configuration, 0), CALL(list_journal, RECORDER | KEEPER | API),
	CALL(make_in_journal, RECORDER), CALL(make_in_state, 0), CALL(read_shadow, 0),
	CALL(write_footage, 0), CALL(read_footage, KEEPER | API | OFFLOADER), CALL(make_footage, KEEPER),
	CALL(cut_footage, 0), CALL(cut_by_opening, 0), CALL(rename_footage, KEEPER),
	CALL(take_footage, KEEPER), CALL(link_footage, KEEPER), CALL(chmod_footage, 0), CALL(chmod_incoming, 0), CALL(fchmod_any, 0),
	CALL(chown_footage, 0), CALL(fchown_any, 0), CALL(date_footage, 0), CALL(mark_footage, 0), CALL(make_device, 0),
	CALL(make_symlink, 0), CALL(handle_of_file, 0), CALL(remove_incoming, RECORDER | KEEPER), CALL(write_incoming, RECORDER),
	CALL(make_incoming, RECORDER | KEEPER), CALL(write_identity, 0), CALL(remove_footage, KEEPER),
	CALL(kill_others, 0), CALL(kill_all, 0), CALL(kill_group, 0), CALL(tgkill_others, 0), CALL(queue_signal, 0), CALL(signal_by_file, 0),
	CALL(open_pidfd, 0), CALL(nice_others, 0), CALL(limit_others, 0), CALL(pin_others, 0), CALL(attach, 0), CALL(read_memory, 0),
	CALL(proc_mem, 0), CALL(proc_environ, 0), CALL(proc_maps, 0), CALL(execute, 0), CALL(divide, 0),
	CALL(unix_stream, 0), CALL(unix_quiet, 0), CALL(unix_datagram, 0), CALL(unix_pair_of_datagrams, 0), CALL(connect_channel, 0),
	CALL(netlink_route, 0), CALL(netlink_audit, 0), CALL(packet_socket, 0), CALL(raw_socket, 0), CALL(raw6_socket, 0), CALL(ping_socket, 0),
	CALL(multipath_socket, 0), CALL(vsock_socket, 0), CALL(crypto_socket, 0), CALL(inet_socket, RECORDER | API | OFFLOADER),
	CALL(udp_socket, RECORDER | API | OFFLOADER), CALL(bind_port, 0), CALL(listen_unbound, 0),
	CALL(connect_elsewhere, RECORDER | OFFLOADER, 4),
	CALL(set_time, 0), CALL(set_clock, 0), CALL(adjust_clock, 0), CALL(adjust_clock_2, 0), CALL(read_clock_is_lost, 0),
	CALL(mount_something, 0), CALL(unmount, 0), CALL(new_root, 0), CALL(new_user, 0), CALL(be_dumpable, 0), CALL(be_somebody, 0),
	CALL(have_capabilities, 0), CALL(shared_memory, 0), CALL(load_bpf, 0), CALL(ring, 0), CALL(fault_memory, 0), CALL(use_keys, 0),
	CALL(add_a_key, 0), CALL(measure, 0), CALL(load_module, 0), CALL(load_kernel, 0), CALL(restart_machine, 0), CALL(swap_on, 0),
	CALL(name_host, 0), CALL(join_namespace, 0), CALL(anonymous_file, 0), CALL(watch_files, KEEPER), CALL(watch_all_files, 0),
	CALL(read_kernel_log, 0), CALL(another_filter, 0), CALL(unknown_call, 0),
	{NULL, NULL, 0, 0},
};
