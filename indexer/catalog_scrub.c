#include "indexer/catalog_internal.h"
#include "media/segment.h"

#include <errno.h>

int catalog_scrub(struct catalog *c, struct catalog_scrub *out)
{
	char text[600];
	const char *camera = "";
	json_int_t start = 0, fragment = 0, began = 0, before = 0, bytes = 0, rounds = 0, damaged = 0, missing = 0;
	int copies = 0, rc = catalog_state(c, "scrub", text, sizeof text);

	*out = (struct catalog_scrub){0};
	if (rc < 0 || !*text)
		return rc;
	json_t *o = json_loads(text, 0, NULL);
	if (!o || json_unpack(o, "{ss s?b sI sI sI sI sI sI sI sI}", "camera", &camera, "copies", &copies, "start", &start, "fragment", &fragment,
			      "round_began", &began, "round_before", &before, "round_bytes", &bytes, "rounds", &rounds, "damaged",
			      &damaged, "missing", &missing) < 0)
		rc = -EIO;
	*out = (struct catalog_scrub){.copies = copies != 0, .start.us = start, .fragment = (unsigned)fragment, .round_began.us = began,
				      .round_before.us = before, .round_bytes = bytes, .rounds = rounds, .damaged = damaged,
				      .missing = missing};
	snprintf(out->camera, sizeof out->camera, "%s", camera);
	json_decref(o);
	return rc;
}

int catalog_is_damaged(struct catalog *c, const char *camera, struct wall start)
{
	char stem[256];
	int64_t count = 0;

	segment_incoming_name(stem, camera, start, "");
	int rc = db_int(c->db, &count, "SELECT count(*) FROM damaged WHERE camera = ? AND file = ?", "tt", camera, stem);
	return rc < 0 ? rc : count > 0;
}
