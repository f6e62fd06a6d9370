#include "person.h"

#include "base/skeleton.h"
#include "catalog_internal.h"
#include "catalog_write.h"

#include <errno.h>
#include <openssl/crypto.h>

#define CHAIN_MAX 64 /* who makes whom: longer ones are no accident, and everybody's kin */

int person_of_box(const char *name, struct person *out)
{
	size_t digits = strncmp(name, "uid:", 4) == 0 ? strspn(name + 4, "0123456789") : 0;

	if (digits == 0 || digits > 10 || name[4 + digits])
		return -EINVAL;
	*out = (struct person){.id = PERSON_BOX, .role = "admin"};
	snprintf(out->name, sizeof out->name, "%s", name);
	return 0;
}

static bool is_its_secret(const struct db_query *q, int col, const char *secret)
{
	uint8_t want[SHA256_BYTES], has[SHA256_BYTES];

	if (db_blob_copy(q, col, want, sizeof want) < 0)
		return false;
	sha256(secret, strlen(secret), has);
	return CRYPTO_memcmp(want, has, sizeof has) == 0;
}

int person_find(struct catalog *c, int64_t id, const char *secret, struct person *out)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT name, role, made_seq, hash FROM token WHERE id = ? AND revoked_seq IS NULL", "i", id);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		*out = (struct person){.id = id, .made_seq = db_i64(&q, 2)};
		snprintf(out->name, sizeof out->name, "%s", db_text(&q, 0));
		snprintf(out->role, sizeof out->role, "%s", db_text(&q, 1));
		rc = !secret || is_its_secret(&q, 3, secret) ? 1 : -EACCES;
	}
	db_done(&q);
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}

void person_tell(json_t *body, const char *key, const struct person *p)
{
	char member[40];

	json_object_set_new(body, key, json_string(p->name));
	snprintf(member, sizeof member, "%s_id", key);
	json_object_set_new(body, member, json_integer(p->id));
	snprintf(member, sizeof member, "%s_role", key);
	json_object_set_new(body, member, json_string(p->role));
}

/* --- who made whom ------------------------------------------------------------------------------- */

struct chain { int64_t ids[CHAIN_MAX]; unsigned count; bool whole; };

/* The account and its makers up to the box, which is not in it. */
static int chain_of(struct catalog *c, int64_t id, struct chain *out)
{
	int rc = 0;

	out->count = 0;
	while (rc == 0 && id > 0 && out->count < CHAIN_MAX) {
		out->ids[out->count++] = id;
		rc = db_int(c->db, &id, "SELECT maker FROM token WHERE id = ?", "i", id);
		if (rc == -ENOENT) {
			rc = 0;
			id = PERSON_UNKNOWN;
		}
	}
	out->whole = id <= 0;
	return rc;
}

int person_is_kin(struct catalog *c, int64_t a, int64_t b)
{
	struct chain one = {0}, other = {0};

	if (a == b)
		return 1;
	int rc = chain_of(c, a, &one);
	if (rc == 0)
		rc = chain_of(c, b, &other);
	if (rc < 0)
		return rc;
	if (!one.whole || !other.whole)
		return 1;
	for (unsigned i = 0; i < one.count; i++)
		for (unsigned j = 0; j < other.count; j++)
			if (one.ids[i] == other.ids[j])
				return 1;
	return 0;
}

/* --- accounts --------------------------------------------------------------------------------------- */

/* 1 with its seq if exactly this account is known, 0 if nobody has its number. */
static int known(struct catalog *c, const struct person_new *a, int64_t *seq)
{
	struct db_query q;
	uint8_t hash[SHA256_BYTES];
	int rc = db_query(c->db, &q, "SELECT made_seq, name, role, hash FROM token WHERE id = ?", "i", a->id);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		*seq = db_i64(&q, 0);
		rc = db_blob_copy(&q, 3, hash, sizeof hash);
		if (rc == 0)
			rc = strcmp(db_text(&q, 1), a->name) == 0 && strcmp(db_text(&q, 2), a->role) == 0 &&
			     memcmp(hash, a->hash, sizeof hash) == 0 ? 1 : -EEXIST;
	}
	db_done(&q);
	return rc;
}

static json_t *body_of(const struct person_new *a, const struct person *by)
{
	json_t *body = json_pack("{sI ss ss ss*}", "id", (json_int_t)a->id, "name", a->name, "role", a->role, "named_before",
				 a->named_before);

	if (body && by)
		person_tell(body, "by", by);
	if (body && a->again)
		json_object_set_new(body, "again", json_true());
	return body;
}

int person_make(struct catalog *c, struct wall now, const struct person_new *a, const struct person *by, int64_t *seq)
{
	char key[SKELETON_MAX];
	int64_t taken;
	int rc = known(c, a, seq);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (!*skeleton(a->name, key) || strlen(a->name) >= PERSON_NAME_MAX || skeleton_is_box(key) || a->id <= 0)
		return -EINVAL;
	rc = db_int(c->db, &taken, "SELECT id FROM token WHERE name_key = ?", "t", key);
	if (rc != -ENOENT)
		return rc == 0 ? -EADDRINUSE : rc;
	rc = ledger_append(c, now, "token.made", NULL, body_of(a, by), seq);
	return rc < 0 ? rc
		      : db_run(c->db, "INSERT INTO token (id, name, name_key, role, maker, hash, made_seq) VALUES (?, ?, ?, ?, ?, ?, ?)",
			       "itttibi", a->id, a->name, key, a->role, by ? by->id : a->maker, a->hash, (size_t)SHA256_BYTES, *seq);
}

int person_revoke(struct catalog *c, struct wall now, int64_t id, const struct person *by)
{
	struct db_query q;
	json_t *body = NULL;
	int64_t seq;
	int rc = db_query(c->db, &q, "SELECT name, role, revoked_seq FROM token WHERE id = ?", "i", id);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	bool before = rc > 0 && !db_is_null(&q, 2);
	if (rc > 0 && !before)
		body = json_pack("{sI ss ss}", "id", (json_int_t)id, "name", db_text(&q, 0), "role", db_text(&q, 1));
	db_done(&q);
	if (rc <= 0 || before)
		return rc < 0 ? rc : rc == 0 ? -ENOENT : 0;
	if (body && by)
		person_tell(body, "by", by);
	rc = ledger_append(c, now, "token.revoked", NULL, body, &seq);
	return rc < 0 ? rc : db_run(c->db, "UPDATE token SET revoked_seq = ? WHERE id = ?", "ii", seq, id);
}
