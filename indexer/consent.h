/* What takes two persons: one asks, another approves. A subject ("hold:12", …) has at most one request.
 *
 * Who approves is not who asked, nor of one hand with him (person_is_kin()), and had his account in the ledger before the
 * request stood there: by the ledger's order, since a clock can be set. Asking again renews the request, so that accounts
 * that were made meanwhile can approve it; so does whoever may ask and cannot approve. The box is one person, whoever
 * types, and was always there.
 * Threads: one; in a transaction. Memory: caller's. Errors: 0 or negative. */
#pragma once
#include "indexer/person.h"

struct consent {
	struct person asked_by;      /* id PERSON_UNKNOWN: nobody can approve it, it has to be asked for again */
	int64_t seq;                 /* of the entry that asks; 0: nobody asked */
	struct wall at;
	bool asked;
};

enum consent_answer {
	CONSENT_GIVE,                /* two persons agree: do it, then consent_drop() */
	CONSENT_ASK,                 /* to be noted: write the entry, then consent_ask() */
	CONSENT_NOBODY_ASKED,        /* and he may only approve */
	CONSENT_SAME,                /* he is who asked */
	CONSENT_KIN,                 /* or of one hand with him */
	CONSENT_LATER,               /* his account is younger than the request */
};

int consent_find(struct catalog *c, const char *subject, struct consent *out); /* none: 0, and !asked */
/* What it means that `by` speaks now; negative: trouble. may_ask: his role does. */
int consent_judge(struct catalog *c, const struct consent *asked, const struct person *by, bool may_ask);
int consent_ask(struct catalog *c, const char *subject, struct wall now, const struct person *by, const char *reason, int64_t seq);
int consent_drop(struct catalog *c, const char *subject);
/* Of a catalogue of 0.1 (db_format.h): requests there name no account. */
struct db;
int consent_take_over(struct db *db);
/* Why not, for people: of the last four. */
const char *consent_refusal(enum consent_answer why);
