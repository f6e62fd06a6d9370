#include "account.h"

#include "base/buf.h"
#include "call.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

/* --- made -------------------------------------------------------------------------- */

struct account_making {
	struct api *api;
	int64_t id;
	char text[TOKEN_TEXT_MAX];
	account_made_fn *fn;         /* NULL: nobody waits */
	void *arg;
};

struct account_telling {
	struct api *api;
	int64_t id;
	account_told_fn *fn;         /* NULL: nobody waits */
	void *arg;
};

static bool tell_revoked(struct api *a, const struct token *t, struct account_telling *telling);

static int tell_revoked_one(void *arg, const struct token *t)
{
	if (t->revoked_at.us && !t->revocation_told)
		tell_revoked(arg, t, xcalloc(1, sizeof(struct account_telling)));
	return 0;
}

/* Nobody has its text. */
static void abandon(struct api *a, int64_t id)
{
	if (access_token_revoke(a->deps.access, id, NULL, 0) == 0)
		access_tokens(a->deps.access, tell_revoked_one, a);
}

static void on_made(void *owner, const json_t *reply)
{
	struct account_making *m = owner;
	struct access *db = m->api->deps.access;
	bool ok = json_is_true(json_object_get(reply, "ok"));
	bool made = ok && m->fn && access_token_confirm(db, m->id) == 0;

	if (reply && !ok)
		access_token_forget(db, m->id);
	else if (!made)
		abandon(m->api, m->id);
	if (m->fn)
		m->fn(m->arg, m->id, made ? m->text : NULL, ok ? NULL : reply);
	OPENSSL_cleanse(m, sizeof *m);
	free(m);
}

static json_t *made_args(const struct account_making *m, const struct account_order *o)
{
	uint8_t hash[SHA256_BYTES];

	sha256(m->text, strlen(m->text), hash);
	return json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)m->id, "name", o->name, "role", role_name(o->role), "hash",
			 json_hex(hash, sizeof hash));
}

int account_make(struct api *a, const struct account_order *order, account_made_fn *fn, void *arg, struct account_making **out)
{
	struct account_making *m = xcalloc(1, sizeof *m);
	int64_t maker = order->by->token;

	*m = (struct account_making){.api = a, .fn = fn, .arg = arg};
	int rc = access_token_make(a->deps.access, order->name, order->role, maker, order->expires_at, m->text, &m->id);
	if (rc == 0 && !api_command(a, "token.made", made_args(m, order), order->by, on_made, m)) {
		access_token_forget(a->deps.access, m->id);
		rc = -EAGAIN;
	}
	if (rc < 0) {
		OPENSSL_cleanse(m, sizeof *m);
		free(m);
		m = NULL;
	}
	if (out)
		*out = m;
	return rc;
}

void account_forsake(struct account_making *m)
{
	m->fn = NULL;
}

/* --- revoked -------------------------------------------------------------------------- */

static void on_told(void *owner, const json_t *reply)
{
	struct account_telling *t = owner;
	bool unknown = json_integer_value(json_object_get(reply, "status")) == 404; /* it never came into the ledger */

	if (json_is_true(json_object_get(reply, "ok")) || unknown)
		access_token_revocation_told(t->api->deps.access, t->id);
	if (t->fn)
		t->fn(t->arg);
	free(t);
}

/* Takes telling. false: the keeper is away, and is told when it is back. */
static bool tell_revoked(struct api *a, const struct token *t, struct account_telling *telling)
{
	struct identity by = {.token = t->revoked_by_id};

	telling->api = a;
	telling->id = t->id;
	snprintf(by.name, sizeof by.name, "%s", t->revoked_by ? t->revoked_by : "-");
	if (api_command(a, "token.revoked", json_pack("{s:I}", "id", (json_int_t)t->id), &by, on_told, telling))
		return true;
	free(telling);
	return false;
}

int account_revoke(struct api *a, int64_t id, const struct identity *by, account_told_fn *fn, void *arg, struct account_telling **out)
{
	struct token t = {.id = id, .revoked_by = by->name, .revoked_by_id = by->token};
	int rc = access_token_revoke(a->deps.access, id, by->name, by->token);

	if (rc < 0)
		return rc;
	*out = xcalloc(1, sizeof **out);
	**out = (struct account_telling){.fn = fn, .arg = arg};
	return tell_revoked(a, &t, *out) ? 0 : 1;
}

void account_leave(struct account_telling *t)
{
	t->fn = NULL;
}

/* --- what one of the two does not know ------------------------------------------------------ */

static int add_known(void *arg, const struct token *t)
{
	if (t->revoked_at.us || !t->confirmed)
		return 0;
	json_t *o = json_pack("{s:I, s:s, s:s, s:I, s:o}", "id", (json_int_t)t->id, "name", t->name, "role", role_name(t->role),
			      "maker", (json_int_t)t->maker, "hash", json_hex(t->hash, sizeof t->hash));

	if (t->named_before)
		json_object_set_new(o, "named_before", json_string(t->named_before));
	return json_array_append_new(arg, o);
}

static void on_known(void *owner, const json_t *reply)
{
	struct api *a = owner;
	json_t *body = json_object_get(reply, "body"), *id;
	size_t i;

	if (!json_is_true(json_object_get(reply, "ok")))
		return;
	json_array_foreach(json_object_get(body, "revoked"), i, id)
		if (access_token_revoke(a->deps.access, json_integer_value(id), NULL, 0) == 0)
			access_token_revocation_told(a->deps.access, json_integer_value(id));
	access_token_numbers_from(a->deps.access, json_integer_value(json_object_get(body, "last")));
}

void accounts_tell(struct api *a)
{
	static const struct identity nobody = {.name = "-"};
	json_t *list = json_array();

	if (access_tokens(a->deps.access, add_known, list) < 0)
		json_decref(list);
	else
		api_command(a, "token.known", json_pack("{s:o}", "tokens", list), &nobody, on_known, a);
	access_tokens(a->deps.access, tell_revoked_one, a);
}
