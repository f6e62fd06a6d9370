#include "base/buf.h"
#include "base/fs.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define PATIENCE_NS 500000000L

/* One path and the thread that asks for it; for ever, as the thread may be stuck in the kernel. */
struct asker {
	char *path;
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool asked, answered;
	int rc;
	uint64_t free_bytes, total_bytes;
	struct asker *next;
};

static struct asker *askers; /* under the lock below */
static pthread_mutex_t askers_lock = PTHREAD_MUTEX_INITIALIZER;

static void *ask_for_ever(void *arg)
{
	struct asker *a = arg;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		uint64_t free_bytes = 0, total_bytes = 0;
		while (!a->asked)
			pthread_cond_wait(&a->change, &a->lock);
		pthread_mutex_unlock(&a->lock);
		int rc = fs_real()->free_bytes(fs_real(), a->path, &free_bytes, &total_bytes);
		pthread_mutex_lock(&a->lock);
		a->asked = false;
		a->answered = true;
		a->rc = rc;
		a->free_bytes = free_bytes;
		a->total_bytes = total_bytes;
		pthread_cond_broadcast(&a->change);
	}
	return NULL;
}

static struct asker *make_asker(const char *path)
{
	struct asker *a = xcalloc(1, sizeof *a);
	pthread_condattr_t monotonic;
	pthread_t thread;
	sigset_t all, before;

	a->path = xstrdup(path);
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&a->change, &monotonic);
	pthread_condattr_destroy(&monotonic);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, ask_for_ever, a) == 0)
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return a;
}

static struct asker *asker_of(const char *path)
{
	pthread_mutex_lock(&askers_lock);
	struct asker *a = askers;
	while (a && strcmp(a->path, path) != 0)
		a = a->next;
	if (!a) {
		a = make_asker(path);
		a->next = askers;
		askers = a;
	}
	pthread_mutex_unlock(&askers_lock);
	return a;
}

/* Under its lock. A question that is still out is not waited for again. */
static int ask(struct asker *a)
{
	struct timespec until;
	int rc = a->asked ? ETIMEDOUT : 0;

	if (rc)
		return -rc;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PATIENCE_NS;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	a->asked = true;
	a->answered = false;
	pthread_cond_broadcast(&a->change);
	while (!a->answered && rc == 0)
		rc = pthread_cond_timedwait(&a->change, &a->lock, &until);
	return a->answered ? a->rc : -ETIMEDOUT;
}

static int patient_free_bytes(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
	struct asker *a = asker_of(path);

	(void)fs;
	pthread_mutex_lock(&a->lock);
	int rc = ask(a);
	*free_bytes = rc == 0 ? a->free_bytes : 0;
	*total_bytes = rc == 0 ? a->total_bytes : 0;
	pthread_mutex_unlock(&a->lock);
	return rc;
}

struct fs *fs_patient(void)
{
	static struct fs fs;

	if (!fs.open)
		fs = *fs_real();
	fs.free_bytes = patient_free_bytes;
	return &fs;
}
