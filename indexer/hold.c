#include "catalog_write.h"

#include "catalog_internal.h"
#include "gap.h"

#include <errno.h>


int hold_place(struct catalog *c, struct wall now, const char *camera, struct wall_range range,
	       const char *reason, const char *reference, const char *by, int64_t *id)
{
	if (range.start.us >= range.end.us || !reason || !*reason || !by || !*by)
		return -EINVAL;
	int rc = db_run(c->db,
			"INSERT INTO hold (camera, start, end, reason, reference, placed_by, placed_at) "
			"VALUES (?, ?, ?, ?, ?, ?, ?)", "tiittti", camera, range.start.us, range.end.us, reason,
			reference ? reference : "", by, now.us);
	if (rc < 0)
		return rc;
	*id = db_last_id(c->db);
	return ledger_append(c, now, "hold.placed", camera,
			     json_pack("{sI so so ss ss ss}", "id", (json_int_t)*id, "start",
				       wall_json(range.start.us), "end", wall_json(range.end.us), "reason", reason,
				       "reference", reference ? reference : "", "by", by), NULL);
}

int hold_release(struct catalog *c, struct wall now, int64_t id, const char *reason, const char *by)
{
	struct db_query q;
	char camera[CATALOG_ID_MAX];

	if (!reason || !*reason || !by || !*by)
		return -EINVAL;
	int rc = db_query(c->db, &q, "SELECT camera, released_at FROM hold WHERE id = ?", "i", id);
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	bool over = rc > 0 && !db_is_null(&q, 1);
	snprintf(camera, sizeof camera, "%s", rc > 0 ? db_text(&q, 0) : "");
	db_done(&q);
	if (rc <= 0 || over)
		return rc < 0 ? rc : over ? -EALREADY : -ENOENT;
	rc = db_run(c->db, "UPDATE hold SET released_by = ?, released_at = ?, release_reason = ? WHERE id = ?",
		    "titi", by, now.us, reason, id);
	return rc < 0 ? rc : ledger_append(c, now, "hold.released", camera,
					   json_pack("{sI ss ss}", "id", (json_int_t)id, "reason", reason, "by", by),
					   NULL);
}
