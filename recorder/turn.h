/* Whose turn it is to close: the closings of one camera, one after another over all roots, because
 * each seal names the one before.
 *
 * What recovery found comes before what is new. A turn that does not end (its disk hangs) is passed
 * over after TURN_PATIENCE_US: the journal decides between the two (chain.h).
 *
 * Threads: loop thread only.
 * Memory:  a turn belongs to who asked for it, who keeps it until turn_done(). */
#pragma once
#include "recorder/chain.h"

#define TURN_PATIENCE_US (30 * US_PER_S)

struct turn_line;
struct turn {
	/* It is your turn: seal after *head, then turn_done() or turn_again(). */
	void (*go)(struct turn *t, const struct chain_head *head);
	bool recovery;
	struct turn_line *line;
	struct turn *next;
};

struct turns {
	struct clock *clock;
	struct turn_line *lines;
	json_t *heads;    /* at start */
	unsigned count;   /* asked and not done */
	bool held;        /* nobody goes before turns_release() */
};
/* heads is taken over. Begins held. */
void turns_init(struct turns *t, struct clock *clock, json_t *heads);
void turns_finish(struct turns *t);
void turns_release(struct turns *t);
void turns_pass_stuck(struct turns *t);
bool turns_are_queued(const struct turns *t); /* somebody waits for a closing that is under way */

void turn_ask(struct turns *t, const char *camera, struct turn *turn);
/* head: the camera's head as the journal has it now. */
void turn_done(struct turns *t, struct turn *turn, const struct chain_head *head);
void turn_again(struct turns *t, struct turn *turn, const struct chain_head *head);
