/* Which roots are there: so that the roles can be started again when a disk is mounted (again), as their
 * confinement names folders that exist.
 *
 * Looks whenever something is mounted or unmounted (a disk may be away for a moment only), and every 5 s, in a thread
 * of libuv's, so that a disk that hangs holds up that look and nobody. A disk that only fails is not away: restarting for it
 * would cost all the others footage.
 *
 * Threads: loop thread. Memory: the caller's struct; start/close. */
#pragma once
#include "conf/conf.h"

#include <uv.h>

struct root_look;

struct root_watch {
	void (*came)(void *owner);
	void *owner;
	uv_timer_t timer;
	uv_poll_t mounts;
	int mounts_fd;
	bool *there;
	unsigned count;
	const struct conf *conf;      /* borrowed until the next root_watch_configure() */
	struct root_look *out;        /* a look that has not answered; of an earlier configuration: forgotten */
	bool again;                   /* something was mounted since it began */
};

void root_watch_start(struct root_watch *w, uv_loop_t *loop, const struct conf *conf, void (*came)(void *owner),
		      void *owner);
/* Looks at once: what is there now is what the roles are about to see. */
void root_watch_configure(struct root_watch *w, const struct conf *conf);
/* A look that hangs keeps the loop alive: uv_stop() it. */
void root_watch_close(struct root_watch *w);
