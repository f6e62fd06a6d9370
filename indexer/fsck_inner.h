/* What the parts of fsck share: one walk over the catalogue and the roots. */
#pragma once
#include "indexer/catalog.h"
#include "indexer/fsck.h"
#include "media/segment.h"

#include <jansson.h>

struct crew;

/* The file of a row, as a thread that looks at it finds it. */
struct fsck_look {
	char camera[SEAL_NAME_MAX];
	struct wall start;
	int64_t bytes;
	uint64_t sequence;
	uint8_t digest[SHA256_BYTES];
	char *path;
	int fd;                         /* open only until it was decoded; negative: it cannot be opened */
	bool sized;                     /* it has the size that the row says */
	int rc;                         /* full: of the scan */
	struct segment_scan scan;
};

/* Files that a thread looks at one after another: handing a small one over costs as much as looking at it. */
struct fsck_batch {
	const struct fsck_walk *w;
	unsigned count;
	struct fsck_look looks[];
};

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
	struct crew *crew;
	struct fsck_batch *batch;       /* not given to the crew yet; NULL: none */
};

__attribute__((format(printf, 2, 3)))
void fsck_find(struct fsck *f, const char *fmt, ...);
/* While the server runs: whether the catalogue has that file now, as rows come and go while the view is open. False if it
 * cannot be asked. */
bool fsck_ask_again(struct fsck_walk *w, const char *camera, struct wall start, const char *path, bool *there);
/* fsck_rows.c: the row's file is looked at, and judged later, in the order of the rows; all that were given are judged. */
void fsck_row(struct fsck_walk *w, const struct catalog_segment *s, const char *path);
void fsck_rows_judge(struct fsck_walk *w);
/* The row whose place in the chain comes next was looked at: before one that has no file, judge those that were given. */
void fsck_note_row(struct fsck_walk *w, const char *camera, uint64_t sequence, const uint8_t digest[SHA256_BYTES]);
void fsck_rows_begin(struct fsck_walk *w);
void fsck_rows_finish(struct fsck_walk *w);
/* Every file under archive/ that no row told of; after a clean stop also what is left in incoming/. */
void fsck_root(struct fsck_walk *w, const char *root);
