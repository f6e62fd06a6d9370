#include "sm.h"

#include "log.h"

#include <stdlib.h>

void sm_init(struct sm *m, const struct sm_state *states, const char *owner, int first)
{
	*m = (struct sm){.states = states, .owner = owner, .now = first};
}

void sm_move(struct sm *m, int next)
{
	const char *from = m->states[m->now].name;
	const char *to = m->states[next].name;

	if (!(m->states[m->now].next & SM_TO(next))) {
		log_error("bug", "obj=%s from=%s to=%s text=\"not a legal move\"", m->owner, from, to);
		abort();
	}
	log_debug("state", "obj=%s from=%s to=%s", m->owner, from, to);
	m->now = next;
}

const char *sm_name(const struct sm *m)
{
	return m->states[m->now].name;
}
