/* Tokens on their way into the ledger: one that is made works when the keeper has written its entry; one that is revoked works
 * no more at once, and the keeper is told, now or when it is back.
 *
 * Threads: loop thread only. Memory: what is under way is freed when the keeper answered, or when commands_fail_all()
 *          says that it will not. */
#pragma once
#include "api/access.h"
#include "api/auth.h"

#include <jansson.h>

struct api;

struct account_order {
	const char *name;
	enum role role;
	struct wall expires_at;      /* us 0: never */
	const struct identity *by;
};
/* text: the token, told this once. NULL: there is none; refusal is the keeper's reply (command.h), NULL if it gave none. */
typedef void account_made_fn(void *arg, int64_t id, const char *text, const json_t *refusal);
struct account_making;
/* 0: fn will be called. -EEXIST: the name is taken; -EAGAIN: the keeper is away; -EIO. */
int account_make(struct api *a, const struct account_order *order, account_made_fn *fn, void *arg, struct account_making **out);
/* Nobody waits any more: fn is not called, and a token that was made all the same is revoked. */
void account_forsake(struct account_making *m);

typedef void account_told_fn(void *arg);
struct account_telling;
/* It works no more. 0: fn is called when the keeper knows, or did not answer; 1: it is away, and is told when it is back. -ENOENT: no
 * such token; -EIO. */
int account_revoke(struct api *a, int64_t id, const struct identity *by, account_told_fn *fn, void *arg, struct account_telling **out);
void account_leave(struct account_telling *t); /* fn is not called */

/* The keeper is there: it is told of what it does not know, and what only it knows is taken over (this database may be an
 * older copy). */
void accounts_tell(struct api *a);
