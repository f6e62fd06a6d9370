/* The catalogue, writing half: linked by the keeper (indexer, retention) and by nothing else.
 *
 * Everything that belongs to one fact happens in one transaction: rows and the ledger entry
 * that tells of them commit together. A struct catalog from catalog_create() serves the reading
 * half too. A transaction remembers its first failure: nothing that follows is done, and it is not committed (db.h).
 * Threads: one. Errors: as in catalog.h. */
#pragma once
#include "indexer/catalog.h"
#include "indexer/consent.h"

/* Opens read-write, makes the schema, WAL, synchronous=FULL, PERSIST_WAL, the only checkpointer. */
int catalog_create(const char *path, struct catalog **out, struct err *e);
/* Walks through the whole file: -EUCLEAN when its structure is damaged. As long as reading it takes: after a clean
 * end nobody need (catalog_closed.h). */
int catalog_quick_check(struct catalog *c);
bool catalog_is_sound(const struct catalog *c); /* nothing failed so far */
int catalog_begin(struct catalog *c);
int catalog_commit(struct catalog *c); /* or rolls back, and the first error */
void catalog_rollback(struct catalog *c);
/* rc: of what was done in the transaction. 0 and nothing failed in it: commits; else rolls back. The first error, or rc. */
int catalog_end(struct catalog *c, int rc);

int catalog_set_state(struct catalog *c, const char *key, const char *value);
int catalog_set_state_int(struct catalog *c, const char *key, int64_t value);
/* The numbers of it, as they are now (site_state.h). */
struct site_state;
const struct site_state *catalog_site(const struct catalog *c);
int catalog_set_keep(struct catalog *c, const struct catalog_keep *k);

/* Appends an entry, chained to the one before; body is consumed and stored as canonical JSON.
 * `at` is the instant the fact was written down. Inside a transaction. */
int ledger_append(struct catalog *c, struct wall at, const char *kind, const char *camera, json_t *body, int64_t *seq);

/* The same with the seq that follows `after`, which is not below the head's: only for ledger.restored, whose
 * body names the last one that is there (found_seq) and the last one that was (known_seq). */
int ledger_append_after(struct catalog *c, struct wall at, int64_t after, const char *kind, const char *camera,
			json_t *body, int64_t *seq);

/* Coverage: marks [start, end) of a camera recorded (merging with what touches it), turns recorded
 * coverage into expired (retention), or takes it away (damage: the caller opens a gap). */
int span_add(struct catalog *c, const char *camera, struct wall start, struct wall end);
int span_expire(struct catalog *c, const char *camera, struct wall start, struct wall end);
int span_remove(struct catalog *c, const char *camera, struct wall start, struct wall end);
/* Makes [start, end) recorded where a sound fragment of a file lies that counts there (life.h), and nowhere else. */
int span_recount(struct catalog *c, const char *camera, struct wall start, struct wall end);
/* The same for time of which a file lost what it held: what nothing covers any more becomes a gap. */
int span_look_again(struct catalog *c, const char *camera, struct wall start, struct wall end);
/* The same for time that is lived again: what was expired of it is so no more. */
int span_relive(struct catalog *c, const char *camera, struct wall start, struct wall end);
/* What files hold and count there is recorded; the rest stays as it is. */
int span_add_files(struct catalog *c, const char *camera, struct wall start, struct wall end);
/* All of it, whatever its state. */
int span_withdraw(struct catalog *c, const char *camera, struct wall start, struct wall end);

/* Holds: with their ledger entries. Refuses an empty range or reason (-EINVAL). */
int hold_place(struct catalog *c, struct wall now, const char *camera, struct wall_range range, const char *reason,
	       const char *reference, const struct person *by, int64_t *id);
/* An enum consent_answer, by consent.h: the first call asks (CONSENT_ASK), one by another person does it (0), whoever of them
 * placed it; a regulator approves only. The others: nothing was done. -EALREADY: released; -ENOENT. */
int hold_release(struct catalog *c, struct wall now, int64_t id, const char *reason, const struct person *by);
/* Who asked for its release takes that back. -EPERM: somebody else asked, or nobody; -EALREADY, -ENOENT as above. */
int hold_withdraw(struct catalog *c, struct wall now, int64_t id, const struct person *by);
