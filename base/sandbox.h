/* A process gives up what it will never need: Landlock for files, seccomp for system calls, no new
 * privileges. Called once, after everything was opened that lies outside.
 *
 * Landlock degrades by the kernel's ABI (Debian 12: 2); what was reached is told, logged by the
 * caller and shown in /api/v1/site. A kernel without it is not a reason not to record.
 * Threads: call before any is started (both rules are inherited). Source: landlock(7), seccomp(2). */
#pragma once
#include "err.h"

#include <stdbool.h>

enum sandbox_right {
	SANDBOX_READ = 1,      /* read files, list folders */
	SANDBOX_LIST = 32,     /* list folders only (and so fsync them) */
	SANDBOX_WRITE = 2,     /* write to files that exist, truncate */
	SANDBOX_CREATE = 4,    /* create files and folders, sockets too */
	SANDBOX_REMOVE = 8,    /* unlink files */
	SANDBOX_RENAME = 16,   /* rename and link between folders that both have it */
};

struct sandbox_path { char *path; unsigned rights; }; /* a path that does not exist is skipped */

struct sandbox {
	struct sandbox_path *paths;
	unsigned count;
	bool network;          /* may open Internet sockets */
	bool listen;           /* may listen */
};

struct sandbox_result { int landlock_abi; bool seccomp; }; /* abi 0: the kernel has none */

__attribute__((format(printf, 3, 4)))
void sandbox_allow(struct sandbox *s, unsigned rights, const char *path, ...);
int sandbox_enter(struct sandbox *s, struct sandbox_result *out, struct err *e);
void sandbox_finish(struct sandbox *s);
