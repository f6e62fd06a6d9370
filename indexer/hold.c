#include "catalog_write.h"

#include "base/buf.h"
#include "catalog_internal.h"
#include "gap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	struct wall_range kept;
	rc = catalog_hold_protected(c, camera, range, &kept);
	return rc < 0 ? rc
		      : ledger_append(c, now, "hold.placed", camera,
				      json_pack("{sI so so so so ss ss ss}", "id", (json_int_t)*id, "start",
						wall_json(range.start.us), "end", wall_json(range.end.us), "protected_start",
						wall_json(kept.start.us), "protected_end", wall_json(kept.end.us), "reason", reason,
						"reference", reference ? reference : "", "by", by), NULL);
}

/* --- two persons ------------------------------------------------------------------------------- */

struct release { int64_t id; char camera[CATALOG_ID_MAX]; char *requested_by; /* NULL: nobody asked */ };

static int find(struct catalog *c, int64_t id, struct release *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q,
			  "SELECT h.camera, h.released_at, r.requested_by FROM hold h LEFT JOIN hold_release r ON r.hold = h.id "
			  "WHERE h.id = ?", "i", id);

	*out = (struct release){.id = id};
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc == 0)
		rc = -ENOENT;
	else if (rc > 0)
		rc = db_is_null(&q, 1) ? 0 : -EALREADY;
	if (rc == 0) {
		snprintf(out->camera, sizeof out->camera, "%s", db_text(&q, 0));
		out->requested_by = db_is_null(&q, 2) ? NULL : xstrdup(db_text(&q, 2));
	}
	db_done(&q);
	return rc;
}

static bool is_on_the_box(const char *by) { return strncmp(by, "uid:", 4) == 0; }

static bool is_same_person(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || (is_on_the_box(a) && is_on_the_box(b));
}

static int request(struct catalog *c, struct wall now, const struct release *r, const char *reason, const char *by)
{
	int rc = db_run(c->db, "INSERT INTO hold_release VALUES (?, ?, ?, ?)", "itit", r->id, by, now.us, reason);

	if (rc == 0)
		rc = ledger_append(c, now, "hold.release_requested", r->camera,
				   json_pack("{sI ss ss}", "id", (json_int_t)r->id, "reason", reason, "by", by), NULL);
	return rc < 0 ? rc : HOLD_RELEASE_REQUESTED;
}

static int approve(struct catalog *c, struct wall now, const struct release *r, const char *reason, const char *by)
{
	int rc = db_run(c->db, "UPDATE hold SET released_by = ?, released_at = ?, release_reason = ? WHERE id = ?",
			"titi", by, now.us, reason, r->id);

	if (rc == 0)
		rc = db_run(c->db, "DELETE FROM hold_release WHERE hold = ?", "i", r->id);
	return rc < 0 ? rc
		      : ledger_append(c, now, "hold.released", r->camera,
				      json_pack("{sI ss ss ss}", "id", (json_int_t)r->id, "reason", reason, "by", by, "requested_by",
						r->requested_by), NULL);
}

int hold_release(struct catalog *c, struct wall now, int64_t id, const char *reason, const char *by, bool approves_only)
{
	struct release r;

	if (!reason || !*reason || !by || !*by)
		return -EINVAL;
	int rc = find(c, id, &r);
	if (rc == 0 && (r.requested_by ? is_same_person(r.requested_by, by) : approves_only))
		rc = -EPERM;
	if (rc == 0)
		rc = r.requested_by ? approve(c, now, &r, reason, by) : request(c, now, &r, reason, by);
	free(r.requested_by);
	return rc;
}
