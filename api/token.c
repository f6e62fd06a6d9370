/* GET/POST /tokens, DELETE /tokens/{id}. */
#include "base/log.h"
#include "call.h"
#include "router.h"

#include <errno.h>
#include <openssl/crypto.h>

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

static int make(struct call *c, const json_t *body)
{
	const char *name, *role, *expires;
	struct wall until = {0};
	char text[TOKEN_TEXT_MAX];
	int64_t id;

	if (!(name = call_text(c, body, "name", TOKEN_NAME_MAX, false)) ||
	    !(role = call_text(c, body, "role", 20, false)) ||
	    !(expires = call_text(c, body, "expires_at", WALL_TEXT_MAX, true)))
		return -1;
	if (role_parse(role) == ROLE_NONE)
		return problem_set(&c->problem, 400, "role", role, "没有角色 {}；可选 admin、operator、regulator、investigator",
				   "there is no role {}; use admin, operator, regulator or investigator");
	if (expires[0] && query_time_text(expires, "expires_at", &until, &c->problem) < 0)
		return -1;
	if (expires[0] && until.us <= clock_wall(c->api->deps.clock).us)
		return problem_set(&c->problem, 400, "expires_at", NULL, "到期时间已经过去", "expires_at is in the past");
	int rc = access_token_make(c->api->deps.access, name, role_parse(role), until, text, &id);
	if (rc < 0)
		return call_broken(c, rc);
	log_info("token", "made=%lld role=%s by=%s", (long long)id, role, c->who.name);
	call_json(c, 201, json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)id, "name", name, "role", role, "token", text));
	OPENSSL_cleanse(text, sizeof text);
	return 0;
}

int token_make(struct call *c)
{
	json_t *body = call_body(c, "name role expires_at");
	int rc = body ? make(c, body) : -1;

	json_decref(body);
	return rc;
}

int token_revoke(struct call *c)
{
	int64_t id;

	if (call_number(c, &id) < 0)
		return -1;
	int rc = access_token_revoke(c->api->deps.access, id);
	if (rc == -ENOENT)
		return call_absent(c, "没有生效的令牌 {}", "there is no token {} in force");
	if (rc < 0)
		return call_broken(c, rc);
	log_info("token", "revoked=%lld by=%s", (long long)id, c->who.name);
	call_bytes(c, 204, NULL, NULL, NULL, 0);
	return 0;
}
