/* Pieces come back in the order in which they were given, however long each takes and whoever works. */
#include "base/crew.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PIECES 1000

struct piece { unsigned number, spins; pthread_t by; int done; };

static struct piece pieces[PIECES];

static void work(void *arg)
{
	struct piece *p = arg;

	for (volatile unsigned i = 0; i < p->spins; i++)
		;
	p->by = pthread_self();
	p->done++;
}

static void reset(void)
{
	for (unsigned i = 0; i < PIECES; i++)
		pieces[i] = (struct piece){.number = i, .spins = i * 7919 % 1000};
}

static void take_next(struct crew *c, unsigned *taken)
{
	struct piece *p = crew_take(c, CREW_FOR_EVER);

	assert_ptr_equal(p, &pieces[*taken]);
	assert_int_equal(p->done, 1);
	++*taken;
}

static void all_come_back_in_order(unsigned threads, unsigned room)
{
	struct crew *c = crew_create(threads, room, work);
	unsigned taken = 0;

	reset();
	for (unsigned given = 0; given < PIECES; given++) {
		if (!crew_has_room(c))
			take_next(c, &taken);
		assert_true(crew_has_room(c));
		crew_give(c, &pieces[given]);
		assert_int_equal(crew_out(c), given + 1 - taken);
	}
	while (crew_out(c) > 0)
		take_next(c, &taken);
	assert_int_equal(taken, PIECES);
	assert_null(crew_take(c, CREW_FOR_EVER));
	crew_destroy(c, NULL);
}

static void order_is_kept(void **state)
{
	(void)state;
	for (unsigned threads = 0; threads < 5; threads++)
		for (unsigned room = 1; room < 9; room += 3)
			all_come_back_in_order(threads, room);
}

static void without_threads_the_owner_works(void **state)
{
	struct crew *c = crew_create(0, 2, work);

	(void)state;
	reset();
	crew_give(c, &pieces[0]);
	assert_int_equal(pieces[0].done, 0);
	assert_ptr_equal(crew_take(c, 0), &pieces[0]);
	assert_true(pthread_equal(pieces[0].by, pthread_self()));
	crew_destroy(c, NULL);
}

/* --- one that is not done ------------------------------------------------------------------- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_at_the_gate(void *arg)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	work(arg);
}

static void the_owner_waits_only_so_long(void **state)
{
	struct crew *c = crew_create(1, 2, wait_at_the_gate);

	(void)state;
	reset();
	pthread_mutex_lock(&gate);
	crew_give(c, &pieces[0]);
	assert_null(crew_take(c, 0));
	assert_null(crew_take(c, 2000));
	assert_int_equal(crew_out(c), 1);
	pthread_mutex_unlock(&gate);
	assert_ptr_equal(crew_take(c, CREW_FOR_EVER), &pieces[0]);
	crew_destroy(c, NULL);
}

static unsigned dropped;

static void drop(void *piece)
{
	assert_ptr_equal(piece, &pieces[dropped++]);
}

static void what_is_out_at_the_end_is_dropped(void **state)
{
	(void)state;
	for (unsigned threads = 0; threads < 3; threads++) {
		struct crew *c = crew_create(threads, 8, work);
		reset();
		dropped = 0;
		for (unsigned i = 0; i < 8; i++)
			crew_give(c, &pieces[i]);
		crew_destroy(c, drop);
		assert_int_equal(dropped, 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(without_threads_the_owner_works),
		cmocka_unit_test(the_owner_waits_only_so_long),
		cmocka_unit_test(what_is_out_at_the_end_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
