/* STATE/access.db: who may ask. The api's own database (WAL, synchronous=FULL, one connection).
 *
 * A token is "hf_" and 43 base64url characters (256 random bits); only its SHA-256 is stored, and the
 * text is told once, when it is made.
 * Threads: loop thread only. Memory: access_open() allocates, access_close() frees.
 * Errors: 0 or negative: -ENOENT no such token, else as indexer/db.h (logged). */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "indexer/db.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCESS_FORMAT 2 /* indexer/db_format.h */
#define TOKEN_TEXT_MAX 47 /* hf_ + 43 + NUL */
#define TOKEN_NAME_MAX 64

enum role { ROLE_NONE, ROLE_ADMIN, ROLE_OPERATOR, ROLE_REGULATOR, ROLE_INVESTIGATOR };
const char *role_name(enum role r);
enum role role_parse(const char *name); /* ROLE_NONE: no such role */

struct access;
int access_open(const char *path, struct clock *clock, struct access **out, struct err *e);
struct db *access_db(struct access *a); /* for further tables of the api's own */
void access_close(struct access *a);

struct token {
	int64_t id;
	const char *name;       /* borrowed for the call */
	enum role role;
	struct wall created_at, last_used_at, expires_at, revoked_at; /* us 0: never */
};
/* expires_at.us 0: never. text receives the token, which is not to be had again. */
int access_token_make(struct access *a, const char *name, enum role role, struct wall expires_at,
		      char text[TOKEN_TEXT_MAX], int64_t *id);
/* The token that is in force and has this text; name has TOKEN_NAME_MAX + 1 bytes. */
int access_token_check(struct access *a, const char *text, struct token *out, char *name);
int access_token_revoke(struct access *a, int64_t id);
typedef int token_fn(void *arg, const struct token *t);
int access_tokens(struct access *a, token_fn *fn, void *arg);
