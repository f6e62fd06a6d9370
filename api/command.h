/* Commands to the keeper that wait for their reply: sent once, answered after its commit, given up
 * after COMMAND_WAIT_MS. Threads: loop thread only. Memory: caller's. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#define COMMAND_WAIT_MS 5000

struct call;
struct command;

/* Called once. reply: {ok, body, problem, status}; NULL: the keeper did not answer, and whether it was done is not known. */
typedef void command_fn(void *owner, const json_t *reply);

struct commands {
	uv_timer_t timer;
	struct command *first, *last;   /* in the order in which they were sent */
	json_int_t next_id;
	bool open;
};

int commands_open(struct commands *q, uv_loop_t *loop);
struct command *commands_add(struct commands *q, json_int_t id, command_fn *fn, void *owner);
void commands_on_reply(struct commands *q, const json_t *reply);
void commands_fail_all(struct commands *q); /* the keeper went away, or we go */

/* The same for a call, which is answered by the reply; status: when it is done. */
void commands_add_call(struct commands *q, struct call *c, json_int_t id, int status);
/* Answers a call that is not done: by the keeper's refusal, or because it gave no reply (NULL). */
void command_refused(struct call *c, const json_t *reply);
