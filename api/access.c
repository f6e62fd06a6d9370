#include "access.h"

#include "base/buf.h"
#include "base/skeleton.h"
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
	" expires_at INTEGER, revoked_at INTEGER, name_key TEXT, maker INTEGER NOT NULL DEFAULT -1,"
	" confirmed INTEGER NOT NULL DEFAULT 1, named_before TEXT, revoked_by TEXT, revoked_by_id INTEGER,"
	" revocation_told INTEGER NOT NULL DEFAULT 1);"
	"CREATE UNIQUE INDEX IF NOT EXISTS token_by_name ON token (name_key);";

/* What a database of version 0.1 lacks (indexer/db_format.h). confirmed: the ledger has its entry, or it worked before there
 * were such entries. */
static const char upgrade[] =
	"ALTER TABLE token ADD COLUMN name_key TEXT; ALTER TABLE token ADD COLUMN maker INTEGER NOT NULL DEFAULT -1;"
	"ALTER TABLE token ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 1; ALTER TABLE token ADD COLUMN named_before TEXT;"
	"ALTER TABLE token ADD COLUMN revoked_by TEXT; ALTER TABLE token ADD COLUMN revoked_by_id INTEGER;"
	"ALTER TABLE token ADD COLUMN revocation_told INTEGER NOT NULL DEFAULT 1;";

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

/* --- a state of 0.1 ------------------------------------------------------------------ */

static int set_name(struct db *db, int64_t id, const char *name, const char *key, const char *before)
{
	int rc = db_run(db, "UPDATE OR IGNORE token SET name = ?, name_key = ?, named_before = ? WHERE id = ?", "ttti", name, key, before, id);

	return rc < 0 ? rc : db_changes(db);
}

/* A number behind the name makes one that nobody else has: 1 when it is done. */
static int take_name(struct db *db, int64_t id, const char *name)
{
	char key[SKELETON_MAX], other[TOKEN_NAME_ROOM];
	bool usable = *skeleton(name, key) && !skeleton_is_box(key);
	int rc = usable ? set_name(db, id, name, key, NULL) : 0;

	for (unsigned n = 2; rc == 0; n++) {
		if (usable)
			snprintf(other, sizeof other, "%.70s (%u)", name, n);
		else
			snprintf(other, sizeof other, "token %lld (%u)", (long long)id, n);
		rc = set_name(db, id, other, skeleton(other, key), name);
	}
	return rc;
}

static int take_names(struct db *db)
{
	struct db_query q;
	int rc;

	do {
		char *name = NULL;
		int64_t id = 0;
		rc = db_query(db, &q, "SELECT id, name FROM token WHERE name_key IS NULL ORDER BY id LIMIT 1", "");
		if (rc < 0)
			return rc;
		rc = db_step(&q);
		if (rc > 0) {
			id = db_i64(&q, 0);
			name = xstrdup(db_text(&q, 1));
		}
		db_done(&q);
		if (rc > 0)
			rc = take_name(db, id, name);
		free(name);
	} while (rc > 0);
	return rc;
}

static const struct db_format format = {.version = ACCESS_FORMAT, .min_reader = ACCESS_FORMAT, .schema = schema, .upgrade = upgrade,
					.convert = take_names};

/* --- the database -------------------------------------------------------------------- */

/* Made, and nobody was told its text. */
static int drop_pending(struct db *db, struct err *e)
{
	int rc = db_run(db, "UPDATE token SET revoked_at = created_at, revocation_told = 0 WHERE confirmed = 0 AND revoked_at IS NULL", "");

	return rc < 0 ? err_set(e, rc, "access.db cannot be written") : 0;
}

