#include "remote_job.h"

#include <errno.h>
#include <stddef.h>

static void do_work(uv_work_t *w)
{
	struct remote_job *j = w->data;

	j->rc = j->run(j);
}

static void after_work(uv_work_t *w, int status);

static void queue(struct remote_job *j)
{
	j->busy = true;
	uv_queue_work(j->loop, &j->work, do_work, after_work);
}

/* Its turn, or it has waited long enough. */
static void on_turn(struct remote_pass *p, bool in)
{
	struct remote_job *j = (struct remote_job *)((char *)p - offsetof(struct remote_job, pass));

	j->file->may_ask = in;
	j->file->until.us = clock_mono(clock_real()).us + REMOTE_LIMIT_US;
	if (in)
		queue(j);
	else
		j->done(j);
}

static void after_work(uv_work_t *w, int status)
{
	struct remote_job *j = w->data;

	(void)status; /* it is never cancelled */
	j->busy = false;
	j->file->may_ask = false;
	if (j->pass.inside) /* else the gate may be gone, if it was abandoned */
		remote_gate_leave(j->gate, &j->pass);
	if (j->abandoned)
		j->gone(j);
	else if (j->rc == -EBUSY)
		remote_gate_ask(j->gate, &j->pass, j->wait_ms);
	else
		j->done(j);
}

void remote_job_start(struct remote_job *j, int (*run)(struct remote_job *j), remote_job_fn *done, uint64_t wait_ms)
{
	j->run = run;
	j->done = done;
	j->wait_ms = wait_ms;
	j->work.data = j;
	j->pass.go = on_turn;
	queue(j);
}

void remote_job_abandon(struct remote_job *j)
{
	j->abandoned = true;
	remote_file_cancel(j->file);
	if (j->busy)
		return;
	remote_gate_leave(j->gate, &j->pass);
	j->gone(j);
}
