/* Commands to the keeper that wait for their reply: sent once, answered after its commit, given up
 * after COMMAND_WAIT_MS. Threads: loop thread only. Memory: caller's. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#define COMMAND_WAIT_MS 5000

struct call;
struct command;

struct commands {
	uv_timer_t timer;
	struct command *first, *last;   /* in the order in which they were sent */
	json_int_t next_id;
	bool open;
};

int commands_open(struct commands *q, uv_loop_t *loop);
void commands_add(struct commands *q, struct call *c, json_int_t id, int status);
void commands_on_reply(struct commands *q, const json_t *reply);
void commands_fail_all(struct commands *q); /* the keeper went away */
