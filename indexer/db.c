#include "db.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#define BUSY_TIMEOUT_MS 5000
#define CACHE_MAX 128

struct db {
	sqlite3 *handle;
	struct { const char *sql; sqlite3_stmt *stmt; } cache[CACHE_MAX];
	unsigned cached;
	bool failed;
	enum { TX_NONE, TX_OPEN, TX_UNDOING /* its ROLLBACK failed */ } tx;
	int first; /* of the transaction: what failed in it first, or 0 */
};

/* --- errors --------------------------------------------------------------------- */

static int map(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_CANTOPEN: return -EAGAIN;
	case SQLITE_CONSTRAINT: return -EEXIST;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return -EUCLEAN;
	default: return -EIO;
	}
}

static int fail(struct db *d, int code, const char *what)
{
	char text[300];
	int rc = map(code);

	d->failed |= rc == -EIO || rc == -EUCLEAN;
	if (d->tx == TX_OPEN && !d->first)
		d->first = rc;
	if (rc != -EAGAIN)
		log_error("sqlite", "code=%d error=\"%s\" sql=\"%.80s\"", sqlite3_extended_errcode(d->handle),
			  log_quote(text, sizeof text, sqlite3_errmsg(d->handle)), what);
	return rc;
}

/* --- opening ---------------------------------------------------------------------- */

