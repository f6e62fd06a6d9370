/* Brings retention.keep_days into force: at once when it grows, after a notice when it shrinks, and each
 * change in the ledger (config.changed: key, old, new, effective_at). What is in force lives in the
 * catalogue, so that a restart neither shortens nor lengthens the notice.
 *
 * Threads: the keeper's. Errors: 0 or negative; then nothing is known, and nothing may be deleted. */
#pragma once
#include "conf/conf.h"
#include "indexer/catalog_write.h"

/* *days: those in force. In a transaction of its own when something changes. */
int keep_settle(struct catalog *c, const struct conf *conf, struct wall now, int64_t witnessed_us, unsigned *days);
