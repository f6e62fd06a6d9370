/* The border to SQLite: open modes, cached statements, and the one place where its error
 * codes become ours.
 *
 * Exactly one connection, the keeper's, writes and checkpoints (SQLite 3.40.1 has a corruption race
 * between several checkpointers); readers are read-only and never checkpoint.
 * Threads: a struct db belongs to one thread.
 * Memory:  db_open_*() allocate, db_close() frees; SQL texts are string literals (the cache
 *          goes by their address).
 * Errors:  0 or negative: -EAGAIN not ready or busy, -EEXIST a constraint, -EUCLEAN the file is damaged,
 *          -EIO anything else. */
#pragma once
#include "base/err.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;

int db_open_reader(const char *path, struct db **out, struct err *e);
int db_open_writer(const char *path, struct db **out, struct err *e);
void db_close(struct db *d);
/* All of it, as it is, to an empty or absent file. */
int db_copy(struct db *d, const char *to);

/* A transaction remembers its first failure, whatever it was of (prepare, bind, step, a value that could not be read) and
 * whether or not the caller looked: from there on every call on this database returns that error and does nothing,
 * and db_end() rolls back. So what could not be read is never taken for "no row" or 0 and committed. */
int db_begin(struct db *d); /* to write */
int db_begin_read(struct db *d); /* one view over several questions */
/* rc: of what was done in it. 0: commits; negative, or anything failed: rolls back. The first error. */
int db_end(struct db *d, int rc);
/* A part of a transaction that can be undone alone (not nested), unless the database itself failed in it: a constraint
 * that refused a row is forgotten with the part. */
int db_savepoint(struct db *d);
int db_savepoint_end(struct db *d, int rc); /* of the part: negative undoes it. 0, or the transaction is lost */
bool db_in_transaction(const struct db *d);

/* Several statements without results, never BEGIN and COMMIT. */
int db_exec(struct db *d, const char *sql);
bool db_has_failed(const struct db *d); /* -EIO or -EUCLEAN since it was opened */
int64_t db_last_id(struct db *d);
int db_changes(struct db *d);

/* args, one letter a parameter: i int64_t · t const char * (NULL is NULL) · b const void *, size_t ·
 * n NULL (takes nothing) · o const int64_t * (NULL is NULL). Bytes are borrowed until db_done(). */
struct db_query { struct db *db; sqlite3_stmt *stmt; bool cached; };
int db_query(struct db *d, struct db_query *q, const char *sql, const char *args, ...);
int db_step(struct db_query *q); /* 1 a row, 0 no more, negative */
void db_done(struct db_query *q);
/* Query, step to the end, done. */
int db_run(struct db *d, const char *sql, const char *args, ...);
/* The first column of the first row; -ENOENT without a row or when it is NULL. */
int db_int(struct db *d, int64_t *out, const char *sql, const char *args, ...);

static inline int64_t db_i64(const struct db_query *q, int col) { return sqlite3_column_int64(q->stmt, col); }
static inline bool db_is_null(const struct db_query *q, int col)
{
	return sqlite3_column_type(q->stmt, col) == SQLITE_NULL;
}
/* NULL when the column is NULL; valid until the next step. */
const char *db_text(const struct db_query *q, int col);
const void *db_blob(const struct db_query *q, int col, size_t *len);
/* Copies a blob of exactly len bytes; -EIO if it has another length. */
int db_blob_copy(const struct db_query *q, int col, void *out, size_t len);
