/* Lines to the offloader that nobody used yet. Each carries one question and its answer (media/object_read.h). The api makes none
 * itself: the supervisor hands some over whenever one of the two has started, and one more for each that was taken.
 *
 * A line whose other end is gone is thrown away, so that an offloader that was started anew costs nobody an error.
 * Threads: remote_lines_take() any; the others the loop's. Memory: the caller's. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

#define REMOTE_LINES 4       /* more than may ask at once */
#define REMOTE_LINE_MS 250 /* for one more, when all were taken */

struct remote_lines {
	pthread_mutex_t lock;           /* of the two below */
	pthread_cond_t came;
	int fds[REMOTE_LINES];
	unsigned count;
	uv_async_t taken;
	unsigned asked;                 /* for that many, and they have not come; loop thread */
	void (*want)(void *owner);      /* asks for one; may be NULL */
	void *owner;
	void (*closed)(struct remote_lines *l);
};

int remote_lines_open(struct remote_lines *l, uv_loop_t *loop, void (*want)(void *owner), void *owner);
void remote_lines_give(struct remote_lines *l, int line); /* it is the store's now */
/* The caller's now; waits for a moment if all are taken. -1: there is none. */
int remote_lines_take(struct remote_lines *l);
void remote_lines_close(struct remote_lines *l, void (*closed)(struct remote_lines *l));