int access_open(const char *path, struct clock *clock, struct access **out, struct err *e)
{
	mode_t before = umask(0077);
	struct db *db;
	int rc = db_open_writer(path, &db, e);

	*out = NULL;
	if (rc == 0 && ((rc = db_format_make(db, path, &format, e)) < 0 || (rc = drop_pending(db, e)) < 0))
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

int access_token_make(struct access *a, const char *name, enum role role, int64_t maker, struct wall expires_at,
		      char text[TOKEN_TEXT_MAX], int64_t *id)
{
	uint8_t hash[SHA256_BYTES];
	char key[SKELETON_MAX];

	make_text(text);
	sha256(text, strlen(text), hash);
	int rc = db_run(a->db, "INSERT OR IGNORE INTO token (name, hash, role, created_at, expires_at, name_key, maker, confirmed) "
			       "VALUES (?, ?, ?, ?, nullif(?, 0), ?, ?, 0)", "tbtiiti", name, hash, sizeof hash, role_name(role),
			clock_wall(a->clock).us, expires_at.us, skeleton(name, key), maker);
	if (rc == 0 && db_changes(a->db) == 0)
		return -EEXIST;
	*id = db_last_id(a->db);
	return rc;
}

/* Of statements with one number. -ENOENT: they changed nothing. */
static int change(struct access *a, const char *sql, int64_t id)
{
	int rc = db_run(a->db, sql, "i", id);

	return rc == 0 && db_changes(a->db) == 0 ? -ENOENT : rc;
}

int access_token_confirm(struct access *a, int64_t id)
{
	return change(a, "UPDATE token SET confirmed = 1 WHERE id = ?", id);
}

int access_token_forget(struct access *a, int64_t id)
{
	return change(a, "DELETE FROM token WHERE id = ? AND confirmed = 0", id);
}

int access_token_revocation_told(struct access *a, int64_t id)
{
	return change(a, "UPDATE token SET revocation_told = 1 WHERE id = ?", id);
}

int access_token_numbers_from(struct access *a, int64_t last)
{
	int rc = change(a, "INSERT INTO sqlite_sequence (name, seq) SELECT 'token', ?1 WHERE NOT EXISTS "
			   "(SELECT 1 FROM sqlite_sequence WHERE name = 'token')", last);

	if (rc == -ENOENT)
		rc = change(a, "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'token' AND seq < ?1", last);
	return rc == -ENOENT ? 0 : rc;
}

#define TOKEN_COLUMNS "SELECT id, name, role, created_at, last_used_at, expires_at, revoked_at, hash, maker, named_before, " \
	"confirmed, revocation_told, revoked_by, revoked_by_id FROM token "

/* false: it is no row of ours. */
static bool token_row(const struct db_query *q, struct token *t)
{
	*t = (struct token){
		.id = db_i64(q, 0), .name = db_text(q, 1), .role = role_parse(db_text(q, 2)),
		.created_at.us = db_i64(q, 3), .last_used_at.us = db_i64(q, 4),
		.expires_at.us = db_i64(q, 5), .revoked_at.us = db_i64(q, 6), .maker = db_i64(q, 8), .named_before = db_text(q, 9),
		.confirmed = db_i64(q, 10) != 0, .revocation_told = db_i64(q, 11) != 0, .revoked_by = db_text(q, 12),
		.revoked_by_id = db_i64(q, 13)};
	return db_blob_copy(q, 7, t->hash, sizeof t->hash) == 0;
}

static void mark_used(struct access *a, int64_t id, struct wall now)
{
	db_run(a->db, "UPDATE token SET last_used_at = ? WHERE id = ?", "ii", now.us, id); /* or later */
}

static bool in_force(const struct token *t, struct wall now)
{
	return t->role != ROLE_NONE && t->confirmed && !t->revoked_at.us && (!t->expires_at.us || now.us < t->expires_at.us);
}

/* The token of the question's only row, if it is in force. */
static int one_token(struct access *a, struct db_query *q, struct token *out, char *name)
{
	int rc = db_step(q);

	if (rc > 0 && token_row(q, out)) {
		snprintf(name, TOKEN_NAME_ROOM, "%s", out->name);
		rc = in_force(out, clock_wall(a->clock)) ? 1 : 0;
	} else if (rc > 0) {
		rc = 0;
	}
	db_done(q);
	out->name = name;
	out->named_before = out->revoked_by = NULL;
	return rc < 0 ? rc : rc > 0 ? 0 : -ENOENT;
}

int access_token_check(struct access *a, const char *text, struct token *out, char *name)
{
	struct wall now = clock_wall(a->clock);
	uint8_t hash[SHA256_BYTES];
	struct db_query q;

	sha256(text, strlen(text), hash);
	int rc = db_query(a->db, &q, TOKEN_COLUMNS "WHERE hash = ?", "b", hash, sizeof hash);
	if (rc == 0)
		rc = one_token(a, &q, out, name);
	if (rc == 0 && CRYPTO_memcmp(out->hash, hash, sizeof hash) != 0)
		return -ENOENT;
	if (rc == 0 && (now.us - out->last_used_at.us >= USED_EVERY_US || now.us < out->last_used_at.us))
		mark_used(a, out->id, now);
	return rc;
}

int access_token_in_force(struct access *a, int64_t id, struct token *out, char *name)
{
	struct db_query q;
	int rc = db_query(a->db, &q, TOKEN_COLUMNS "WHERE id = ?", "i", id);

	return rc < 0 ? rc : one_token(a, &q, out, name);
}

int access_token_revoke(struct access *a, int64_t id, const char *by, int64_t by_id)
{
	int rc = db_run(a->db, "UPDATE token SET revoked_at = ?, revoked_by = ?, revoked_by_id = ?, revocation_told = 0 "
			       "WHERE id = ? AND revoked_at IS NULL", "itii", clock_wall(a->clock).us, by, by_id, id);

	return rc == 0 && db_changes(a->db) == 0 ? -ENOENT : rc;
}

int access_tokens(struct access *a, token_fn *fn, void *arg)
{
	struct db_query q;
	struct token t;
	int rc = db_query(a->db, &q, TOKEN_COLUMNS "ORDER BY id", ""), told = 0;

	if (rc < 0)
		return rc;
	while (told == 0 && (rc = db_step(&q)) > 0)
		told = token_row(&q, &t) ? fn(arg, &t) : 0;
	db_done(&q);
	return told ? told : rc;
}
