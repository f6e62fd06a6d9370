/* Who does something, as the keeper knows it: the box itself, or an account (a token of the api) by the entries
 * token.made and token.revoked that the keeper wrote. The api says a number and shows the account's secret; name, role, age
 * and maker are the keeper's own.
 *
 * Threads: one. Memory: caller's. Errors: 0 or negative, of SQLite as in catalog.h. */
#pragma once
#include "indexer/catalog.h"

#define PERSON_BOX INT64_C(0)        /* who speaks on the box's own socket: one person, whoever types */
#define PERSON_UNKNOWN INT64_C(-1)   /* of before accounts were in the ledger */
#define PERSON_NAME_MAX 97
#define PERSON_ROLE_MAX 17

struct person {
	int64_t id;
	char name[PERSON_NAME_MAX], role[PERSON_ROLE_MAX];
	int64_t made_seq;            /* of token.made; 0 for the box, which was always there */
};

/* name: "uid:N". */
int person_of_box(const char *name, struct person *out); /* -EINVAL: no such name */
/* The account that is in force and has this secret; NULL: whatever its secret. -ENOENT: unknown or revoked; -EACCES: another
 * secret. */
int person_find(struct catalog *c, int64_t id, const char *secret, struct person *out);
/* Adds to an entry's body who it was: KEY (the name), KEY_id and KEY_role. */
void person_tell(json_t *body, const char *key, const struct person *p);
/* Whether both are of one hand: the same, or one token made the account of both, or of the other, whatever stands between.
 * That the box made a token makes nobody kin: the first of every chain is from there. 1, 0 or negative. */
int person_is_kin(struct catalog *c, int64_t a, int64_t b);

/* --- accounts; with their entries, in a transaction -------------------------------------------------- */
struct person_new {
	int64_t id, maker;           /* maker: an account, PERSON_BOX or PERSON_UNKNOWN */
	const char *name, *role;
	uint8_t hash[SHA256_BYTES];  /* SHA-256 of its secret */
	const char *named_before;    /* it had a name that another one had, too; NULL */
	bool again;                  /* it was made before this ledger could know of it */
};
/* The same once more is no error. -EEXIST: another account has this number; -EADDRINUSE: the name, or one that looks like it, is
 * or was another's; -EINVAL: no name. by: who made it; NULL with `again`. */
int person_make(struct catalog *c, struct wall now, const struct person_new *a, const struct person *by, int64_t *seq);
/* -ENOENT: nobody has that number; revoked before is no error. */
int person_revoke(struct catalog *c, struct wall now, int64_t id, const struct person *by);
