/* GET/POST /tokens, DELETE /tokens/{id}. */
#include "account.h"
#include "base/log.h"
#include "base/skeleton.h"
#include "call.h"
#include "router.h"

#include <errno.h>

static int on_token(void *arg, const struct token *t)
{
	json_t *o = json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)t->id, "name", t->name,
			      "role", role_name(t->role), "created_at", json_time(t->created_at));

	json_object_set_new(o, "last_used_at", json_time_or_null(t->last_used_at.us, t->last_used_at));
	json_object_set_new(o, "expires_at", json_time_or_null(t->expires_at.us, t->expires_at));
	json_object_set_new(o, "revoked_at", json_time_or_null(t->revoked_at.us, t->revoked_at));
	return json_array_append_new(arg, o);
}

int token_list(struct call *c)
{
	json_t *list = json_array();
	int rc = access_tokens(c->api->deps.access, on_token, list);

	if (rc < 0) {
		json_decref(list);
		return call_broken(c, rc);
	}
	call_json(c, 200, json_pack("{s:o}", "tokens", list));
	return 0;
}

/* --- making ----------------------------------------------------------------------- */

static void on_made(void *arg, int64_t id, const char *text, const json_t *refusal)
{
	struct call *c = arg;
	struct token t;
	char name[TOKEN_NAME_ROOM];

	c->cancel = NULL;
	c->later = NULL;
	if (!text || access_token_in_force(c->api->deps.access, id, &t, name) < 0) {
		command_refused(c, refusal);
		return;
	}
	log_info("token", "made=%lld role=%s by=%s", (long long)id, role_name(t.role), c->who.name);
	call_json(c, 201, json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)id, "name", name, "role", role_name(t.role), "token", text));
}

static void on_client_left(struct call *c)
{
	account_forsake(c->later);
}

static int refuse_name(struct call *c)
{
	return problem_set(&c->problem, 409, "name", NULL, "此名称（或看起来相同的名称）已被使用；名称永不重用，撤销后也不例外",
			   "this name, or one that looks like it, is or was another token's: names are never used again");
}

static int parse(struct call *c, const json_t *body, struct account_order *out)
{
	const char *role, *expires;

	if (!(out->name = call_text(c, body, "name", TOKEN_NAME_MAX, false)) ||
	    !(role = call_text(c, body, "role", 20, false)) ||
	    !(expires = call_text(c, body, "expires_at", WALL_TEXT_MAX, true)))
		return -1;
	if (!skeleton_is_open(out->name))
		return problem_set(&c->problem, 400, "name", NULL, "名称须为可见文字，首尾无空格，不含控制字符",
				   "a name is visible text, without control characters and without spaces at its ends");
	out->role = role_parse(role);
	if (out->role == ROLE_NONE)
		return problem_set(&c->problem, 400, "role", role, "没有角色 {}；可选 admin、operator、regulator、investigator",
				   "there is no role {}; use admin, operator, regulator or investigator");
	if (expires[0] && query_time_text(expires, "expires_at", &out->expires_at, &c->problem) < 0)
		return -1;
	if (expires[0] && out->expires_at.us <= clock_wall(c->api->deps.clock).us)
		return problem_set(&c->problem, 400, "expires_at", NULL, "到期时间已经过去", "expires_at is in the past");
	return 0;
}

static int make(struct call *c, const json_t *body)
{
	struct account_order order = {.by = &c->who};
	struct account_making *making;

	if (parse(c, body, &order) < 0)
		return -1;
	int rc = account_make(c->api, &order, on_made, c, &making);
	if (rc < 0)
		return rc == -EEXIST ? refuse_name(c) : rc == -EAGAIN ? call_away(c) : call_broken(c, rc);
	c->later = making;
	c->cancel = on_client_left;
	return 0;
}

int token_make(struct call *c)
{
	json_t *body = call_body(c, "name role expires_at");
	int rc = body ? make(c, body) : -1;

	json_decref(body);
	return rc;
}

/* --- revoking ---------------------------------------------------------------------- */

static void on_revoked(void *arg)
{
	struct call *c = arg;

	c->cancel = NULL;
	c->later = NULL;
	call_bytes(c, 204, NULL, NULL, NULL, 0);
}

static void on_revoker_left(struct call *c)
{
	account_leave(c->later);
}

int token_revoke(struct call *c)
{
	struct account_telling *telling;
	int64_t id;

	if (call_number(c, &id) < 0)
		return -1;
	log_info("token", "revoked=%lld by=%s", (long long)id, c->who.name);
	int rc = account_revoke(c->api, id, &c->who, on_revoked, c, &telling);
	if (rc == -ENOENT)
		return call_absent(c, "没有生效的令牌 {}", "there is no token {} in force");
	if (rc < 0)
		return call_broken(c, rc);
	if (rc > 0) {
		call_bytes(c, 204, NULL, NULL, NULL, 0);
		return 0;
	}
	c->later = telling;
	c->cancel = on_revoker_left;
	return 0;
}
