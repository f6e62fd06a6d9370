#include "life.h"

#include <errno.h>

int life_before(struct catalog *c, const char *camera, int64_t start, int64_t sequence, int64_t *before)
{
	struct lives l;
	int rc = lives_load(c, camera, (struct wall_range){{start}, {start}}, &l);

	*before = lives_before(&l, start, sequence);
	lives_finish(&l);
	return rc;
}

/* --- what counts -------------------------------------------------------------------------- */

static int add_pieces(struct catalog *c, const struct lives *l, int64_t file, int64_t before, struct wall_range r, bool shown,
		      struct layer *out)
{
	int64_t now = INT64_MAX;
	int rc = l->count > 0 && !shown ? catalog_state_int(c, "settled_at", &now) : 0;

	if (rc == 0)
		lives_pieces(l, file, before, r.start.us, r.end.us, now, out);
	return rc;
}

static int pieces(struct catalog *c, const char *camera, int64_t file, int64_t before, struct wall_range r, bool shown,
		  struct layer *out)
{
	struct lives l;
	int rc = lives_load(c, camera, r, &l);

	if (rc == 0)
		rc = add_pieces(c, &l, file, before, r, shown, out);
	lives_finish(&l);
	return rc;
}

int life_pieces(struct catalog *c, const char *camera, int64_t file, int64_t before, int64_t start, int64_t end, struct layer *out)
{
	return pieces(c, camera, file, before, (struct wall_range){{start}, {end}}, false, out);
}

int life_pieces_shown(struct catalog *c, const char *camera, int64_t file, int64_t before, int64_t start, int64_t end, struct layer *out)
{
	return pieces(c, camera, file, before, (struct wall_range){{start}, {end}}, true, out);
}

int life_horizon(struct catalog *c, int64_t *at)
{
	int64_t ahead, now;
	int rc = catalog_state_int(c, "lived_until", &ahead);

	if (rc == 0)
		rc = catalog_state_int(c, "settled_at", &now);
	if (rc == 0)
		*at = now < ahead ? now : INT64_MAX;
	return rc;
}