static int db_open(const char *path, int flags, struct db **out, struct err *e)
{
	struct db *d = xcalloc(1, sizeof *d);
	int code = sqlite3_open_v2(path, &d->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (code != SQLITE_OK) {
		int rc = err_set(e, map(code), "open catalogue %s: %s", path, sqlite3_errstr(code));
		db_close(d);
		return rc;
	}
	sqlite3_extended_result_codes(d->handle, 1);
	sqlite3_busy_timeout(d->handle, BUSY_TIMEOUT_MS);
	/* A file from elsewhere must not be able to run code through its schema. */
	sqlite3_db_config(d->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	*out = d;
	return 0;
}

int db_open_reader(const char *path, struct db **out, struct err *e)
{
	int rc = db_open(path, SQLITE_OPEN_READONLY, out, e);

	if (rc < 0)
		return rc;
	sqlite3_db_config((*out)->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return 0;
}

int db_open_writer(const char *path, struct db **out, struct err *e)
{
	int rc = db_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, out, e), persist = 1;

	if (rc < 0)
		return rc;
	/* The WAL stays after close, so that a reader without write permission can open. */
	sqlite3_file_control((*out)->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	rc = db_exec(*out, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;");
	if (rc < 0) {
		err_set(e, rc, "open catalogue %s: %s", path, sqlite3_errmsg((*out)->handle));
		db_close(*out);
		*out = NULL;
	}
	return rc;
}

void db_close(struct db *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < d->cached; i++)
		sqlite3_finalize(d->cache[i].stmt);
	sqlite3_close(d->handle);
	free(d);
}

/* --- transactions ------------------------------------------------------------------- */

static int exec(struct db *d, const char *sql)
{
	int code = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fail(d, code, sql);
}

/* Some failures make SQLite roll back by itself. */
static int undo(struct db *d)
{
	int rc = sqlite3_get_autocommit(d->handle) ? 0 : exec(d, "ROLLBACK");

	d->tx = rc < 0 ? TX_UNDOING : TX_NONE;
	return rc;
}

/* What is asked before every statement: 0, or why nothing may be done. */
static int refused(struct db *d)
{
	if (d->tx == TX_NONE)
		return 0;
	if (d->tx == TX_UNDOING)
		return undo(d);
	if (!d->first && sqlite3_get_autocommit(d->handle)) {
		log_error("sqlite", "text=\"the transaction has ended before its time\"");
		d->first = -EIO;
	}
	return d->first;
}

static int begin(struct db *d, const char *sql)
{
	int rc = refused(d);

	if (rc == 0)
		rc = exec(d, sql); /* within another it fails, and that one with it */
	if (rc == 0) {
		d->tx = TX_OPEN;
		d->first = 0;
	}
	return rc;
}

int db_begin(struct db *d) { return begin(d, "BEGIN IMMEDIATE"); }

int db_begin_read(struct db *d) { return begin(d, "BEGIN"); }

int db_end(struct db *d, int rc)
{
	int first = d->tx == TX_OPEN ? refused(d) : -EIO;

	if (first == 0 && rc == 0 && exec(d, "COMMIT") == 0) {
		d->tx = TX_NONE;
		return 0;
	}
	first = d->tx == TX_OPEN && d->first ? d->first : rc < 0 ? rc : first;
	if (d->tx == TX_OPEN)
		undo(d);
	return first;
}

int db_savepoint(struct db *d) { return db_run(d, "SAVEPOINT part", ""); }

int db_savepoint_end(struct db *d, int rc)
{
	if (rc < 0) {
		if (d->first == -EEXIST) /* it undid itself and nothing else */
			d->first = 0;
		rc = db_run(d, "ROLLBACK TO part", "");
	}
	return rc < 0 ? rc : db_run(d, "RELEASE part", "");
}

int db_copy(struct db *d, const char *to)
{
	sqlite3 *copy = NULL;
	int code = sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	sqlite3_backup *b = code == SQLITE_OK ? sqlite3_backup_init(copy, "main", d->handle, "main") : NULL;

	if (b) {
		sqlite3_backup_step(b, -1);
		code = sqlite3_backup_finish(b);
	} else if (code == SQLITE_OK) {
		code = sqlite3_extended_errcode(copy);
	}
	int closed = sqlite3_close(copy);
	if (code == SQLITE_OK)
		code = closed;
	return code == SQLITE_OK ? 0 : fail(d, code, to);
}

/* --- statements --------------------------------------------------------------------- */

int db_exec(struct db *d, const char *sql)
{
	int rc = refused(d);

	return rc < 0 ? rc : exec(d, sql);
}

bool db_has_failed(const struct db *d)
{
	return d->failed;
}

bool db_in_transaction(const struct db *d)
{
	return d->tx == TX_OPEN;
}

int64_t db_last_id(struct db *d)
{
	return sqlite3_last_insert_rowid(d->handle);
}

int db_changes(struct db *d)
{
	return sqlite3_changes(d->handle);
}

/* The cached statement, unless an outer walk is still stepping it or the cache is full. */
static int take(struct db *d, struct db_query *q, const char *sql)
{
	int rc = refused(d);

	*q = (struct db_query){.db = d};
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < d->cached; i++)
		if (d->cache[i].sql == sql && !sqlite3_stmt_busy(d->cache[i].stmt)) {
			q->stmt = d->cache[i].stmt;
			q->cached = true;
			return 0;
		}
	int code = sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL);
	if (code != SQLITE_OK)
		return fail(d, code, sql);
	if (d->cached < CACHE_MAX) {
		d->cache[d->cached].sql = sql;
		d->cache[d->cached++].stmt = q->stmt;
		q->cached = true;
	}
	return 0;
}

static int bind_one(sqlite3_stmt *s, int at, char kind, va_list *ap)
{
	switch (kind) {
	case 'i': return sqlite3_bind_int64(s, at, va_arg(*ap, int64_t));
	case 't': return sqlite3_bind_text(s, at, va_arg(*ap, const char *), -1, SQLITE_STATIC);
	case 'n': return sqlite3_bind_null(s, at);
	case 'o': {
		const int64_t *v = va_arg(*ap, const int64_t *);
		return v ? sqlite3_bind_int64(s, at, *v) : sqlite3_bind_null(s, at);
	}
	case 'b': {
		const void *p = va_arg(*ap, const void *);
		size_t len = va_arg(*ap, size_t);
		return sqlite3_bind_blob64(s, at, p ? p : "", len, SQLITE_STATIC);
	}
	default: return SQLITE_MISUSE;
	}
}

static int query(struct db *d, struct db_query *q, const char *sql, const char *args, va_list *ap)
{
	int rc = take(d, q, sql);

	if (rc < 0)
		return rc;
	for (int i = 0; args[i]; i++) {
		int code = bind_one(q->stmt, i + 1, args[i], ap);
		if (code != SQLITE_OK) {
			rc = fail(d, code, sql);
			db_done(q);
			return rc;
		}
	}
	return 0;
}

int db_query(struct db *d, struct db_query *q, const char *sql, const char *args, ...)
{
	va_list ap;

	va_start(ap, args);
	int rc = query(d, q, sql, args, &ap);
	va_end(ap);
	return rc;
}

int db_step(struct db_query *q)
{
	int rc = refused(q->db), code;

	if (rc < 0)
		return rc;
	code = sqlite3_step(q->stmt);
	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : fail(q->db, code, sqlite3_sql(q->stmt));
}

void db_done(struct db_query *q)
{
	if (!q->stmt)
		return;
	if (q->cached) {
		sqlite3_reset(q->stmt);
		sqlite3_clear_bindings(q->stmt);
	} else {
		sqlite3_finalize(q->stmt);
	}
	q->stmt = NULL;
}

int db_run(struct db *d, const char *sql, const char *args, ...)
{
	struct db_query q;
	va_list ap;

	va_start(ap, args);
	int rc = query(d, &q, sql, args, &ap);
	va_end(ap);
	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		;
	db_done(&q);
	return rc;
}

int db_int(struct db *d, int64_t *out, const char *sql, const char *args, ...)
{
	struct db_query q;
	va_list ap;

	va_start(ap, args);
	int rc = query(d, &q, sql, args, &ap);
	va_end(ap);
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0 && db_is_null(&q, 0))
		rc = 0;
	if (rc > 0)
		*out = db_i64(&q, 0);
	db_done(&q);
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}

/* A value that is there and could not be read. */
static void unread(const struct db_query *q, int code)
{
	fail(q->db, code, sqlite3_sql(q->stmt));
}

const char *db_text(const struct db_query *q, int col)
{
	const char *t = (const char *)sqlite3_column_text(q->stmt, col);

	if (t || db_is_null(q, col))
		return t;
	unread(q, SQLITE_NOMEM);
	return "";
}

const void *db_blob(const struct db_query *q, int col, size_t *len)
{
	const void *p = sqlite3_column_blob(q->stmt, col);

	*len = (size_t)sqlite3_column_bytes(q->stmt, col);
	return p;
}

int db_blob_copy(const struct db_query *q, int col, void *out, size_t len)
{
	size_t have;
	const void *p = db_blob(q, col, &have);

	if (have != len) {
		unread(q, SQLITE_MISMATCH);
		return -EIO;
	}
	memcpy(out, p, len);
	return 0;
}
