/* Whether a key was changed (`holdfast key rotate`, media/key_change.h): the roles are confined and cannot look.
 *
 * Looks when something happens in STATE/keys, and every hour; then the private keys whose overlap is over are
 * destroyed too. Threads: loop thread. Memory: the caller's struct; start/close. */
#pragma once
#include "base/crypto.h"
#include "conf/conf.h"

#include <uv.h>

struct key_watch_events {
	void (*seal)(void *owner, const char *pem); /* the seal key is another; pem is wiped after the call */
	void (*site)(void *owner);                  /* the site key is another, or one that signed beside it is gone */
};

struct key_watch {
	const struct key_watch_events *events;
	void *owner;
	char *state;
	uv_fs_event_t event;
	uv_timer_t timer;
	char seal[SHA256_HEX_MAX], site[SHA256_HEX_MAX]; /* fingerprints; "": not made yet */
};

void key_watch_start(struct key_watch *w, uv_loop_t *loop, const struct conf *conf, const struct key_watch_events *events,
		     void *owner);
void key_watch_close(struct key_watch *w);
