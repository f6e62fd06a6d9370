#include "access.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
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

struct access { sqlite3 *db; struct clock *clock; };

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

static int trouble(struct access *a, const char *what)
{
	char text[160];

	log_error("access", "what=%s text=\"%s\"", what, log_quote(text, sizeof text, sqlite3_errmsg(a->db)));
	return -EIO;
}

static int make(const char *path, struct err *e)
{
	struct db *db;
	int rc = db_open_writer(path, &db, e);

	if (rc < 0)
		return rc;
	rc = db_format_make(db, path, &format, e);
	db_close(db);
	return rc;
}

int access_open(const char *path, struct clock *clock, struct access **out, struct err *e)
{
	mode_t before = umask(0077);
	int rc = make(path, e);

	*out = NULL;
	if (rc < 0) {
		umask(before);
		return rc;
	}
	struct access *a = xcalloc(1, sizeof *a);
	rc = sqlite3_open_v2(path, &a->db, SQLITE_OPEN_READWRITE, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(a->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", NULL, NULL, NULL);
	umask(before);
	a->clock = clock;
	*out = a;
	if (rc == SQLITE_OK)
		return 0;
	err_set(e, -EIO, "open %.120s: %.60s", path, sqlite3_errmsg(a->db));
	access_close(a);
	*out = NULL;
	return -EIO;
}

sqlite3 *access_db(struct access *a)
{
	return a->db;
}

void access_close(struct access *a)
{
	if (!a)
		return;
	sqlite3_close(a->db);
	free(a);
}

static sqlite3_stmt *prepare(struct access *a, const char *sql)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(a->db, sql, -1, &s, NULL) != SQLITE_OK)
		trouble(a, "prepare");
	return s;
}

static int run(struct access *a, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? 0 : trouble(a, "write");
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
	sqlite3_stmt *s = prepare(a, "INSERT INTO token (name, hash, role, created_at, expires_at) "
				     "VALUES (?, ?, ?, ?, nullif(?, 0))");
	uint8_t hash[SHA256_BYTES];

	if (!s)
		return -EIO;
	make_text(text);
	sha256(text, strlen(text), hash);
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, hash, sizeof hash, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, role_name(role), -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, clock_wall(a->clock).us);
	sqlite3_bind_int64(s, 5, expires_at.us);
	int rc = run(a, s);
	*id = sqlite3_last_insert_rowid(a->db);
	return rc;
}

#define TOKEN_COLUMNS "SELECT id, name, role, created_at, last_used_at, expires_at, revoked_at, hash FROM token "

static void token_row(sqlite3_stmt *s, struct token *t)
{
	*t = (struct token){
		.id = sqlite3_column_int64(s, 0), .name = (const char *)sqlite3_column_text(s, 1),
		.role = role_parse((const char *)sqlite3_column_text(s, 2)),
		.created_at.us = sqlite3_column_int64(s, 3), .last_used_at.us = sqlite3_column_int64(s, 4),
		.expires_at.us = sqlite3_column_int64(s, 5), .revoked_at.us = sqlite3_column_int64(s, 6)};
}

static void mark_used(struct access *a, int64_t id, struct wall now)
{
	sqlite3_stmt *s = prepare(a, "UPDATE token SET last_used_at = ? WHERE id = ?");

	if (!s)
		return;
	sqlite3_bind_int64(s, 1, now.us);
	sqlite3_bind_int64(s, 2, id);
	run(a, s);
}

static bool in_force(const struct token *t, struct wall now)
{
	return t->role != ROLE_NONE && !t->revoked_at.us && (!t->expires_at.us || now.us < t->expires_at.us);
}

int access_token_check(struct access *a, const char *text, struct token *out, char *name)
{
	sqlite3_stmt *s = prepare(a, TOKEN_COLUMNS "WHERE hash = ?");
	struct wall now = clock_wall(a->clock);
	uint8_t hash[SHA256_BYTES];
	int rc = -ENOENT;

	if (!s)
		return -EIO;
	sha256(text, strlen(text), hash);
	sqlite3_bind_blob(s, 1, hash, sizeof hash, SQLITE_STATIC);
	int step = sqlite3_step(s);
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		rc = trouble(a, "read");
	if (step == SQLITE_ROW && sqlite3_column_bytes(s, 7) == SHA256_BYTES &&
	    CRYPTO_memcmp(sqlite3_column_blob(s, 7), hash, sizeof hash) == 0) {
		token_row(s, out);
		snprintf(name, TOKEN_NAME_MAX + 1, "%s", out->name);
		rc = in_force(out, now) ? 0 : -ENOENT;
	}
	sqlite3_finalize(s);
	out->name = name;
	if (rc == 0 && (now.us - out->last_used_at.us >= USED_EVERY_US || now.us < out->last_used_at.us))
		mark_used(a, out->id, now);
	return rc;
}

int access_token_revoke(struct access *a, int64_t id)
{
	sqlite3_stmt *s = prepare(a, "UPDATE token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL");

	if (!s)
		return -EIO;
	sqlite3_bind_int64(s, 1, clock_wall(a->clock).us);
	sqlite3_bind_int64(s, 2, id);
	int rc = run(a, s);
	return rc == 0 && sqlite3_changes(a->db) == 0 ? -ENOENT : rc;
}

int access_tokens(struct access *a, token_fn *fn, void *arg)
{
	sqlite3_stmt *s = prepare(a, TOKEN_COLUMNS "ORDER BY id");
	struct token t;
	int rc = s ? 0 : -EIO, step = SQLITE_DONE;

	while (rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
		token_row(s, &t);
		rc = fn(arg, &t);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = trouble(a, "read");
	sqlite3_finalize(s);
	return rc;
}
