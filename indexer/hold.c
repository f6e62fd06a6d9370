#include "catalog_write.h"

#include "catalog_internal.h"
#include "gap.h"

#include <errno.h>
#include <string.h>

int hold_place(struct catalog *c, struct wall now, const char *camera, struct wall_range range,
	       const char *reason, const char *reference, const struct person *by, int64_t *id)
{
	if (range.start.us >= range.end.us || !reason || !*reason)
		return -EINVAL;
	int rc = db_run(c->db,
			"INSERT INTO hold (camera, start, end, reason, reference, placed_by, placed_at) "
			"VALUES (?, ?, ?, ?, ?, ?, ?)", "tiittti", camera, range.start.us, range.end.us, reason,
			reference ? reference : "", by->name, now.us);
	if (rc < 0)
		return rc;
	*id = db_last_id(c->db);
	struct wall_range kept;
	rc = catalog_hold_protected(c, camera, range, &kept);
	if (rc < 0)
		return rc;
	json_t *body = json_pack("{sI so so so so ss ss}", "id", (json_int_t)*id, "start", wall_json(range.start.us), "end",
				 wall_json(range.end.us), "protected_start", wall_json(kept.start.us), "protected_end",
				 wall_json(kept.end.us), "reason", reason, "reference", reference ? reference : "");
	person_tell(body, "by", by);
	return ledger_append(c, now, "hold.placed", camera, body, NULL);
}

/* --- two persons ------------------------------------------------------------------------------- */

struct release { int64_t id; char camera[CATALOG_ID_MAX], subject[32]; struct consent asked; };

static int find(struct catalog *c, int64_t id, struct release *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT camera, released_at FROM hold WHERE id = ?", "i", id);

	*out = (struct release){.id = id};
	snprintf(out->subject, sizeof out->subject, "hold:%lld", (long long)id);
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc == 0)
		rc = -ENOENT;
	else if (rc > 0)
		rc = db_is_null(&q, 1) ? 0 : -EALREADY;
	if (rc == 0)
		snprintf(out->camera, sizeof out->camera, "%s", db_text(&q, 0));
	db_done(&q);
	return rc < 0 ? rc : consent_find(c, out->subject, &out->asked);
}

static int request(struct catalog *c, struct wall now, const struct release *r, const char *reason, const struct person *by)
{
	json_t *body = json_pack("{sI ss}", "id", (json_int_t)r->id, "reason", reason);
	int64_t seq;

	person_tell(body, "by", by);
	int rc = ledger_append(c, now, "hold.release_requested", r->camera, body, &seq);
	if (rc == 0)
		rc = consent_ask(c, r->subject, now, by, reason, seq);
	return rc < 0 ? rc : CONSENT_ASK;
}

static int approve(struct catalog *c, struct wall now, const struct release *r, const char *reason, const struct person *by)
{
	int rc = db_run(c->db, "UPDATE hold SET released_by = ?, released_at = ?, release_reason = ? WHERE id = ?",
			"titi", by->name, now.us, reason, r->id);

	if (rc == 0)
		rc = consent_drop(c, r->subject);
	if (rc < 0)
		return rc;
	json_t *body = json_pack("{sI ss}", "id", (json_int_t)r->id, "reason", reason);
	person_tell(body, "by", by);
	person_tell(body, "requested_by", &r->asked.asked_by);
	return ledger_append(c, now, "hold.released", r->camera, body, NULL);
}

int hold_release(struct catalog *c, struct wall now, int64_t id, const char *reason, const struct person *by)
{
	struct release r;

	if (!reason || !*reason)
		return -EINVAL;
	int rc = find(c, id, &r);
	if (rc == 0)
		rc = consent_judge(c, &r.asked, by, strcmp(by->role, "regulator") != 0);
	if (rc == CONSENT_GIVE)
		return approve(c, now, &r, reason, by);
	return rc == CONSENT_ASK ? request(c, now, &r, reason, by) : rc;
}

int hold_withdraw(struct catalog *c, struct wall now, int64_t id, const struct person *by)
{
	struct release r;
	int rc = find(c, id, &r);

	if (rc < 0)
		return rc;
	if (!r.asked.asked)
		return -EPERM;
	rc = person_is_kin(c, r.asked.asked_by.id, by->id);
	if (rc <= 0)
		return rc < 0 ? rc : -EPERM;
	rc = consent_drop(c, r.subject);
	if (rc < 0)
		return rc;
	json_t *body = json_pack("{sI}", "id", (json_int_t)id);
	person_tell(body, "by", by);
	return ledger_append(c, now, "hold.release_withdrawn", r.camera, body, NULL);
}
