/* Which format a database of ours has, and how one that an earlier version made is taken over.
 *
 * `PRAGMA user_version` numbers formats: 0 is an empty file, or what version 0.1 made. The table `format` says which programs
 * can still use the file (min_reader) and how the copy is called that was made before it was taken over. A database of an
 * earlier format is first copied, whole and durable, to FILE.before-VERSION; then one transaction changes it. The copy stays:
 * `holdfast downgrade` puts it back.
 *
 * A new table, index or trigger goes into the schema alone (IF NOT EXISTS), a new column into the schema and, as ALTER TABLE,
 * into `upgrade`; what changes there is dropped by `upgrade`, since the schema follows it; what SQL cannot say is `convert`.
 * Threads: one. Errors: as db.h; -ENOTSUP: made by a newer program, -EAGAIN: not taken over yet. */
#pragma once
#include "base/clock.h"
#include "indexer/db.h"

struct db_format {
	int version, min_reader;
	const char *schema;              /* all of it, as it is in this version */
	const char *upgrade;             /* what it takes from version 0.1 on, before the schema */
	int (*convert)(struct db *db);   /* after the schema; NULL: nothing */
};

/* Of the one connection that writes, before anything else: makes the schema, or takes the database over. */
int db_format_make(struct db *db, const char *path, const struct db_format *f, struct err *e);
/* Of a reader. */
int db_format_check(struct db *db, const char *path, int version, struct err *e);
/* Stopped: puts back the copy from before the database NAME in `state` was taken over, if a program of that version cannot
 * use it; what is there lies in *to then (at least 4096 bytes; "": nothing was to be done). */
int db_format_put_back(const char *state, const char *name, int version, struct wall now, char *to, struct err *e);
