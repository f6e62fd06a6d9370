#include "crew.h"

#include "buf.h"
#include "require.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct slot { void *piece; bool done; };

/* Numbers of pieces count on for ever; a piece's slot is its number in the ring. taken <= begun <= given. */
struct crew {
	crew_work_fn *work;
	pthread_mutex_t lock;
	pthread_cond_t given_one, done_one;
	struct slot *slots;
	unsigned room;
	uint64_t taken, begun, given;
	bool ending;
	pthread_t *threads;
	unsigned thread_count;
};

static struct slot *slot_of(struct crew *c, uint64_t number)
{
	return &c->slots[number % c->room];
}

/* --- the crew's threads ----------------------------------------------------------------- */

static void *work_on(void *arg)
{
	struct crew *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->ending) {
		if (c->begun == c->given) {
			pthread_cond_wait(&c->given_one, &c->lock);
			continue;
		}
		struct slot *s = slot_of(c, c->begun++);
		pthread_mutex_unlock(&c->lock);
		c->work(s->piece);
		pthread_mutex_lock(&c->lock);
		s->done = true;
		pthread_cond_signal(&c->done_one);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Signals are for the threads that there were. */
static void begin_threads(struct crew *c, unsigned threads)
{
	sigset_t all, before;

	c->threads = xcalloc(threads, sizeof *c->threads);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (c->thread_count < threads && pthread_create(&c->threads[c->thread_count], NULL, work_on, c) == 0)
		c->thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- the owner's side -------------------------------------------------------------------- */

struct crew *crew_create(unsigned threads, unsigned room, crew_work_fn *work)
{
	struct crew *c = xcalloc(1, sizeof *c);
	pthread_condattr_t monotonic;

	REQUIRE(room > 0);
	*c = (struct crew){.work = work, .room = room, .slots = xcalloc(room, sizeof *c->slots)};
	REQUIRE(pthread_mutex_init(&c->lock, NULL) == 0 && pthread_cond_init(&c->given_one, NULL) == 0);
	REQUIRE(pthread_condattr_init(&monotonic) == 0 && pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
	REQUIRE(pthread_cond_init(&c->done_one, &monotonic) == 0);
	pthread_condattr_destroy(&monotonic);
	if (threads > 0)
		begin_threads(c, threads);
	return c;
}

unsigned crew_out(const struct crew *c)
{
	return (unsigned)(c->given - c->taken); /* both are the owner's to change */
}

bool crew_has_room(const struct crew *c)
{
	return crew_out(c) < c->room;
}

void crew_give(struct crew *c, void *piece)
{
	REQUIRE(crew_has_room(c));
	pthread_mutex_lock(&c->lock);
	*slot_of(c, c->given++) = (struct slot){.piece = piece};
	pthread_cond_signal(&c->given_one);
	pthread_mutex_unlock(&c->lock);
}

static void work_here(struct crew *c)
{
	struct slot *s = slot_of(c, c->begun++);

	c->work(s->piece);
	s->done = true;
}

static struct timespec after(int64_t us)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += us / 1000000;
	t.tv_nsec += us % 1000000 * 1000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* Under the lock. */
static bool await(struct crew *c, const struct slot *s, int64_t wait_us)
{
	struct timespec until = after(wait_us == CREW_FOR_EVER ? 0 : wait_us);
	int rc = 0;

	while (!s->done && rc == 0)
		rc = wait_us == CREW_FOR_EVER ? pthread_cond_wait(&c->done_one, &c->lock)
					      : pthread_cond_timedwait(&c->done_one, &c->lock, &until);
	return s->done;
}

void *crew_take(struct crew *c, int64_t wait_us)
{
	struct slot *s = slot_of(c, c->taken);
	void *piece = NULL;

	if (crew_out(c) == 0)
		return NULL;
	if (c->thread_count == 0)
		work_here(c);
	pthread_mutex_lock(&c->lock);
	if (await(c, s, wait_us)) {
		piece = s->piece;
		c->taken++;
	}
	pthread_mutex_unlock(&c->lock);
	return piece;
}

void crew_destroy(struct crew *c, void (*drop)(void *piece))
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->ending = true;
	pthread_cond_broadcast(&c->given_one);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->thread_count; i++)
		pthread_join(c->threads[i], NULL);
	for (; drop && c->taken < c->given; c->taken++)
		drop(slot_of(c, c->taken)->piece);
	pthread_cond_destroy(&c->given_one);
	pthread_cond_destroy(&c->done_one);
	pthread_mutex_destroy(&c->lock);
	free(c->threads);
	free(c->slots);
	free(c);
}
