#include "consent.h"

#include "base/lang.h"
#include "catalog_internal.h"
#include "catalog_write.h"

#include <errno.h>

int consent_find(struct catalog *c, const char *subject, struct consent *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT person, name, role, seq, at FROM consent WHERE subject = ?", "t", subject);

	*out = (struct consent){0};
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		*out = (struct consent){.asked = true, .seq = db_i64(&q, 3), .at.us = db_i64(&q, 4),
					.asked_by.id = db_is_null(&q, 0) ? PERSON_UNKNOWN : db_i64(&q, 0)};
		snprintf(out->asked_by.name, sizeof out->asked_by.name, "%s", db_text(&q, 1));
		snprintf(out->asked_by.role, sizeof out->asked_by.role, "%s", db_text(&q, 2));
	}
	db_done(&q);
	return rc < 0 ? rc : 0;
}

int consent_judge(struct catalog *c, const struct consent *asked, const struct person *by, bool may_ask)
{
	if (!asked->asked)
		return may_ask ? CONSENT_ASK : CONSENT_NOBODY_ASKED;
	int kin = person_is_kin(c, asked->asked_by.id, by->id);
	if (kin < 0)
		return kin;
	bool was_there = asked->asked_by.id != PERSON_UNKNOWN && (by->id == PERSON_BOX || by->made_seq < asked->seq);
	if (!kin && was_there)
		return CONSENT_GIVE;
	if (may_ask)
		return CONSENT_ASK;
	return !kin ? CONSENT_LATER : asked->asked_by.id == by->id ? CONSENT_SAME : CONSENT_KIN;
}

int consent_ask(struct catalog *c, const char *subject, struct wall now, const struct person *by, const char *reason, int64_t seq)
{
	return db_run(c->db, "INSERT OR REPLACE INTO consent (subject, person, name, role, seq, at, reason) VALUES (?, ?, ?, ?, ?, ?, ?)",
		      "tittiit", subject, by->id, by->name, by->role, seq, now.us, reason);
}

int consent_drop(struct catalog *c, const char *subject)
{
	return db_run(c->db, "DELETE FROM consent WHERE subject = ?", "t", subject);
}

int consent_take_over(struct db *db)
{
	return db_exec(db, "INSERT OR IGNORE INTO consent SELECT 'hold:' || hold, NULL, requested_by, '', 0, requested_at, reason "
			   "FROM hold_release; DROP TABLE hold_release");
}

const char *consent_refusal(enum consent_answer why)
{
	switch (why) {
	case CONSENT_NOBODY_ASKED:
		return lang("须先由机构申请，再由此身份批准：一人不能单独决定", "the site has to ask first: nobody decides this alone");
	case CONSENT_SAME:
		return lang("申请者不能自行批准，须由另一人（另一令牌）批准", "who asked cannot approve: another person must (another token)");
	case CONSENT_KIN:
		return lang("此令牌与申请者的令牌出自同一人之手，不能批准：须由另一人批准，其令牌须在录像机上生成",
			    "this token and the asker's are of one hand (one made the other, or one token made both): another person must approve, "
			    "whose token was made on the box");
	default:
		return lang("此令牌生成于申请之后，不能批准：请申请者重新申请一次",
			    "this token is younger than the request: let it be asked for again, then it can approve");
	}
}
