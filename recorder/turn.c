#include "recorder/turn.h"

#include "base/buf.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

struct turn_line {
	char camera[SEAL_NAME_MAX];
	struct chain_head head;
	struct turn *waiting;
	struct turn *running; /* NULL: nobody, or it was passed over */
	struct mono since;
	struct turn_line *next;
};

void turns_init(struct turns *t, struct clock *clock, json_t *heads)
{
	*t = (struct turns){.clock = clock, .heads = heads, .held = true};
}

void turns_finish(struct turns *t)
{
	for (struct turn_line *l = t->lines, *next; l; l = next) {
		next = l->next;
		free(l);
	}
	json_decref(t->heads);
	*t = (struct turns){0};
}

static struct turn_line *line_of(struct turns *t, const char *camera)
{
	struct turn_line *l = t->lines;

	while (l && strcmp(l->camera, camera) != 0)
		l = l->next;
	if (l)
		return l;
	l = xcalloc(1, sizeof *l);
	snprintf(l->camera, sizeof l->camera, "%s", camera);
	const json_t *pair = json_object_get(t->heads, camera);
	if (!pair || chain_head_unpack(pair, &l->head) < 0)
		l->head = (struct chain_head){0};
	l->next = t->lines;
	t->lines = l;
	return l;
}

static void call_next(struct turns *t, struct turn_line *l)
{
	if (t->held || l->running || !l->waiting)
		return;
	l->running = l->waiting;
	l->waiting = l->running->next;
	l->running->next = NULL;
	l->since = clock_mono(t->clock);
	l->running->go(l->running, &l->head);
}

static void queue(struct turn_line *l, struct turn *turn, bool first)
{
	struct turn **at = &l->waiting;

	while (!first && *at && ((*at)->recovery || !turn->recovery))
		at = &(*at)->next;
	turn->next = *at;
	*at = turn;
}

void turn_ask(struct turns *t, const char *camera, struct turn *turn)
{
	turn->line = line_of(t, camera);
	t->count++;
	queue(turn->line, turn, false);
	call_next(t, turn->line);
}

static void learn(struct turn_line *l, struct turn *turn, const struct chain_head *head)
{
	if (head->sequence > l->head.sequence)
		l->head = *head;
	if (l->running == turn)
		l->running = NULL;
}

void turn_done(struct turns *t, struct turn *turn, const struct chain_head *head)
{
	struct turn_line *l = turn->line;

	t->count--;
	learn(l, turn, head);
	call_next(t, l);
}

void turn_again(struct turns *t, struct turn *turn, const struct chain_head *head)
{
	struct turn_line *l = turn->line;

	learn(l, turn, head);
	queue(l, turn, true);
	call_next(t, l);
}

void turns_release(struct turns *t)
{
	if (!t->held)
		return;
	t->held = false;
	for (struct turn_line *l = t->lines; l; l = l->next)
		call_next(t, l);
}

bool turns_are_queued(const struct turns *t)
{
	const struct turn_line *l = t->lines;

	while (l && !(l->running && l->waiting))
		l = l->next;
	return l != NULL;
}

void turns_pass_stuck(struct turns *t)
{
	struct mono now = clock_mono(t->clock);

	for (struct turn_line *l = t->lines; l; l = l->next) {
		if (!l->running || !l->waiting || now.us - l->since.us < TURN_PATIENCE_US)
			continue;
		log_warn("seal", "camera=%s note=\"its disk does not answer: passed over\"", l->camera);
		l->running = NULL;
		call_next(t, l);
	}
}
