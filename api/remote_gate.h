/* How many of libuv's threads may wait for the object store at once: so that a store that hangs leaves threads to the
 * footage that lies here. Whoever finds it full waits outside, on no thread, in order, and not for ever.
 *
 * Threads: loop thread only. Memory: the caller's; a pass stays where it is while it waits or is inside. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define REMOTE_INSIDE_MAX 2 /* of libuv's four threads */

struct remote_pass {
	void (*go)(struct remote_pass *p, bool in); /* in: go on, inside; else the wait is over */
	struct remote_pass *next;
	uint64_t until_ms;
	bool inside, waiting;
};

struct remote_gate {
	uv_timer_t timer;
	struct remote_pass *first;      /* that wait, in order */
	unsigned inside;
	bool timer_closed;
	void (*closed)(struct remote_gate *g);
};

int remote_gate_open(struct remote_gate *g, uv_loop_t *loop);
/* go() follows, perhaps before this returns. */
void remote_gate_ask(struct remote_gate *g, struct remote_pass *p, uint64_t wait_ms);
/* Leaves, or waits no more; without effect on others. Call it while the gate is open, or from one inside. */
void remote_gate_leave(struct remote_gate *g, struct remote_pass *p);
/* Nobody waits any more; closed() when those inside have left, too. */
void remote_gate_close(struct remote_gate *g, void (*closed)(struct remote_gate *g));
