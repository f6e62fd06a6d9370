#include "retention/reap_objects.h"

#include "indexer/object.h"
#include "retention/claim.h"

#include <stdlib.h>

struct doom { struct catalog *catalog; const struct retention_state *state; struct brake_waiting *waiting; unsigned doomed; };

static int doom(struct doom *d, const struct object_alone *o, const struct retention_item *item)
{
	int rc = brake_holds(d->catalog, o->camera, BRAKE_STORE, d->state, item);

	if (rc > 0)
		brake_wait(d->waiting, o->camera, o->start, false);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	d->doomed++;
	rc = brake_count(d->catalog, o->camera, BRAKE_STORE, d->state->witnessed_us, item);
	return rc < 0 ? rc : object_doom(d->catalog, o->camera, o->start);
}

static int judge(struct doom *d, const struct object_alone *o)
{
	const struct retention_item item = {o->start, o->end, clock_zone_offset_us(o->end), o->witnessed_us};
	struct retention_hold *holds;
	size_t count;
	int rc = claim_holds(d->catalog, o->camera, &holds, &count);

	if (rc == 0 && retention_deletes(retention_judge(&item, holds, count, d->state, false)))
		rc = doom(d, o, &item);
	free(holds);
	return rc;
}

/* What is held, or has to wait, does not stand in the way of what is behind it. */
static int doom_old(struct doom *d)
{
	const struct wall end = retention_bound(d->state, false).end;
	struct object_alone alone[REAP_OBJECTS], last, *after = NULL;
	unsigned count;
	int rc;

	do {
		rc = object_list_alone(d->catalog, end, after, alone, REAP_OBJECTS, &count);
		for (unsigned i = 0; rc == 0 && i < count; i++)
			rc = judge(d, &alone[i]);
		if (count > 0)
			last = alone[count - 1];
		after = &last;
	} while (rc == 0 && count == REAP_OBJECTS && d->doomed < REAP_OBJECTS);
	d->waiting->unsettled |= rc == 0 && count == REAP_OBJECTS;
	return rc;
}

static int reap_alone(struct catalog *c, const struct retention_state *s, struct brake_waiting *waiting)
{
	int rc = catalog_begin(c);

	if (rc < 0)
		return rc;
	rc = doom_old(&(struct doom){c, s, waiting, 0});
	if (rc == 0)
		rc = object_tell(c);
	return catalog_end(c, rc);
}

int reap_objects(struct catalog *c, const struct retention_state *s, struct brake_waiting *waiting, unsigned *deleted)
{
	const struct claim stored = {.catalog = c, .root = CATALOG_STORE_ROOT, .state = *s, .limit = REAP_OBJECTS, .waiting = waiting};
	unsigned claimed;
	int rc = claim_run(&stored, &claimed), failed = reap_alone(c, s, waiting);

	*deleted += claimed;
	return rc < 0 ? rc : failed;
}
