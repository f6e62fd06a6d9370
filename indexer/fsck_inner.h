/* What the parts of fsck share: one walk over the catalogue and the roots. */
#pragma once
#include "indexer/catalog.h"
#include "indexer/fsck.h"
#include "media/seal_keys.h"

#include <jansson.h>

struct fsck_walk {
	struct fsck *f;
	struct catalog *catalog;
	struct seal_keys *keys;         /* full only */
	struct fsck_progress progress;
	bool running, stopped_clean;
	json_t *expected;               /* path → 1 (row), 2 (garbage) or 3 (copy) */
	json_t *newest;                 /* camera → highest sequence of its rows: the index mark */
	uint64_t sequence;              /* of the row before, of the same camera */
	uint8_t digest[SHA256_BYTES];
	bool chained;                   /* the two above are set */
};

__attribute__((format(printf, 2, 3)))
void fsck_find(struct fsck *f, const char *fmt, ...);
/* While the server runs: whether the catalogue has that file now, as rows come and go while the view is open. False if it
 * cannot be asked. */
bool fsck_ask_again(struct fsck_walk *w, const char *camera, struct wall start, const char *path, bool *there);
/* Every file under archive/ that no row told of; after a clean stop also what is left in incoming/. */
void fsck_root(struct fsck_walk *w, const char *root);
