#include "refusals.h"

#include <stdio.h>
#include <string.h>

/* Its row, a free one, or one that has been silent; else that of all others. */
static struct refusals_of *row_of(struct refusals *r, const char *from, struct mono now)
{
	struct refusals_of *silent = NULL;

	for (unsigned i = 0; i < REFUSALS_ADDRESSES; i++) {
		struct refusals_of *o = &r->of[i];
		if (o->used && strcmp(o->from, from) == 0)
			return o;
		if (!silent && (!o->used || now.us - o->told.us >= 2 * REFUSALS_EVERY_US))
			silent = o;
	}
	struct refusals_of *o = silent ? silent : &r->of[REFUSALS_ADDRESSES];
	if (silent)
		*o = (struct refusals_of){0};
	snprintf(o->from, sizeof o->from, "%s", silent ? from : "others");
	return o;
}

void refusals_note(struct refusals *r, const char *from, struct mono now, unsigned *attempts, const char **who)
{
	struct refusals_of *o = row_of(r, from, now);

	o->count++;
	*who = o->from;
	*attempts = !o->used || now.us - o->told.us >= REFUSALS_EVERY_US ? o->count : 0;
	if (!*attempts)
		return;
	o->used = true;
	o->told = now;
	o->count = 0;
}
