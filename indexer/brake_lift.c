#include "indexer/brake_lift.h"

#include "catalog_write.h"
#include "consent.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECT "brake"
#define STATE_MAX (64 << 10)

static int something_waits(struct catalog *c)
{
	char *text = xcalloc(1, STATE_MAX);
	int rc = catalog_state(c, BRAKE_STATE, text, STATE_MAX);
	json_t *state = rc == 0 && *text ? json_loads(text, 0, NULL) : NULL;
	bool waits = json_object_size(json_object_get(state, "cameras")) > 0;

	json_decref(state);
	free(text);
	return rc < 0 ? rc : waits ? 0 : -ENOENT;
}

static int request(struct catalog *c, struct wall now, const char *reason, const struct person *by)
{
	json_t *body = json_pack("{ss}", "reason", reason);
	int64_t seq;

	person_tell(body, "by", by);
	int rc = ledger_append(c, now, "retention.release_requested", NULL, body, &seq);
	if (rc == 0)
		rc = consent_ask(c, SUBJECT, now, by, reason, seq);
	return rc < 0 ? rc : CONSENT_ASK;
}

static int approve(struct catalog *c, struct wall now, const char *reason, const struct person *by, const struct consent *asked)
{
	int64_t witnessed_us;
	int rc = catalog_state_int(c, "witnessed_us", &witnessed_us);

	if (rc == 0)
		rc = catalog_set_state_int(c, BRAKE_LIFTED, witnessed_us + BRAKE_LIFT_US);
	if (rc == 0)
		rc = consent_drop(c, SUBJECT);
	if (rc < 0)
		return rc;
	json_t *body = json_pack("{ss}", "reason", reason);
	person_tell(body, "by", by);
	person_tell(body, "requested_by", &asked->asked_by);
	rc = ledger_append(c, now, "retention.released", NULL, body, NULL);
	return rc < 0 ? rc : CONSENT_GIVE;
}

int brake_lift(struct catalog *c, struct wall now, const char *reason, const struct person *by)
{
	struct consent asked;
	int rc = something_waits(c);

	if (rc == 0)
		rc = consent_find(c, SUBJECT, &asked);
	if (rc == 0)
		rc = consent_judge(c, &asked, by, strcmp(by->role, "regulator") != 0);
	if (rc == CONSENT_GIVE)
		return approve(c, now, reason, by, &asked);
	return rc == CONSENT_ASK ? request(c, now, reason, by) : rc;
}
