/* Commands of people and of the offloader to the keeper: what the verbs share. indexer_command() (indexer.h) runs one, in a
 * transaction; a verb answers 0, or negative after it refused or when the catalogue failed.
 *
 * Arguments come from a process that may have been taken over: each is checked here, whatever the api checked. */
#pragma once
#include "indexer_inner.h"
#include "person.h"

#define TEXT_MAX_CHARACTERS 1000
#define ID_MAX_BYTES	    64

enum { OK = 200, CREATED = 201, ACCEPTED = 202, BAD = 400, FORBIDDEN = 403, NOT_FOUND = 404, CONFLICT = 409, FAILED = 500,
       LATER = 503 };

struct command {
	struct indexer *ix;
	const json_t *args;
	json_t **reply;
	int status;
};
typedef int command_fn(struct command *c);

/* Sets the answer; always -EINVAL. */
int command_refuse(struct command *c, int status, const char *field, const char *problem);
int command_not_found(struct command *c, const char *field);
/* Members of the arguments; refused if they are not what is said. */
int command_need_text(struct command *c, const char *field, size_t max, const char **out); /* max characters */
int command_may_text(struct command *c, const char *field, const char **out);
int command_need_wall(struct command *c, const char *field, struct wall *out);
int command_need_id(struct command *c, int64_t *out);
/* Who commands: by_id (absent: the box, `by` is its name) and, of an account, its secret (by_secret). roles: words of which his
 * must be one. */
int command_need_by(struct command *c, const char *roles, struct person *out);

command_fn hold_place_verb, hold_release_verb, hold_withdraw_verb, retention_release_verb;      /* command_hold.c */
command_fn token_made_verb, token_revoked_verb, token_known_verb;        /* command_token.c */
