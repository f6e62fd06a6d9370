/* Gap rows, each change with its ledger entry. Rows are never merged and never deleted; what later
 * word narrows keeps its row, and says so again in the ledger. Inside a transaction.
 *
 * A hole under GAP_LEAST_US is no gap (tiles.h). That one was opened is told with the commit, so one that the same
 * transaction narrows to less was never there; one that was told before is withdrawn: `gap.withdrawn`, and its row is
 * an empty one. Of a camera that flaps the later ones are told together (gap_gather.h). */
#pragma once
#include "indexer/catalog_write.h"
#include "tiles.h"

#define GAP_LEAST_US TILE_LEAST_US

struct gap {
	int64_t id, start, end;
	bool open; /* then end is INT64_MAX */
	char camera[CATALOG_ID_MAX], cause[24], detail[200];
};

json_t *wall_json(int64_t us); /* RFC 3339 */

/* 0; -ENOENT: none is open. */
int gap_find_open(struct catalog *c, const char *camera, struct gap *out);
/* The first, by start and then id, after (start, id) that ends after `from`. -ENOENT: no more. */
int gap_find_next(struct catalog *c, const char *camera, int64_t from, int64_t start, int64_t id, struct gap *out);
/* The first that ends at `start` or begins at `end`. -ENOENT: none. */
int gap_find_touching(struct catalog *c, const char *camera, int64_t start, int64_t end, struct gap *out);
int gap_open(struct catalog *c, struct wall now, const char *camera, int64_t start, const char *cause,
	     const char *detail);
/* Opened and closed at once: what is known only afterwards. */
int gap_add(struct catalog *c, struct wall now, const char *camera, int64_t start, int64_t end, const char *cause,
	    const char *detail);
/* Tells the ledger of those that were opened. Before each commit. */
int gap_tell(struct catalog *c);
int gap_close(struct catalog *c, struct wall now, const struct gap *g, int64_t end);
/* Another cause, or another fact about it, while it lasts. */
int gap_note(struct catalog *c, struct wall now, const struct gap *g, const char *cause, const char *detail);
/* What was known too early is put right: new bounds within or, after a step of the clock, before the old. */
int gap_correct(struct catalog *c, struct wall now, const struct gap *g, int64_t start, int64_t end);
