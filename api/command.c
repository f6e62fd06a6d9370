#include "command.h"

#include "call.h"

#include <stdlib.h>

struct command {
	struct command *next;
	struct commands *queue;
	json_int_t id;
	uint64_t until_ms;
	command_fn *fn;
	void *owner;
	int status;                     /* of a call's answer when it is done */
};

static void on_timer(uv_timer_t *t);

static void arm(struct commands *q)
{
	uint64_t now = uv_now(q->timer.loop);

	if (uv_is_closing((uv_handle_t *)&q->timer))
		return;
	if (!q->first)
		uv_timer_stop(&q->timer);
	else
		uv_timer_start(&q->timer, on_timer, q->first->until_ms > now ? q->first->until_ms - now : 0, 0);
}

static void take(struct commands *q, struct command *cmd)
{
	struct command *before = NULL;

	for (struct command **at = &q->first; *at; before = *at, at = &(*at)->next)
		if (*at == cmd) {
			*at = cmd->next;
			if (q->last == cmd)
				q->last = before;
			break;
		}
	arm(q);
}

static void end(struct command *cmd, const json_t *reply)
{
	take(cmd->queue, cmd);
	cmd->fn(cmd->owner, reply);
	free(cmd);
}

static void on_timer(uv_timer_t *t)
{
	struct commands *q = t->data;

	while (q->first && q->first->until_ms <= uv_now(t->loop))
		end(q->first, NULL);
	arm(q);
}

int commands_open(struct commands *q, uv_loop_t *loop)
{
	int rc = uv_timer_init(loop, &q->timer);

	q->timer.data = q;
	q->open = rc == 0;
	return rc;
}

struct command *commands_add(struct commands *q, json_int_t id, command_fn *fn, void *owner)
{
	struct command *cmd = xcalloc(1, sizeof *cmd);

	*cmd = (struct command){.queue = q, .id = id, .fn = fn, .owner = owner, .until_ms = uv_now(q->timer.loop) + COMMAND_WAIT_MS};
	if (q->last)
		q->last->next = cmd;
	else
		q->first = cmd;
	q->last = cmd;
	arm(q);
	return cmd;
}

void commands_on_reply(struct commands *q, const json_t *reply)
{
	json_int_t id = json_integer_value(json_object_get(reply, "id"));

	for (struct command *cmd = q->first; cmd; cmd = cmd->next)
		if (cmd->id == id) {
			end(cmd, reply);
			return;
		}
}

void commands_fail_all(struct commands *q)
{
	while (q->first)
		end(q->first, NULL);
}

/* --- of a call --------------------------------------------------------------------------- */

void command_refused(struct call *c, const json_t *reply)
{
	const char *text = json_string_value(json_object_get(reply, "problem"));
	json_int_t said = json_integer_value(json_object_get(reply, "status"));
	json_t *body = json_object_get(reply, "body");
	const char *field = json_string_value(json_object_get(body, "field"));

	text = text ? text : json_string_value(json_object_get(body, "problem"));
	if (reply) {
		problem_set(&c->problem, said >= 400 && said <= 599 ? (int)said : 500, field, NULL, text ? text : "", text ? text : "");
	} else {
		problem_set(&c->problem, 503, NULL, NULL, "保管进程没有回应；无法确认此操作是否已执行",
			    "the keeper did not answer; whether this was done is not known");
		problem_remedy(&c->problem, "稍后查看是否生效，再重试", "look whether it took effect, then try again");
	}
	call_problem(c);
}

static void on_call_reply(void *owner, const json_t *reply)
{
	struct call *c = owner;
	const struct command *cmd = c->later;
	json_int_t said = json_integer_value(json_object_get(reply, "status"));
	json_t *body = json_object_get(reply, "body");

	c->cancel = NULL;
	c->later = NULL;
	if (json_is_true(json_object_get(reply, "ok")))
		call_json(c, said >= 200 && said < 300 ? (int)said : cmd->status, body ? json_incref(body) : json_object());
	else
		command_refused(c, reply);
}

static void on_cancel(struct call *c)
{
	struct command *cmd = c->later;

	take(cmd->queue, cmd);
	free(cmd);
}

void commands_add_call(struct commands *q, struct call *c, json_int_t id, int status)
{
	struct command *cmd = commands_add(q, id, on_call_reply, c);

	cmd->status = status;
	c->later = cmd;
	c->cancel = on_cancel;
}
