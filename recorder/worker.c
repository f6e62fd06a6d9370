#include "recorder/worker.h"

#include "base/buf.h"
#include "base/require.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct jobs {
	struct worker_job *first, *last;
};

struct worker {
	const char *name;
	void (*after_batch)(void *arg);
	void *arg;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct jobs queue, finished; /* under the lock */
	bool stopping, abandoned, exited;

	struct jobs batch; /* taken and not yet finished; changed by the worker's thread, under the lock */

	uv_loop_t *loop; /* the rest: loop thread */
	uv_async_t async;
	size_t pending_bytes, max_bytes;
	unsigned pending;
	bool closing;
	worker_closed_fn *closed;
	void *closed_arg;
	struct worker *next_abandoned;
};

/* What stuck threads still use; reachable for ever. Loop thread. */
static struct worker *abandoned_workers;

static void jobs_push(struct jobs *l, struct worker_job *job)
{
	job->next = NULL;
	if (l->last)
		l->last->next = job;
	else
		l->first = job;
	l->last = job;
}

static struct worker_job *jobs_pop(struct jobs *l)
{
	struct worker_job *job = l->first;

	if (!job)
		return NULL;
	l->first = job->next;
	if (!l->first)
		l->last = NULL;
	job->next = NULL;
	return job;
}

/* --- the worker's thread ---------------------------------------------------- */

/* False: there will be no more, or nobody waits for it any more. */
static bool take_batch(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->queue.first && !w->stopping && !w->abandoned)
		pthread_cond_wait(&w->wake, &w->lock);
	w->batch = w->queue;
	w->queue = (struct jobs){0};
	bool go = w->batch.first && !w->abandoned;
	pthread_mutex_unlock(&w->lock);
	return go;
}

/* Hands over one job, or with NULL the whole batch. False if the worker was abandoned meanwhile. */
static bool hand_over(struct worker *w, bool all)
{
	pthread_mutex_lock(&w->lock);
	bool wanted = !w->abandoned;
	while (wanted && w->batch.first) {
		jobs_push(&w->finished, jobs_pop(&w->batch));
		if (!all)
			break;
	}
	if (wanted)
		uv_async_send(&w->async);
	pthread_mutex_unlock(&w->lock);
	return wanted;
}

static bool run_batch(struct worker *w)
{
	if (!w->after_batch) {
		while (w->batch.first) {
			w->batch.first->run(w->batch.first);
			if (!hand_over(w, false))
				return false;
		}
		return true;
	}
	for (struct worker_job *j = w->batch.first; j; j = j->next)
		j->run(j);
	w->after_batch(w->arg);
	return hand_over(w, true);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	while (take_batch(w))
		if (!run_batch(w))
			break;
	pthread_mutex_lock(&w->lock);
	w->exited = true;
	if (!w->abandoned)
		uv_async_send(&w->async);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* --- the loop's side -------------------------------------------------------- */

static void worker_free(struct worker *w)
{
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	free(w);
}

static void on_closed(uv_handle_t *h)
{
	struct worker *w = h->data;
	worker_closed_fn *closed = w->closed;
	void *arg = w->closed_arg;

	if (!w->abandoned)
		worker_free(w);
	closed(arg);
}

static void on_async(uv_async_t *h)
{
	struct worker *w = h->data;

	pthread_mutex_lock(&w->lock);
	struct jobs done = w->finished;
	w->finished = (struct jobs){0};
	bool exited = w->exited;
	pthread_mutex_unlock(&w->lock);

	for (struct worker_job *j; (j = jobs_pop(&done)) != NULL;) {
		w->pending--;
		w->pending_bytes -= j->bytes;
		j->done(j);
	}
	if (exited && !w->closing) {
		w->closing = true;
		pthread_join(w->thread, NULL);
		uv_close((uv_handle_t *)&w->async, on_closed);
	}
}

/* Signals are the loop's: a thread that took one would only interrupt its disk. */
static int start_thread(struct worker *w)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = -pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void on_stillborn(uv_handle_t *h) { worker_free(h->data); }

int worker_create(uv_loop_t *loop, const char *name, size_t max_bytes, void (*after_batch)(void *arg),
		  void *arg, struct worker **out)
{
	struct worker *w = xcalloc(1, sizeof *w);

	*out = NULL;
	w->name = name;
	w->loop = loop;
	w->max_bytes = max_bytes;
	w->after_batch = after_batch;
	w->arg = arg;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	int rc = uv_async_init(loop, &w->async, on_async);
	if (rc < 0) {
		worker_free(w);
		return rc;
	}
	w->async.data = w;
	rc = start_thread(w);
	if (rc < 0) {
		uv_close((uv_handle_t *)&w->async, on_stillborn);
		return rc;
	}
	*out = w;
	return 0;
}

bool worker_has_room(const struct worker *w, size_t bytes)
{
	return bytes <= w->max_bytes && w->pending_bytes <= w->max_bytes - bytes;
}

void worker_post(struct worker *w, struct worker_job *job)
{
	REQUIRE(!w->stopping && !w->closing);
	w->pending++;
	w->pending_bytes += job->bytes;
	job->posted_ms = uv_now(w->loop);
	pthread_mutex_lock(&w->lock);
	jobs_push(&w->queue, job);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

unsigned worker_pending(const struct worker *w) { return w->pending; }

uint64_t worker_waits_ms(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	const struct worker_job *oldest = w->batch.first ? w->batch.first : w->queue.first;
	uint64_t posted_ms = oldest ? oldest->posted_ms : UINT64_MAX;
	pthread_mutex_unlock(&w->lock);
	uint64_t now_ms = uv_now(w->loop);
	return now_ms > posted_ms ? now_ms - posted_ms : 0;
}

void worker_close(struct worker *w, worker_closed_fn *closed, void *arg)
{
	w->closed = closed;
	w->closed_arg = arg;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void worker_abandon(struct worker *w, worker_closed_fn *closed, void *arg)
{
	if (w->closing)
		return; /* its thread is gone already: closed() is on its way */
	w->closed = closed;
	w->closed_arg = arg;
	pthread_mutex_lock(&w->lock);
	w->abandoned = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_detach(w->thread);
	log_error("worker", "name=%s abandoned=true pending=%u", w->name, w->pending);
	w->closing = true;
	w->next_abandoned = abandoned_workers;
	abandoned_workers = w;
	uv_close((uv_handle_t *)&w->async, on_closed);
}
