/* Counts the system calls that a role was refused, outside of the role: its seccomp filter hands each call that is not on the list
 * to a thread here, which answers EPERM (ENOSYS, if no library knows a call of that number, as an older kernel would) and logs the
 * first of each kind, then at powers of two. The role waits for the answer; when the supervisor dies, the kernel answers ENOSYS.
 *
 * Threads: one of its own per listener, which ends with the role. refusals_count() any. Memory: refusals_start() allocates; the
 * count must stay valid for ever. Source: seccomp_unotify(2). */
#pragma once
#include <stdatomic.h>

/* Owns the descriptor from now on. role is borrowed. */
void refusals_start(int listener, const char *role, atomic_ullong *count);
