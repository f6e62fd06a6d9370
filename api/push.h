/* Telling the regulator (design §11): the ledger is the outbox; this remembers the last entry that was
 * acknowledged and sends what follows, in order, at least once, the same bytes each time, for ever.
 *
 *             poke, poll            posted
 *   IDLE ───────────────▶ SENDING ─────────▶ IDLE        2xx: acknowledged, go on with the next batch
 *    ▲                       │ anything but 2xx
 *    │ timer                 ▼
 *    └──────────────────── WAITING                       5 s … 15 min with jitter; Retry-After honoured
 *
 * The range of a batch is written down before it is first sent, so that a retry after a restart has the
 * same id and the same bytes although the ledger has grown.
 * Threads: loop thread. Memory: push_create() allocates; gone after `closed`. */
#pragma once
#include "base/crypto.h"
#include "conf/conf.h"
#include "api/ledger_keep.h"
#include "indexer/catalog.h"
#include "indexer/db.h"

#include <uv.h>

struct push;

/* db: access.db (ours to write), borrowed like conf and key. catalog_path is copied; the catalogue is opened
 * when it is there, and waited for when it is not. */
int push_create(uv_loop_t *loop, const struct conf *conf, struct db *db, const char *catalog_path,
		const struct key *site_key, struct clock *clock, struct push **out, struct err *e);
/* Keys that sign beside site_key, so that a receiver that knows only the one before can verify. Borrowed. */
#define PUSH_KEYS_MAX 4
void push_also_sign(struct push *p, struct key *const *keys, unsigned count);
/* What is sent and acknowledged is kept there. Borrowed. */
void push_keep_heads(struct push *p, const struct ledger_keep *keep);
void push_poke(struct push *p); /* the ledger may have grown */
/* {"url","acknowledged","head","state","last_status","last_error","since"}: for /api/v1/site. New reference. */
json_t *push_status(const struct push *p);
void push_close(struct push *p, void (*closed)(void *arg), void *arg);
