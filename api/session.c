/* POST /session: a code that stood in an address, once, for the token that it was made for. */
#include "call.h"
#include "dispatch.h"
#include "router.h"

#include <openssl/crypto.h>
#include <string.h>

void api_invite(struct api *a, const char *token, char code[TICKET_SECRET_ROOM])
{
	snprintf(a->invitation.token, sizeof a->invitation.token, "%s", token);
	ticket_secret(code, a->invitation.code);
}

static int enter(struct call *c, const json_t *body)
{
	struct invitation *i = &c->api->invitation;
	const char *code = call_text(c, body, "code", TOKEN_TEXT_MAX, false);
	const struct api_deps deps = c->api->deps;

	if (!code)
		return -1;
	if (!i->token[0] || !ticket_fits(code, strlen(code), i->code)) {
		c->who.presented = true;
		return dispatch_refuse(c, AUTH_WHO);
	}
	http_known(c->x);
	call_json(c, 201, json_pack("{s:s}", "token", i->token));
	OPENSSL_cleanse(i, sizeof *i);
	if (deps.entered)
		deps.entered(deps.owner);
	return 0;
}

int session_open(struct call *c)
{
	json_t *body = call_body(c, "code");
	int rc = body ? enter(c, body) : -1;

	json_decref(body);
	return rc;
}
