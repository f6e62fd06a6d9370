/* The verbs that take two persons: holds, and the brake of retention. */
#include "command.h"

#include "base/lang.h"
#include "brake_lift.h"
#include "catalog_write.h"
#include "consent.h"
#include "gap.h"

#include <errno.h>

static int no_camera_row(void *arg, const struct catalog_camera *row)
{
	(void)arg;
	(void)row;
	return 0;
}

/* What was asked, and what is kept for it. */
static int tell_placed(struct command *c, int64_t id, const char *camera, struct wall_range asked)
{
	struct wall_range kept;
	int rc = catalog_hold_protected(c->ix->catalog, camera, asked, &kept);

	if (rc < 0)
		return rc;
	json_decref(*c->reply);
	*c->reply = json_pack("{sI so so so so}", "id", (json_int_t)id, "start", wall_json(asked.start.us), "end",
			      wall_json(asked.end.us), "protected_start", wall_json(kept.start.us), "protected_end",
			      wall_json(kept.end.us));
	return 0;
}

int hold_place_verb(struct command *c)
{
	const char *camera, *reason, *reference;
	struct wall_range range;
	struct person by;
	int64_t id;

	if (command_need_text(c, "camera", ID_MAX_BYTES, &camera) || command_need_wall(c, "start", &range.start) ||
	    command_need_wall(c, "end", &range.end) || command_need_text(c, "reason", TEXT_MAX_CHARACTERS, &reason) ||
	    command_may_text(c, "reference", &reference) || command_need_by(c, "admin operator", &by))
		return -EINVAL;
	if (range.start.us >= range.end.us)
		return command_refuse(c, BAD, "end", lang("结束时间必须晚于开始时间", "the end must be after the start"));
	int rc = catalog_cameras(c->ix->catalog, camera, no_camera_row, NULL);
	if (rc == -ENOENT)
		return command_not_found(c, "camera");
	if (rc == 0)
		rc = hold_place(c->ix->catalog, c->ix->acc.now, camera, range, reason, reference, &by, &id);
	if (rc < 0)
		return rc;
	c->status = CREATED;
	return tell_placed(c, id, camera, range);
}

static int refuse_release(struct command *c, int rc)
{
	if (rc == -ENOENT)
		return command_not_found(c, "id");
	return rc == -EALREADY ? command_refuse(c, CONFLICT, "id", lang("该保全已经解除", "this hold was released before")) : rc;
}

/* Of the second person, or of the first. */
static int tell_consent(struct command *c, int rc)
{
	bool asked = rc == CONSENT_ASK;

	if (!asked && rc != CONSENT_GIVE)
		return command_refuse(c, CONFLICT, "id", consent_refusal((enum consent_answer)rc));
	json_object_set_new(*c->reply, "state", json_string(asked ? "release_requested" : "released"));
	c->status = asked ? ACCEPTED : OK;
	return 0;
}

int hold_release_verb(struct command *c)
{
	const char *reason;
	struct person by;
	int64_t id;

	if (command_need_id(c, &id) || command_need_text(c, "reason", TEXT_MAX_CHARACTERS, &reason) ||
	    command_need_by(c, "admin regulator", &by))
		return -EINVAL;
	int rc = hold_release(c->ix->catalog, c->ix->acc.now, id, reason, &by);
	return rc < 0 ? refuse_release(c, rc) : tell_consent(c, rc);
}

int retention_release_verb(struct command *c)
{
	const char *reason;
	struct person by;

	if (command_need_text(c, "reason", TEXT_MAX_CHARACTERS, &reason) || command_need_by(c, "admin regulator", &by))
		return -EINVAL;
	int rc = brake_lift(c->ix->catalog, c->ix->acc.now, reason, &by);
	if (rc == -ENOENT)
		return command_refuse(c, CONFLICT, NULL, lang("目前没有待删除的录像被限速", "nothing waits for the brake"));
	return rc < 0 ? rc : tell_consent(c, rc);
}

int hold_withdraw_verb(struct command *c)
{
	struct person by;
	int64_t id;

	if (command_need_id(c, &id) || command_need_by(c, "admin", &by))
		return -EINVAL;
	int rc = hold_withdraw(c->ix->catalog, c->ix->acc.now, id, &by);
	if (rc == -EPERM)
		return command_refuse(c, CONFLICT, "id", lang("只有申请者可以撤回申请", "only who asked can withdraw"));
	if (rc == 0)
		json_object_set_new(*c->reply, "state", json_string("held"));
	return refuse_release(c, rc);
}
