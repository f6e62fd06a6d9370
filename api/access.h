/* STATE/access.db: who may ask. The api's own database (WAL, synchronous=FULL, one connection).
 *
 * A token is "hf_" and 43 base64url characters (256 random bits); only its SHA-256 is stored, and the
 * text is told once, when it is made. It works when the ledger knows of it: access_token_confirm(). Names are never used
 * again, and none looks like another (base/skeleton.h).
 * Threads: loop thread only. Memory: access_open() allocates, access_close() frees.
 * Errors: 0 or negative: -ENOENT no such token, else as indexer/db.h (logged). */
#pragma once
#include "base/clock.h"
#include "base/crypto.h"
#include "base/err.h"
#include "indexer/db.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCESS_FORMAT 2 /* indexer/db_format.h */
#define TOKEN_TEXT_MAX 47 /* hf_ + 43 + NUL */
#define TOKEN_NAME_MAX 64
#define TOKEN_NAME_ROOM 97 /* of a name that stands in the database: what 0.1 stored may have got a suffix */

enum role { ROLE_NONE, ROLE_ADMIN, ROLE_OPERATOR, ROLE_REGULATOR, ROLE_INVESTIGATOR };
const char *role_name(enum role r);
enum role role_parse(const char *name); /* ROLE_NONE: no such role */

struct access;
/* What a state of version 0.1 holds is taken over: names that look alike get a suffix. A token that was made and never
 * confirmed is revoked: nobody was told its text. */
int access_open(const char *path, struct clock *clock, struct access **out, struct err *e);
struct db *access_db(struct access *a); /* for further tables of the api's own */
void access_close(struct access *a);

#define TOKEN_OF_THE_BOX INT64_C(0) /* as a maker: it was made on the box's own socket */
#define TOKEN_OF_BEFORE INT64_C(-1) /* by 0.1, which did not say who made it */

struct token {
	int64_t id, maker;
	const char *name;       /* borrowed for the call */
	enum role role;
	struct wall created_at, last_used_at, expires_at, revoked_at; /* us 0: never */
	const char *named_before; /* what 0.1 called it, if another name was needed; NULL */
	uint8_t hash[SHA256_BYTES];
	bool confirmed, revocation_told;
	const char *revoked_by; /* NULL: it is in force, or nobody did it */
	int64_t revoked_by_id;
};
/* expires_at.us 0: never. text receives the token, which is not to be had again; it does not work yet. -EEXIST: the name is
 * taken. */
int access_token_make(struct access *a, const char *name, enum role role, int64_t maker, struct wall expires_at,
		      char text[TOKEN_TEXT_MAX], int64_t *id);
/* The ledger has it. */
int access_token_confirm(struct access *a, int64_t id);
/* It was refused: as if it had never been made. Of one that was not confirmed. */
int access_token_forget(struct access *a, int64_t id);
/* The token that is in force and has this text; name has TOKEN_NAME_ROOM bytes. */
int access_token_check(struct access *a, const char *text, struct token *out, char *name);
/* The same by its number, for what it was given earlier. */
int access_token_in_force(struct access *a, int64_t id, struct token *out, char *name);
/* by, by_id: who does it; NULL, 0: nobody. It works no more from now on; the ledger is told after that. */
int access_token_revoke(struct access *a, int64_t id, const char *by, int64_t by_id);
int access_token_revocation_told(struct access *a, int64_t id);
/* Numbers up to `last` were given before, as the ledger knows. */
int access_token_numbers_from(struct access *a, int64_t last);
typedef int token_fn(void *arg, const struct token *t);
int access_tokens(struct access *a, token_fn *fn, void *arg);
