/* Who may say what to whom, and one end of a channel between two of our roles.
 *
 * The supervisor makes every channel as a pair of sockets and hands the ends over (daemon/handover.h); when one side is started
 * anew, both get a new pair. So a link has no address: it waits for an end, and it is up when the other side has said `hello`
 * on it, which that one does when it can be spoken to.
 *
 *	DOWN ──link_take(end)──▶ SAYING ──`hello`──▶ UP ──the other side died, or another end──▶ DOWN
 *
 * A role may have been taken over: what the list does not let it say is dropped, counted, and told in the log; a command
 * gets 403. What is sent while the link is down is dropped: messages are hints.
 * Threads: loop thread. Memory: the caller's; free it in or after on_closed. */
#pragma once
#include "peer.h"

enum channel_role { CHANNEL_RECORDER, CHANNEL_KEEPER, CHANNEL_API, CHANNEL_OFFLOADER, CHANNEL_ROLES };

const char *channel_role_name(enum channel_role r);
/* verb: of a command, else NULL. */
bool channel_may_say(enum channel_role from, enum channel_role to, const char *type, const char *verb);

struct link {
	enum channel_role self, other;
	uv_loop_t *loop;
	struct peer *peer;               /* NULL: no end */
	unsigned peers;                  /* ends that are not yet closed */
	bool up, closing;
	uint64_t refused;                /* messages that the other may not send */
	void (*on_msg)(struct link *l, json_t *msg); /* only what the other may say; borrowed for the call */
	void (*on_up)(struct link *l);   /* may be NULL, as all that follow */
	void (*on_down)(struct link *l);
	void (*on_closed)(struct link *l);
	void *owner;
};

/* Takes over a connected socket, in place of the one before. Its callbacks may follow before it returns. */
void link_take(struct link *l, int fd);
bool link_send(struct link *l, const json_t *msg); /* false: not up, dropped; msg is borrowed */
void link_close(struct link *l); /* on_closed follows, perhaps at once */
