/* A thread that runs jobs in order, and tells the loop of each when it is done.
 *
 * The queue is bounded by the bytes that its jobs carry: ask worker_has_room() before a job that
 * holds media; small jobs (syncs, probes) are bounded by whoever posts them.
 * With an `after_batch` hook the thread runs all that has gathered, then the hook (one sync for many
 * facts), and only then are these jobs done.
 *
 * Threads: every function is for the loop thread; job->run and after_batch are called on the
 *          worker's thread, job->done on the loop thread, in the order of posting.
 * Memory:  a job belongs to the worker from worker_post() until done(), which may free it. The worker
 *          frees itself after worker_close()'s callback. One that was abandoned is never freed: its
 *          thread is stuck in the kernel and may come back to use it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct worker_job {
	struct worker_job *next;
	void (*run)(struct worker_job *job);
	void (*done)(struct worker_job *job);
	size_t bytes; /* counts against the bound until done() */
	uint64_t posted_ms; /* the worker's */
};

struct worker;
typedef void worker_closed_fn(void *arg);

/* name is borrowed (log). 0 or a negative code. */
int worker_create(uv_loop_t *loop, const char *name, size_t max_bytes, void (*after_batch)(void *arg),
		  void *arg, struct worker **out);
bool worker_has_room(const struct worker *w, size_t bytes);
void worker_post(struct worker *w, struct worker_job *job);
unsigned worker_pending(const struct worker *w); /* jobs posted and not yet done */
/* How long the oldest job waits that the thread has not finished; 0: there is none. */
uint64_t worker_waits_ms(struct worker *w);
/* Runs what is queued, ends the thread, then closed(arg). */
void worker_close(struct worker *w, worker_closed_fn *closed, void *arg);
/* In place of waiting longer for worker_close(): leaves the thread to itself; closed(arg) follows.
 * No done() is called any more. */
void worker_abandon(struct worker *w, worker_closed_fn *closed, void *arg);
