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

/* Several statements without results: schema, BEGIN, COMMIT. */
int db_exec(struct db *d, const char *sql);
bool db_in_transaction(struct db *d);
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
static inline const char *db_text(const struct db_query *q, int col)
{
	return (const char *)sqlite3_column_text(q->stmt, col);
}
const void *db_blob(const struct db_query *q, int col, size_t *len);
/* Copies a blob of exactly len bytes; -EIO if it has another length. */
int db_blob_copy(const struct db_query *q, int col, void *out, size_t len);
