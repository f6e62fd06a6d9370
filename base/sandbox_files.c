/* Landlock. The header of the build may be older than the kernel that runs, so its numbers stand here. */
#include "sandbox_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ACCESS_FS_REFER (1ULL << 13)     /* ABI 2 */
#define ACCESS_FS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define ACCESS_NET_BIND_TCP (1ULL << 0)  /* ABI 4 */
#define ACCESS_NET_CONNECT_TCP (1ULL << 1)
#define ACCESS_FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define SCOPE_ABSTRACT_SOCKET (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL (1ULL << 1)
#define RULE_NET_PORT 2
#define ABI_MAX 6 /* that is used here */

struct ruleset { uint64_t files, ports, scopes; };
struct port_rule { uint64_t allowed, port; };

static uint64_t access_of(unsigned rights)
{
	uint64_t a = 0;

	if (rights & SANDBOX_READ)
		a |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	if (rights & SANDBOX_LIST)
		a |= LANDLOCK_ACCESS_FS_READ_DIR;
	if (rights & SANDBOX_WRITE)
		a |= LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE;
	if (rights & SANDBOX_CREATE)
		a |= LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR;
	if (rights & SANDBOX_REMOVE)
		a |= LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR;
	if (rights & SANDBOX_RENAME)
		a |= ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
	return a;
}

/* Everything that the kernel's ABI can take away is taken away, then given back path by path, port by port. */
static struct ruleset handled_by(int abi, const struct sandbox *s)
{
	struct ruleset r = {.files = (1ULL << 13) - 1}; /* ABI 1: execute … make_sym */

	if (abi >= 2)
		r.files |= ACCESS_FS_REFER;
	if (abi >= 3)
		r.files |= ACCESS_FS_TRUNCATE;
	if (abi >= 4)
		r.ports = ACCESS_NET_BIND_TCP | (s->any_port ? 0 : ACCESS_NET_CONNECT_TCP);
	if (abi >= 5)
		r.files |= ACCESS_FS_IOCTL_DEV;
	if (abi >= 6)
		r.scopes = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
	return r;
}

static size_t size_by(int abi)
{
	return abi >= 6 ? sizeof(struct ruleset) : abi >= 4 ? offsetof(struct ruleset, scopes) : offsetof(struct ruleset, ports);
}

static int add_path(int ruleset, const struct sandbox_path *p, uint64_t handled)
{
	struct stat st;
	struct landlock_path_beneath_attr rule = {.allowed_access = access_of(p->rights) & handled};

	rule.parent_fd = open(p->path, O_PATH | O_CLOEXEC | (p->rights & SANDBOX_NO_LINK ? O_NOFOLLOW : 0));
	if (rule.parent_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int known = fstat(rule.parent_fd, &st);
	if (known < 0 || S_ISLNK(st.st_mode))
		rule.allowed_access = 0;
	else if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE;
	long rc = rule.allowed_access == 0 ? 0
		: syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int err = rc < 0 ? -errno : 0;
	close(rule.parent_fd);
	return err;
}

static int add_rules(int ruleset, const struct sandbox *s, const struct ruleset *handled, struct err *e)
{
	for (unsigned i = 0; i < s->count; i++) {
		int rc = add_path(ruleset, &s->paths[i], handled->files);
		if (rc < 0)
			return err_set(e, rc, "landlock: %s: %s", s->paths[i].path, strerror(-rc));
	}
	for (unsigned i = 0; handled->ports & ACCESS_NET_CONNECT_TCP && i < s->port_count; i++) {
		const struct port_rule rule = {ACCESS_NET_CONNECT_TCP, s->ports[i]};
		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0)
			return err_set(e, -errno, "landlock: port %u: %s", (unsigned)s->ports[i], strerror(errno));
	}
	return 0;
}

/* Tests see with it how less confines on an older kernel. */
static int capped(int abi)
{
	const char *cap = SANDBOX_TEST_BUILD ? getenv("HOLDFAST_LANDLOCK_ABI") : NULL;

	return cap && atoi(cap) < abi ? atoi(cap) : abi;
}

int sandbox_restrict_files(const struct sandbox *s, struct sandbox_result *out, struct err *e)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	abi = capped(abi > ABI_MAX ? ABI_MAX : abi);
	if (abi <= 0)
		return 0;
	const struct ruleset handled = handled_by(abi, s);
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, size_by(abi), 0);
	if (ruleset < 0)
		return err_set(e, -errno, "landlock: cannot make a rule set: %s", strerror(errno));
	int rc = add_rules(ruleset, s, &handled, e);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		rc = err_set(e, -errno, "landlock: cannot confine: %s", strerror(errno));
	close(ruleset);
	out->landlock_abi = abi;
	out->ports = handled.ports != 0;
	out->signals = handled.scopes != 0;
	return rc;
}
