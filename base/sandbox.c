#include "sandbox.h"

#include "buf.h"
#include "require.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The header of the build may be older than the kernel that runs. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

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

void sandbox_finish(struct sandbox *s)
{
	for (unsigned i = 0; i < s->count; i++)
		free(s->paths[i].path);
	free(s->paths);
	*s = (struct sandbox){0};
}

/* --- files ------------------------------------------------------------------- */

static uint64_t access_of(unsigned rights)
{
	uint64_t a = 0;

	if (rights & SANDBOX_READ)
		a |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	if (rights & SANDBOX_LIST)
		a |= LANDLOCK_ACCESS_FS_READ_DIR;
	if (rights & SANDBOX_WRITE)
		a |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
	if (rights & SANDBOX_CREATE)
		a |= LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK;
	if (rights & SANDBOX_REMOVE)
		a |= LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR;
	if (rights & SANDBOX_RENAME)
		a |= LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
	return a;
}

/* Everything that the kernel's ABI can take away is taken away, then given back path by path. */
static uint64_t handled_by(int abi)
{
	uint64_t a = (1ULL << 13) - 1; /* ABI 1: execute … make_sym */

	if (abi >= 2)
		a |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		a |= LANDLOCK_ACCESS_FS_TRUNCATE;
	return a;
}

static int add_rule(int ruleset, const struct sandbox_path *p, uint64_t handled)
{
	struct stat st;
	struct landlock_path_beneath_attr rule = {.allowed_access = access_of(p->rights) & handled};

	rule.parent_fd = open(p->path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				       LANDLOCK_ACCESS_FS_TRUNCATE;
	long rc = rule.allowed_access == 0 ? 0
		: syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int err = rc < 0 ? -errno : 0;
	close(rule.parent_fd);
	return err;
}

static int restrict_files(const struct sandbox *s, int *abi, struct err *e)
{
	*abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (*abi < 0)
		*abi = 0;
	if (*abi == 0)
		return 0;
	struct landlock_ruleset_attr attr = {.handled_access_fs = handled_by(*abi)};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
	if (ruleset < 0)
		return err_set(e, -errno, "landlock: cannot make a rule set: %s", strerror(errno));
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < s->count; i++) {
		rc = add_rule(ruleset, &s->paths[i], attr.handled_access_fs);
		if (rc < 0)
			err_set(e, rc, "landlock: %s: %s", s->paths[i].path, strerror(-rc));
	}
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		rc = err_set(e, -errno, "landlock: cannot confine: %s", strerror(errno));
	close(ruleset);
	return rc;
}

/* --- system calls -------------------------------------------------------------- */

/* What none of our processes does after its start. A call on the list fails with EPERM, so that a
 * library that merely tries is not killed while it records. */
static const int never[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
	SCMP_SYS(chroot), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(keyctl), SCMP_SYS(add_key),
	SCMP_SYS(request_key), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff),
	SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(sethostname), SCMP_SYS(acct),
	SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(open_by_handle_at), SCMP_SYS(io_uring_setup),
	SCMP_SYS(personality), SCMP_SYS(quotactl),
};

static int restrict_network(scmp_filter_ctx ctx, const struct sandbox *s)
{
	int rc = 0;

	if (!s->network)
		for (int family = 0; rc == 0 && family < 2; family++)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
					      SCMP_A0(SCMP_CMP_EQ, family ? 10 /* AF_INET6 */ : 2 /* AF_INET */));
	if (rc == 0 && !s->listen)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(listen), 0);
	return rc;
}

static int restrict_calls(const struct sandbox *s, struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < sizeof never / sizeof *never; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), never[i], 0);
	if (rc == 0)
		rc = restrict_network(ctx, s);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc < 0 ? err_set(e, rc, "seccomp: %s", strerror(-rc)) : 0;
}

int sandbox_enter(struct sandbox *s, struct sandbox_result *out, struct err *e)
{
	int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
		? err_set(e, -errno, "no_new_privs: %s", strerror(errno)) : 0;

	*out = (struct sandbox_result){0};
	if (rc == 0)
		rc = restrict_files(s, &out->landlock_abi, e);
	if (rc == 0)
		rc = restrict_calls(s, e);
	out->seccomp = rc == 0;
	return rc;
}
