/* A batch of ledger entries as the regulator receives it: CloudEvents 1.0 in batch mode, signed by
 * Standard Webhooks with Ed25519 (design §11). Pure: the same entries give the same bytes, always.
 *
 * Memory: push_batch_finish() frees. */
#pragma once
#include "base/buf.h"
#include "base/crypto.h"
#include "indexer/catalog.h"

#define PUSH_BATCH_MAX 100

struct push_batch {
	json_t *events;
	int64_t first, last;            /* seq; 0 while empty */
	uint8_t last_hash[SHA256_BYTES];
	struct buf body;                /* set by push_batch_seal() */
	char id[128];                   /* webhook-id */
};

void push_batch_init(struct push_batch *b);
int push_batch_add(struct push_batch *b, const char *site, const struct ledger_entry *e);
void push_batch_seal(struct push_batch *b, const char *site);
/* "v1a,<base64>" over `id.timestamp.body`, one for each key, separated by spaces; malloc'd. */
char *push_batch_sign(const struct push_batch *b, int64_t timestamp_s, const struct key *const *keys, unsigned count);
void push_batch_finish(struct push_batch *b);
