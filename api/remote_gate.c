#include "remote_gate.h"

#include <stddef.h>

static void enter(struct remote_gate *g, struct remote_pass *p)
{
	g->inside++;
	p->inside = true;
	p->go(p, true);
}

static void unlist(struct remote_gate *g, struct remote_pass *p)
{
	struct remote_pass **at = &g->first;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
	p->waiting = false;
}

/* --- the wait is over ------------------------------------------------------------------- */

static void watch(struct remote_gate *g);

static struct remote_pass *overdue(const struct remote_gate *g)
{
	for (struct remote_pass *p = g->first; p; p = p->next)
		if (p->until_ms <= uv_now(g->timer.loop))
			return p;
	return NULL;
}

static void on_timer(uv_timer_t *t)
{
	struct remote_gate *g = t->data;

	for (struct remote_pass *p; (p = overdue(g));) {
		unlist(g, p);
		p->go(p, false);
	}
	watch(g);
}

static void watch(struct remote_gate *g)
{
	uint64_t next = UINT64_MAX, now = uv_now(g->timer.loop);

	for (const struct remote_pass *p = g->first; p; p = p->next)
		next = p->until_ms < next ? p->until_ms : next;
	if (next == UINT64_MAX)
		uv_timer_stop(&g->timer);
	else
		uv_timer_start(&g->timer, on_timer, next > now ? next - now : 0, 0);
}

/* --- in and out ---------------------------------------------------------------------------- */

void remote_gate_ask(struct remote_gate *g, struct remote_pass *p, uint64_t wait_ms)
{
	struct remote_pass **at = &g->first;

	if (g->closed) {
		p->go(p, false);
		return;
	}
	if (g->inside < REMOTE_INSIDE_MAX) {
		enter(g, p);
		return;
	}
	while (*at)
		at = &(*at)->next;
	*at = p;
	p->next = NULL;
	p->waiting = true;
	uv_update_time(g->timer.loop);
	p->until_ms = uv_now(g->timer.loop) + wait_ms;
	watch(g);
}

static void maybe_closed(struct remote_gate *g)
{
	if (g->closed && g->timer_closed && g->inside == 0)
		g->closed(g); /* may free g: last line */
}

void remote_gate_leave(struct remote_gate *g, struct remote_pass *p)
{
	if (p->waiting)
		unlist(g, p);
	if (!p->inside)
		return;
	p->inside = false;
	g->inside--;
	struct remote_pass *next = g->first;
	if (next && !g->closed) {
		unlist(g, next);
		enter(g, next);
	}
	maybe_closed(g);
}

/* --- lifetime ---------------------------------------------------------------------------------- */

int remote_gate_open(struct remote_gate *g, uv_loop_t *loop)
{
	*g = (struct remote_gate){0};
	g->timer.data = g;
	return uv_timer_init(loop, &g->timer);
}

static void on_timer_closed(uv_handle_t *h)
{
	struct remote_gate *g = h->data;

	g->timer_closed = true;
	maybe_closed(g);
}

void remote_gate_close(struct remote_gate *g, void (*closed)(struct remote_gate *g))
{
	g->closed = closed;
	uv_close((uv_handle_t *)&g->timer, on_timer_closed);
}
