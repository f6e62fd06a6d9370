/* Work for one of libuv's threads that may find that it needs the object store: it then comes back with -EBUSY, waits for its
 * turn on no thread (remote_gate.h), and is done again from the start, this time allowed to ask.
 *
 *	remote_job_start() ─▶ run() on a thread ──▶ done()            remote_job_abandon(): gone(), as soon as no
 *	                        ▲     │ -EBUSY                        thread has it, in place of done()
 *	                        └─ turn ── wait_ms are over ─▶ done(), rc still -EBUSY
 *
 * Threads: loop thread, run() a worker's. Memory: the caller's, at least until done() or gone(). */
#pragma once
#include "api/remote_file.h"
#include "api/remote_gate.h"

struct remote_job;
typedef void remote_job_fn(struct remote_job *j);

struct remote_job {
	uv_loop_t *loop;                /* the owner's, as all up to gone() */
	struct remote_gate *gate;
	struct remote_file *file;
	remote_job_fn *gone;
	int (*run)(struct remote_job *j);
	remote_job_fn *done;
	uint64_t wait_ms;
	int rc;                         /* of run() */
	uv_work_t work;
	struct remote_pass pass;
	bool busy, abandoned;
};

void remote_job_start(struct remote_job *j, int (*run)(struct remote_job *j), remote_job_fn *done, uint64_t wait_ms);
void remote_job_abandon(struct remote_job *j);
