/* A process gives up what it will never need: Landlock for files, ports and signals, an allow-list of system calls, every
 * capability, core dumps. Called once, after everything was opened that lies outside.
 *
 *	files and ports   Landlock, by the kernel's ABI; what is in force is told, logged by the caller and shown in /api/v1/site.
 *	                  A kernel without it is not a reason not to record.
 *	system calls      seccomp: what is not on the role's list (sandbox_calls.c) gets EPERM, or ENOSYS if nobody knew its number;
 *	                  it kills nobody. The calls are counted by who holds sandbox_result.listener (daemon/refusals.h).
 *	capabilities      none, also as root: files that root owns can be reached, others only as their mode allows.
 *
 * Threads: call before any is started (all of it is inherited). Source: landlock(7), seccomp(2), seccomp_unotify(2),
 * capabilities(7). */
#pragma once
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

enum sandbox_right {
	SANDBOX_READ = 1,      /* read files, list folders */
	SANDBOX_LIST = 32,     /* list folders only (and so fsync them) */
	SANDBOX_WRITE = 2,     /* write to files that exist, truncate */
	SANDBOX_CREATE = 4,    /* create files and folders */
	SANDBOX_REMOVE = 8,    /* unlink files */
	SANDBOX_RENAME = 16,   /* rename and link between folders that both have it */
	SANDBOX_NO_LINK = 64,  /* of the path itself, never of what it leads to if it is a link */
};

/* Groups of system calls, beside those that every role has. */
enum sandbox_calls {
	SANDBOX_CALLS_CHANGE = 1,  /* make, rename, cut and remove files */
	SANDBOX_CALLS_CONNECT = 2, /* TCP and UDP over the Internet protocols */
	SANDBOX_CALLS_BIND = 4,    /* a local port (of UDP: Landlock keeps TCP from it) */
	SANDBOX_CALLS_ACCEPT = 8,  /* on what listens already */
	SANDBOX_CALLS_WATCH = 16,  /* inotify, on folders that may be read */
};

struct sandbox_path { char *path; unsigned rights; }; /* a path that does not exist is skipped */

#define SANDBOX_PORTS_MAX 16

struct sandbox {
	struct sandbox_path *paths;
	unsigned count;
	unsigned calls;          /* enum sandbox_calls */
	bool any_port;           /* connects to any TCP port; else only to: */
	uint16_t ports[SANDBOX_PORTS_MAX];
	unsigned port_count;
	uint64_t memory_bytes;   /* that it may have for itself (RLIMIT_DATA) */
	bool alone;              /* nobody else would hold the listener: what is not on the list is refused uncounted */
};

/* What is in force. */
struct sandbox_result {
	int landlock_abi;        /* 0: the kernel has none */
	bool ports, signals;     /* Landlock restricts those, too: ABI 4, 6 */
	bool seccomp;
	int listener;            /* who holds it answers and counts calls that are not on the list; -1: they are refused uncounted */
};

__attribute__((format(printf, 3, 4)))
void sandbox_allow(struct sandbox *s, unsigned rights, const char *path, ...);
void sandbox_allow_port(struct sandbox *s, uint16_t port);
int sandbox_enter(struct sandbox *s, struct sandbox_result *out, struct err *e);
void sandbox_finish(struct sandbox *s);
