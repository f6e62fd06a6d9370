/* The verbs about accounts: the api makes a token, which works when its entry stands in the ledger. */
#include "command.h"

#include "base/lang.h"
#include "base/skeleton.h"
#include "base/text.h"
#include "catalog_internal.h"

#include <errno.h>

#define ACCOUNTS_ASKED "accounts_asked" /* 1 + the number of the last ledger.restored (0: none) when an api told its accounts */
#define ROLES "admin operator regulator investigator"

static bool parse(const json_t *o, struct person_new *out)
{
	const char *hash = json_string_value(json_object_get(o, "hash"));
	json_t *maker = json_object_get(o, "maker");

	*out = (struct person_new){.id = json_integer_value(json_object_get(o, "id")),
				.name = json_string_value(json_object_get(o, "name")),
				.role = json_string_value(json_object_get(o, "role")),
				.named_before = json_string_value(json_object_get(o, "named_before")),
				.maker = json_is_integer(maker) ? json_integer_value(maker) : PERSON_UNKNOWN};
	return out->id > 0 && out->name && out->role && text_has_word(ROLES, out->role) && out->maker >= PERSON_UNKNOWN && hash &&
	       strlen(hash) == 2 * SHA256_BYTES && hex_decode(hash, out->hash, sizeof out->hash) == 0;
}

static int refuse_account(struct command *c, int rc)
{
	if (rc == -EADDRINUSE)
		return command_refuse(c, CONFLICT, "name",
				      lang("此名称（或看起来相同的名称）已被使用；名称永不重用，撤销后也不例外",
					   "this name, or one that looks like it, is or was another token's: names are never used again"));
	if (rc == -EEXIST)
		return command_refuse(c, CONFLICT, "id", lang("编号已被另一令牌使用，请再试一次", "another token has this number: try again"));
	return rc == -EINVAL ? command_refuse(c, BAD, "name", lang("名称不可用", "this is no name for a token")) : rc;
}

int token_made_verb(struct command *c)
{
	struct person_new a;
	struct person by;
	int64_t seq;

	if (!parse(c->args, &a) || !skeleton_is_open(a.name))
		return command_refuse(c, BAD, "name",
				      lang("名称须为可见文字，首尾无空格，不含控制字符", "a name is visible text without control characters"));
	if (command_need_by(c, "admin", &by))
		return -EINVAL;
	int rc = person_make(c->ix->catalog, c->ix->acc.now, &a, &by, &seq);
	if (rc < 0)
		return refuse_account(c, rc);
	json_object_set_new(*c->reply, "seq", json_integer(seq));
	c->status = CREATED;
	return 0;
}

/* Who takes rights away shows no secret: what was revoked while the keeper was away is told later. */
int token_revoked_verb(struct command *c)
{
	const char *name;
	struct person by;
	int64_t id;

	if (command_need_id(c, &id) || command_need_text(c, "by", TEXT_MAX_CHARACTERS, &name))
		return -EINVAL;
	int64_t by_id = json_integer_value(json_object_get(c->args, "by_id"));
	int rc = by_id == PERSON_BOX ? person_of_box(name, &by) : person_find(c->ix->catalog, by_id, NULL, &by);
	if (rc < 0 && rc != -ENOENT && rc != -EINVAL)
		return rc;
	rc = person_revoke(c->ix->catalog, c->ix->acc.now, id, rc == 0 ? &by : NULL);
	return rc == -ENOENT ? command_not_found(c, "id") : rc;
}

/* --- what was made before this ledger could know of it ------------------------------------------------ */

/* What an api says of accounts that the ledger does not have is believed once, and once more after each loss that the ledger tells: at other
 * times there are none, and one that was taken over could invent as many persons as something takes. */
static int is_awaited(struct command *c, bool *yes)
{
	int64_t lost, asked;
	int rc = db_int(c->ix->catalog->db, &lost, "SELECT coalesce(max(seq), 0) FROM ledger WHERE kind = 'ledger.restored'", "");

	if (rc == 0)
		rc = catalog_state_int(c->ix->catalog, ACCOUNTS_ASKED, &asked);
	*yes = rc == 0 && asked != lost + 1;
	return rc == 0 && *yes ? catalog_set_state_int(c->ix->catalog, ACCOUNTS_ASKED, lost + 1) : rc;
}

static int take_one(struct command *c, const json_t *o, json_t *made)
{
	struct person_new a;
	char id[24];
	int64_t seq;

	if (!parse(o, &a))
		return 0; /* the others are none the worse */
	a.again = true;
	int rc = person_make(c->ix->catalog, c->ix->acc.now, &a, NULL, &seq);
	snprintf(id, sizeof id, "%lld", (long long)a.id);
	if (rc == 0)
		json_object_set_new(made, id, json_integer(seq));
	return rc == -EADDRINUSE || rc == -EEXIST || rc == -EINVAL ? 0 : rc;
}

static int list_revoked(struct command *c, json_t *revoked)
{
	struct db_query q;
	int rc = db_query(c->ix->catalog->db, &q, "SELECT id FROM token WHERE revoked_seq IS NOT NULL", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		json_array_append_new(revoked, json_integer(db_i64(&q, 0)));
	db_done(&q);
	return rc;
}

int token_known_verb(struct command *c)
{
	json_t *made = json_object(), *revoked = json_array();
	int64_t last = 0;
	size_t i;
	json_t *o;
	bool awaited;
	int rc;

	json_object_set_new(*c->reply, "made", made);
	json_object_set_new(*c->reply, "revoked", revoked);
	rc = is_awaited(c, &awaited);
	json_array_foreach(json_object_get(c->args, "tokens"), i, o)
		if (rc == 0 && awaited)
			rc = take_one(c, o, made);
	if (rc == 0)
		rc = list_revoked(c, revoked);
	if (rc == 0)
		rc = db_int(c->ix->catalog->db, &last, "SELECT coalesce(max(id), 0) FROM token", "");
	json_object_set_new(*c->reply, "last", json_integer(last));
	return rc;
}
