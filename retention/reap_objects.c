#include "retention/reap_objects.h"

#include "indexer/object.h"
#include "retention/claim.h"

#include <stdlib.h>

static int judge(struct catalog *c, const struct retention_state *s, const struct object_alone *o)
{
	const struct retention_item item = {o->start, o->end, clock_zone_offset_us(o->end), o->witnessed_us};
	struct retention_hold *holds;
	size_t count;
	int rc = claim_holds(c, o->camera, &holds, &count);

	if (rc == 0 && retention_deletes(retention_judge(&item, holds, count, s, false)))
		rc = object_doom(c, o->camera, o->start);
	free(holds);
	return rc;
}

static int doom_old(struct catalog *c, const struct retention_state *s)
{
	struct object_alone alone[REAP_OBJECTS];
	unsigned count;
	int rc = object_list_alone(c, retention_bound(s, false).end, alone, REAP_OBJECTS, &count);

	for (unsigned i = 0; rc == 0 && i < count; i++)
		rc = judge(c, s, &alone[i]);
	return rc;
}

static int reap_alone(struct catalog *c, const struct retention_state *s)
{
	int rc = catalog_begin(c);

	if (rc < 0)
		return rc;
	rc = doom_old(c, s);
	if (rc == 0)
		rc = object_tell(c, s->now);
	return catalog_end(c, rc);
}

int reap_objects(struct catalog *c, const struct retention_state *s, unsigned *deleted)
{
	const struct claim stored = {.catalog = c, .root = CATALOG_STORE_ROOT, .state = *s, .limit = REAP_OBJECTS};
	unsigned claimed;
	int rc = claim_run(&stored, &claimed), failed = reap_alone(c, s);

	*deleted += claimed;
	return rc < 0 ? rc : failed;
}
