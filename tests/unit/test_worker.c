/* One worker: order, batches, the bound, closing, and a thread that hangs. */
#include "base/buf.h"
#include "recorder/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

struct note { struct worker_job job; int number; };

static int ran[64], ran_count, done_count, batches;
static bool closed;
static pthread_t loop_thread;
static atomic_bool gate_open;
static atomic_int inside;

static void run_note(struct worker_job *j)
{
	assert_false(pthread_equal(pthread_self(), loop_thread));
	ran[ran_count++] = ((struct note *)j)->number;
}

static void on_note(struct worker_job *j)
{
	assert_true(pthread_equal(pthread_self(), loop_thread));
	assert_int_equal(ran[done_count++], ((struct note *)j)->number);
	free(j);
}

static void run_gate(struct worker_job *j)
{
	(void)j;
	atomic_fetch_add(&inside, 1);
	while (!atomic_load(&gate_open))
		sched_yield();
	atomic_fetch_sub(&inside, 1);
}

static void on_gate(struct worker_job *j)
{
	done_count++;
	free(j);
}

static void after_batch(void *arg)
{
	(void)arg;
	batches++;
}

static void on_closed(void *arg)
{
	(void)arg;
	closed = true;
}

static void post(struct worker *w, int number, size_t bytes)
{
	struct note *n = xcalloc(1, sizeof *n);

	n->number = number;
	n->job = (struct worker_job){.run = run_note, .done = on_note, .bytes = bytes};
	worker_post(w, &n->job);
}

static void post_gate(struct worker *w)
{
	struct note *n = xcalloc(1, sizeof *n);

	n->job = (struct worker_job){.run = run_gate, .done = on_gate, .bytes = 60};
	worker_post(w, &n->job);
}

static int setup(void **state)
{
	(void)state;
	ran_count = done_count = batches = 0;
	closed = false;
	loop_thread = pthread_self();
	atomic_store(&gate_open, false);
	return 0;
}

static void runs_in_order_and_ends_after_the_last(void **state)
{
	uv_loop_t loop;
	struct worker *w;

	(void)state;
	uv_loop_init(&loop);
	assert_int_equal(worker_create(&loop, "test", 1000, NULL, NULL, &w), 0);
	for (int i = 0; i < 50; i++)
		post(w, i, 1);
	assert_int_equal(worker_pending(w), 50);
	worker_close(w, on_closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(closed);
	assert_int_equal(done_count, 50);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_batch_is_done_only_after_its_hook(void **state)
{
	uv_loop_t loop;
	struct worker *w;

	(void)state;
	uv_loop_init(&loop);
	assert_int_equal(worker_create(&loop, "test", 1000, after_batch, NULL, &w), 0);
	for (int i = 0; i < 20; i++)
		post(w, i, 0);
	while (done_count == 0)
		uv_run(&loop, UV_RUN_ONCE);
	worker_close(w, on_closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(done_count, 20);
	assert_in_range(batches, 1, 20);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void the_bound_counts_what_is_not_done(void **state)
{
	uv_loop_t loop;
	struct worker *w;

	(void)state;
	uv_loop_init(&loop);
	assert_int_equal(worker_create(&loop, "test", 100, NULL, NULL, &w), 0);
	assert_true(worker_has_room(w, 100));
	assert_false(worker_has_room(w, 101));
	post_gate(w);
	assert_true(worker_has_room(w, 40));
	assert_false(worker_has_room(w, 41));
	atomic_store(&gate_open, true);
	while (done_count == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_true(worker_has_room(w, 100));
	worker_close(w, on_closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_hung_thread_is_left_to_itself(void **state)
{
	uv_loop_t loop;
	struct worker *w;

	(void)state;
	uv_loop_init(&loop);
	assert_int_equal(worker_create(&loop, "test", 100, NULL, NULL, &w), 0);
	post_gate(w);
	post(w, 1, 0);
	while (atomic_load(&inside) == 0)
		sched_yield();
	worker_close(w, on_closed, NULL);
	worker_abandon(w, on_closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(closed);
	assert_int_equal(done_count, 0);
	assert_int_equal(uv_loop_close(&loop), 0);
	atomic_store(&gate_open, true); /* it comes back when nobody waits any more */
	while (atomic_load(&inside) != 0)
		sched_yield();
	assert_int_equal(ran_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(runs_in_order_and_ends_after_the_last, setup),
		cmocka_unit_test_setup(a_batch_is_done_only_after_its_hook, setup),
		cmocka_unit_test_setup(the_bound_counts_what_is_not_done, setup),
		cmocka_unit_test_setup(a_hung_thread_is_left_to_itself, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
