/* One process that the supervisor keeps alive: spawn, watch, start again with back-off, stop. One that hangs (it has not said
 * `alive` for silence_ms) is killed, and so started again.
 *
 *               spawned            `ready`
 *   WAITING ─────────────▶ STARTING ───────▶ RUNNING
 *      ▲                      │ exit            │ exit        STOP in any of them:
 *      └──────────────────────┴─────────────────┘             ask over the channel, kill after a while
 *                                                              STOPPING ──exit──▶ STOPPED
 *
 * Threads: loop thread. Memory: caller's; free in or after `stopped`. */
#pragma once
#include "base/clock.h"
#include "base/channel.h"
#include "base/sm.h"

#include <stdatomic.h>

struct process;

struct process_spec {
	const char *name;               /* borrowed, as everything here */
	char *const *argv;
	bool channel;                   /* a role of ours: message channel on fd 3, ends of other channels on CHILD_HANDOVER_FD */
	int lock_fd;                    /* kept open in the child, so that the state directory stays taken */
	uint64_t stop_ms;               /* patience before SIGKILL */
	uint64_t silence_ms;            /* it says `alive` more often, or it hangs; 0: it need not */
	void (*ready)(struct process *p);
	void (*started)(struct process *p); /* the channel is there: send the configuration */
	void (*heard)(struct process *p, const json_t *msg); /* what else it said; may be NULL */
	void (*stopped)(struct process *p);
	void (*exited)(struct process *p, int status); /* by itself, before it is started again; may be NULL */
	void *owner;
};

struct process {
	const struct process_spec *spec;
	uv_loop_t *loop;
	struct sm sm;
	uv_process_t child;
	struct peer *channel;
	int handover_fd;                /* -1: none */
	uv_poll_t *listening;           /* on it, until the role's listener came; NULL: not */
	atomic_ullong refused;          /* system calls, of all its lives */
	json_t *sandbox;         /* what it said is in force; NULL: not yet */
	uv_timer_t timer;               /* back-off, looks whether it is alive, or patience */
	unsigned silent;                /* looks since it was heard */
	unsigned retry_ms;
	struct mono started_at;
	bool timer_closed;
};

int process_start(struct process *p, uv_loop_t *loop, const struct process_spec *spec);
void process_send(struct process *p, const json_t *msg);
/* Gives it its end of a channel to another; one that is not alive gets none. The descriptor is consumed. */
void process_hand(struct process *p, enum channel_role other, int end);
void process_stop(struct process *p);     /* `stopped` follows */
void process_restart(struct process *p);  /* a clean stop, then a start */
bool process_is_running(const struct process *p);
bool process_is_alive(const struct process *p); /* and can be handed something */
