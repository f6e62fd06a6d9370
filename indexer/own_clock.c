/* What the keeper's own clock says of the life that the accounting is in: the bound of belief.h.
 *
 * State: "life_boot": the boot of which the last `start` was; until there is one of this boot, what files tell is of an earlier
 * life, whose end only the recorder saw. "own_wall": where the keeper last saw the life that the accounting is in. Between the
 * setting of the clock and the record that tells of it, that life goes on; a record that does not come is not waited for. */
#include "indexer_inner.h"

#include <errno.h>

#define STEP_HEARD_US (200 * US_PER_MS) /* as the recorder's clock_watch.h */
#define STEP_TOLD_US (10 * US_PER_S)    /* the recorder tells within a second */
#define LOOK_EVERY_US (2 * US_PER_S)    /* the keeper looks at its clock once a second: so late it may have seen a life end */

static int read_state(struct indexer *ix, bool *here, int64_t *offset, int64_t *seen)
{
	char own[BOOT_ID_MAX], told[BOOT_ID_MAX];
	int rc = catalog_state(ix->catalog, "life_boot", told, sizeof told);

	clock_boot(ix->clock, own);
	*here = rc == 0 && strcmp(own, told) == 0;
	if (rc == 0)
		rc = catalog_state_int(ix->catalog, "clock_offset", offset);
	return rc < 0 ? rc : catalog_state_int(ix->catalog, "own_wall", seen);
}

/* *behind: by how much the clock was set back and nobody told. */
static int64_t life_until(struct indexer *ix, int64_t offset, int64_t seen, int64_t *behind)
{
	int64_t now = ix->acc.now.us, up = clock_mono(ix->clock).us, old = up + offset;

	seen = (seen > ix->seen.us ? seen : ix->seen.us) + LOOK_EVERY_US;
	old = old < seen ? old : seen;

	*behind = offset > 0 && offset - (now - up) > STEP_HEARD_US ? offset - (now - up) : 0;
	if (!*behind) {
		ix->stepped.us = 0;
		ix->seen.us = now;
	} else if (!ix->stepped.us) {
		ix->stepped.us = up;
	}
	return *behind && old > now ? old : now;
}

int own_clock_begin(struct indexer *ix, bool records)
{
	int64_t offset = 0, seen = 0, behind;
	bool here;
	int rc = read_state(ix, &here, &offset, &seen);

	ix->acc.own_until.us = 0;
	ix->acc.own_life = rc == 0 && here;
	if (rc == 0 && (here || (records && ix->drained)))
		ix->acc.own_until.us = life_until(ix, here ? offset : 0, seen, &behind);
	return rc;
}

/* `start` names the boot; one of another boot cannot follow one of this. */
static int on_start(struct indexer *ix, const json_t *record)
{
	const char *boot = json_string_value(json_object_get(record, "boot"));
	char own[BOOT_ID_MAX], known[BOOT_ID_MAX];
	int rc = catalog_state(ix->catalog, "life_boot", known, sizeof known);

	clock_boot(ix->clock, own);
	if (rc < 0 || !boot || strcmp(known, boot) == 0 || strcmp(known, own) == 0)
		return rc;
	rc = catalog_set_state(ix->catalog, "life_boot", strlen(boot) < BOOT_ID_MAX ? boot : "");
	if (rc < 0 || strcmp(boot, own) != 0)
		return rc;
	ix->acc.own_until = ix->acc.now;
	ix->acc.own_life = true;
	rc = catalog_set_state_int(ix->catalog, "own_wall", ix->acc.now.us);
	return rc < 0 ? rc : belief_review(&ix->acc);
}

int own_clock_record(struct indexer *ix, const char *kind, const json_t *record)
{
	int64_t offset = 0, seen = 0, behind;
	bool here;

	if (strcmp(kind, "start") == 0)
		return on_start(ix, record);
	if (strcmp(kind, "clock") != 0)
		return 0;
	int rc = read_state(ix, &here, &offset, &seen); /* a life ended, and another began */
	if (rc < 0 || !here)
		return rc;
	ix->acc.own_until.us = life_until(ix, offset, seen, &behind);
	return behind ? 0 : catalog_set_state_int(ix->catalog, "own_wall", ix->acc.now.us);
}

int own_clock_end(struct indexer *ix)
{
	int64_t offset = 0, seen = 0, behind;
	bool here;
	int rc = read_state(ix, &here, &offset, &seen);

	if (rc < 0 || !here)
		return rc;
	int64_t until = life_until(ix, offset, seen, &behind), up = clock_mono(ix->clock).us;
	bool hidden = behind > 0 && up - ix->stepped.us > STEP_TOLD_US;
	if (hidden || (!behind && settled_at(ix) > until + STEP_TOLD_US)) {
		until = ix->acc.now.us;
		rc = watch_clock_was_set(ix, until, up, hidden ? until - (up - ix->stepped.us) : until);
		ix->stepped.us = 0;
	} else if (behind) {
		return 0;
	}
	ix->acc.own_until.us = until;
	return rc < 0 ? rc : catalog_set_state_int(ix->catalog, "own_wall", until);
}
