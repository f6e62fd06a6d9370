#include "access.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "indexer/db_format.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_BYTES 32
#define USED_EVERY_US (60 * US_PER_S) /* a use is written down at most so often: each write is a sync */

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS token (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
	" hash BLOB NOT NULL UNIQUE, role TEXT NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER,"
	" expires_at INTEGER, revoked_at INTEGER);";

/* What a database of version 0.1 lacks (indexer/db_format.h). */
static const char upgrade[] = "SELECT 1;";

static const struct db_format format = {.version = ACCESS_FORMAT, .min_reader = ACCESS_FORMAT, .schema = schema, .upgrade = upgrade};

struct access { struct db *db; struct clock *clock; };

/* --- roles ------------------------------------------------------------------------ */

static const char *const role_names[] = {
	[ROLE_NONE] = "none", [ROLE_ADMIN] = "admin", [ROLE_OPERATOR] = "operator",
	[ROLE_REGULATOR] = "regulator", [ROLE_INVESTIGATOR] = "investigator",
};

const char *role_name(enum role r)
{
	return role_names[r];
}

enum role role_parse(const char *name)
{
	for (int r = ROLE_ADMIN; r <= ROLE_INVESTIGATOR; r++)
		if (strcmp(role_names[r], name) == 0)
			return (enum role)r;
	return ROLE_NONE;
}

/* --- the database -------------------------------------------------------------------- */

int access_open(const char *path, struct clock *clock, struct access **out, struct err *e)
{
	mode_t before = umask(0077);
	struct db *db;
	int rc = db_open_writer(path, &db, e);

	*out = NULL;
	if (rc == 0 && (rc = db_format_make(db, path, &format, e)) < 0)
		db_close(db);
	umask(before);
	if (rc < 0)
		return rc;
	*out = xcalloc(1, sizeof **out);
	**out = (struct access){.db = db, .clock = clock};
	return 0;
}

struct db *access_db(struct access *a)
{
	return a->db;
}

void access_close(struct access *a)
{
	if (!a)
		return;
	db_close(a->db);
	free(a);
}

/* --- tokens ---------------------------------------------------------------------------- */

static void make_text(char text[TOKEN_TEXT_MAX])
{
	uint8_t secret[SECRET_BYTES];

	random_bytes(secret, sizeof secret);
	char *b64 = base64_encode(secret, sizeof secret);
	snprintf(text, TOKEN_TEXT_MAX, "hf_%.43s", b64);
	for (char *p = text; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	OPENSSL_cleanse(b64, strlen(b64));
	OPENSSL_cleanse(secret, sizeof secret);
	free(b64);
}

int access_token_make(struct access *a, const char *name, enum role role, struct wall expires_at,
		      char text[TOKEN_TEXT_MAX], int64_t *id)
{
	uint8_t hash[SHA256_BYTES];

	make_text(text);
	sha256(text, strlen(text), hash);
	int rc = db_run(a->db, "INSERT INTO token (name, hash, role, created_at, expires_at) VALUES (?, ?, ?, ?, nullif(?, 0))", "tbtii",
			name, hash, sizeof hash, role_name(role), clock_wall(a->clock).us, expires_at.us);
	*id = db_last_id(a->db);
	return rc;
}

#define TOKEN_COLUMNS "SELECT id, name, role, created_at, last_used_at, expires_at, revoked_at, hash FROM token "

static void token_row(const struct db_query *q, struct token *t)
{
	*t = (struct token){
		.id = db_i64(q, 0), .name = db_text(q, 1), .role = role_parse(db_text(q, 2)),
		.created_at.us = db_i64(q, 3), .last_used_at.us = db_i64(q, 4),
		.expires_at.us = db_i64(q, 5), .revoked_at.us = db_i64(q, 6)};
}

static void mark_used(struct access *a, int64_t id, struct wall now)
{
	db_run(a->db, "UPDATE token SET last_used_at = ? WHERE id = ?", "ii", now.us, id); /* or later */
}

static bool in_force(const struct token *t, struct wall now)
{
	return t->role != ROLE_NONE && !t->revoked_at.us && (!t->expires_at.us || now.us < t->expires_at.us);
}

int access_token_check(struct access *a, const char *text, struct token *out, char *name)
{
	struct wall now = clock_wall(a->clock);
	uint8_t hash[SHA256_BYTES];
	struct db_query q;
	size_t len;

	sha256(text, strlen(text), hash);
	int rc = db_query(a->db, &q, TOKEN_COLUMNS "WHERE hash = ?", "b", hash, sizeof hash);
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	const void *known = rc > 0 ? db_blob(&q, 7, &len) : NULL;
	rc = rc < 0 ? rc : -ENOENT;
	if (known && len == sizeof hash && CRYPTO_memcmp(known, hash, sizeof hash) == 0) {
		token_row(&q, out);
		snprintf(name, TOKEN_NAME_MAX + 1, "%s", out->name);
		rc = in_force(out, now) ? 0 : -ENOENT;
	}
	db_done(&q);
	out->name = name;
	if (rc == 0 && (now.us - out->last_used_at.us >= USED_EVERY_US || now.us < out->last_used_at.us))
		mark_used(a, out->id, now);
	return rc;
}

int access_token_revoke(struct access *a, int64_t id)
{
	int rc = db_run(a->db, "UPDATE token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", "ii", clock_wall(a->clock).us, id);

	return rc == 0 && db_changes(a->db) == 0 ? -ENOENT : rc;
}

int access_tokens(struct access *a, token_fn *fn, void *arg)
{
	struct db_query q;
	struct token t;
	int rc = db_query(a->db, &q, TOKEN_COLUMNS "ORDER BY id", ""), told = 0;

	if (rc < 0)
		return rc;
	while (told == 0 && (rc = db_step(&q)) > 0) {
		token_row(&q, &t);
		told = fn(arg, &t);
	}
	db_done(&q);
	return told ? told : rc;
}
