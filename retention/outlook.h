/* The forecast of this box (forecast.h) from its catalogue and its disks: written down as state "retention"
 * for the api, and told to the ledger as storage.at_risk when it turns, and when it turns back.
 *
 * At risk: although everything past the floor is released, a disk fills within OUTLOOK_WARN_DAYS. That is
 * told long before the 7 days that the regulator is promised.
 * It decides as well which cameras are to record their smaller stream (economy.h), for keeper and recorder to do: while a
 * disk is away, and nobody knows its room, nothing changes.
 * Threads: the keeper's. Errors: 0 or negative; then nothing was written. */
#pragma once
#include "base/fs.h"
#include "conf/conf.h"
#include "indexer/catalog_write.h"

#define OUTLOOK_WARN_DAYS 30
#define OUTLOOK_CALM_DAYS 37   /* at risk no more when it fills later than this: not told to and fro */

struct outlook {
	struct fs *fs;
	struct clock *clock;
	const struct conf *conf;  /* borrowed */
	struct catalog *catalog;
	unsigned keep_days;       /* in force */
};
int outlook_step(const struct outlook *o);
/* The ids of the cameras that are to record their smaller stream, a new reference; NULL when nobody knows. */
json_t *outlook_economy(struct catalog *c);
