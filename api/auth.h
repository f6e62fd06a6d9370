/* Who asks, and whether they may: one function of each.
 *
 * On the Unix socket the kernel says who it is: root and the service's own user are administrators,
 * everybody else is refused. On TCP a bearer token says it (RFC 6750).
 * Threads: loop thread only. */
#pragma once
#include "api/access.h"
#include "api/http.h"
#include "base/clock.h"

/* What a route does, as far as permission is concerned. */
enum action {
	ACTION_PUBLIC = 1,  /* needs nobody: the page, liveness */
	ACTION_READ,        /* state, coverage, gaps, ledger, segments, holds, retention */
	ACTION_METRICS,
	ACTION_FOOTAGE,     /* pictures of people */
	ACTION_EXPLAIN,     /* say why there is a gap */
	ACTION_HOLD,        /* keep footage */
	ACTION_RELEASE,     /* let held footage be deleted again */
	ACTION_DISKS,       /* retire a disk, declare one lost */
	ACTION_TOKENS,
};

struct identity {
	enum role role;         /* ROLE_NONE: nobody */
	char name[TOKEN_NAME_ROOM];
	int64_t token;          /* 0: not by a token */
	char secret[TOKEN_TEXT_MAX]; /* what he presented, in force: the keeper looks at it itself (indexer/person.h) */
	bool presented;         /* something was presented that is not in force */
	bool unknown;           /* something was presented, and the tokens cannot be read just now */
};

/* Never fails: nobody is an answer. */
void auth_identify(struct access *a, const struct http_exchange *x, struct identity *out);

enum verdict { AUTH_YES, AUTH_WHO, /* 401 */ AUTH_NO /* 403 */ };
/* The one place that decides. camera and range may be NULL where the action has none. */
enum verdict auth_decide(const struct identity *who, enum action action, const char *camera,
			 const struct wall_range *range);
