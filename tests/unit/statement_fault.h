/* The seam above SQLite: each statement that is prepared, each value that is bound to it, each step of it and each sqlite3_exec()
 * passes a struct fault, whoever calls. At odd turns SQLite has rolled the transaction back, too, as after some errors of
 * the disk. For programs that are linked with statement_wraps (meson.build); the product itself has none of it. */
#pragma once
#include "base/fault.h"

#include <sqlite3.h>
#include <stddef.h>

static struct fault *statement_fault; /* NULL: none fails */

int __real_sqlite3_prepare_v3(sqlite3 *, const char *, int, unsigned, sqlite3_stmt **, const char **);
int __wrap_sqlite3_prepare_v3(sqlite3 *, const char *, int, unsigned, sqlite3_stmt **, const char **);
int __real_sqlite3_prepare_v2(sqlite3 *, const char *, int, sqlite3_stmt **, const char **);
int __wrap_sqlite3_prepare_v2(sqlite3 *, const char *, int, sqlite3_stmt **, const char **);
int __real_sqlite3_step(sqlite3_stmt *);
int __wrap_sqlite3_step(sqlite3_stmt *);
int __real_sqlite3_exec(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
int __wrap_sqlite3_exec(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
int __real_sqlite3_bind_int64(sqlite3_stmt *, int, sqlite3_int64);
int __wrap_sqlite3_bind_int64(sqlite3_stmt *, int, sqlite3_int64);
int __real_sqlite3_bind_text(sqlite3_stmt *, int, const char *, int, void (*)(void *));
int __wrap_sqlite3_bind_text(sqlite3_stmt *, int, const char *, int, void (*)(void *));
int __real_sqlite3_bind_blob64(sqlite3_stmt *, int, const void *, sqlite3_uint64, void (*)(void *));
int __wrap_sqlite3_bind_blob64(sqlite3_stmt *, int, const void *, sqlite3_uint64, void (*)(void *));

static inline void statement_fault_use(struct fault *f) { statement_fault = f; }

static inline bool statement_fails(sqlite3 *db)
{
	struct fault *f = statement_fault;

	if (!f || !fault_here(f))
		return false;
	if (f->nth % 2 && !sqlite3_get_autocommit(db))
		__real_sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return true;
}

int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int len, unsigned flags, sqlite3_stmt **out, const char **tail)
{
	*out = NULL;
	return statement_fails(db) ? SQLITE_NOMEM : __real_sqlite3_prepare_v3(db, sql, len, flags, out, tail);
}

int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int len, sqlite3_stmt **out, const char **tail)
{
	*out = NULL;
	return statement_fails(db) ? SQLITE_NOMEM : __real_sqlite3_prepare_v2(db, sql, len, out, tail);
}

int __wrap_sqlite3_step(sqlite3_stmt *s)
{
	return statement_fails(sqlite3_db_handle(s)) ? SQLITE_IOERR : __real_sqlite3_step(s);
}

int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *arg, char **why)
{
	return statement_fails(db) ? SQLITE_IOERR : __real_sqlite3_exec(db, sql, row, arg, why);
}

int __wrap_sqlite3_bind_int64(sqlite3_stmt *s, int at, sqlite3_int64 value)
{
	return statement_fails(sqlite3_db_handle(s)) ? SQLITE_NOMEM : __real_sqlite3_bind_int64(s, at, value);
}

int __wrap_sqlite3_bind_text(sqlite3_stmt *s, int at, const char *text, int len, void (*done)(void *))
{
	return statement_fails(sqlite3_db_handle(s)) ? SQLITE_NOMEM : __real_sqlite3_bind_text(s, at, text, len, done);
}

int __wrap_sqlite3_bind_blob64(sqlite3_stmt *s, int at, const void *data, sqlite3_uint64 len, void (*done)(void *))
{
	return statement_fails(sqlite3_db_handle(s)) ? SQLITE_NOMEM : __real_sqlite3_bind_blob64(s, at, data, len, done);
}
