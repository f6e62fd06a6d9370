/* A child process of the supervisor, seen from inside: the channel on fd 3, the loop, the steps of its
 * life. One file per role fills in the steps and is a program of its own; reading those files is reading the architecture.
 *
 * Channels to other roles come over another descriptor (daemon/handover.h), when the supervisor made them.
 *
 *	fd 3 says `conf` → construct → confine → begin → `ready` … `conf` again → reload … `key` → take_key … `stop` → stop → exit 0
 *
 * The end of the channel (the supervisor died) is a `stop`.
 * Threads: loop thread. construct and confine run before any thread is started, because Landlock
 * and seccomp bind the calling thread and what it starts afterwards. */
#pragma once
#include "base/err.h"
#include "base/channel.h"
#include "base/sandbox.h"
#include "conf/conf.h"
#include "daemon/handover.h"

struct child;

#define CHILD_EARLY_MAX 16

struct child_role {
	const char *name;               /* "recorder" */
	enum conf_role part;
	unsigned alive_ms;              /* so often it says `alive`: its loop never waits; 0: it may */
	unsigned rest_ms;               /* after each turn of the loop: what comes meanwhile is met together */
	/* Open what lies outside of what the process may touch later. */
	int (*construct)(struct child *c, struct err *e);
	/* Name the rights that stay. */
	void (*confine)(struct child *c, struct sandbox *s);
	/* Start threads, timers, sessions. */
	int (*begin)(struct child *c, struct err *e);
	/* A new, valid configuration is in c->conf; earlier ones stay valid until the process ends, because
	 * cameras borrow from them. What it cannot take up in place is no business of this (conf_diff.h). NULL: nothing else
	 * concerns it. */
	void (*reload)(struct child *c);
	/* An end of a channel to another role; it is this one's now. NULL: it speaks to nobody. */
	void (*take_channel)(struct child *c, enum channel_role other, int end);
	/* The key in force was changed while this process may not read it: here it is, in PEM. NULL: not told. */
	void (*take_key)(struct child *c, const char *pem);
	/* What else the supervisor says. NULL: nothing. */
	void (*hear)(struct child *c, const json_t *msg);
	/* Close every handle; child_stopped() when it is done. */
	void (*stop)(struct child *c);
	void (*destroy)(struct child *c);
};

struct child {
	const struct child_role *role;
	uv_loop_t loop;
	uv_timer_t alive;
	struct conf *conf;              /* the one in force */
	struct conf **earlier;
	unsigned earlier_count;
	struct sandbox_result sandbox;
	bool counted;                   /* refused calls are, by the supervisor */
	void *state;                    /* the role's own */
	struct peer channel;
	struct handover handover;
	struct { enum channel_role other; int fd; } early[CHILD_EARLY_MAX]; /* ends that came before it had begun */
	unsigned early_count;
	uv_signal_t signals[3];         /* INT and HUP reach a whole terminal group: ignored; TERM: stop */
	bool begun, stopping, stopped;
	int exit_code;
};

#define CHILD_MEMORY_BYTES (UINT64_C(2) << 30) /* that a role may have for itself; it has far less */

#define CHILD_CHANNEL_FD 3
#define CHILD_LOCK_FD 4
#define CHILD_HANDOVER_FD 5
#define CHILD_CATALOG_DAMAGED 4 /* exit code of the keeper: the catalogue cannot be used, make a new one */

/* Says something of one word to the supervisor. */
void child_say(struct child *c, const char *type);
int child_main(const struct child_role *role); /* main() of a role; returns the exit code */
void child_stopped(struct child *c);
/* The process can do its work no more (journal lost, …): log, leave; the supervisor starts it again. */
void child_fatal(struct child *c, const char *text);

/* Paths below the state directory; malloc'd. */
char *state_path(const struct conf *conf, const char *name);
/* A SQLite database's three files exist and may be read (and written) after confinement. */
void child_allow_db(struct sandbox *s, const char *path, unsigned rights);
/* What name resolution, time zones and TLS need to read. */
void child_allow_system(struct sandbox *s);
