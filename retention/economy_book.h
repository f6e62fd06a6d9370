/* What is remembered of each camera that has a smaller stream (economy.h): which one it was told to record, since when,
 * and what each costs. In the catalogue as state "economy":
 *
 *	{"CAMERA": {"economy": bool, "since": wall µs, "full": bytes a day, "small": bytes a day}}
 *
 * Each change is told to the ledger as camera.economy, with the forecast that led to it. What a stream costs is measured
 * on its own footage since the change; until there is enough of it, what was measured the last time counts, and of a
 * smaller stream that was never seen, ECONOMY_GUESS of the usual one.
 *
 * Threads: the keeper's. Memory: load allocates, finish frees. Errors: 0 or negative. */
#pragma once
#include "indexer/catalog_write.h"
#include "retention/economy.h"

#include <jansson.h>

#define ECONOMY_GUESS 0.25
#define ECONOMY_PATTERN_DAYS 28 /* so long after a change the weekly pattern is that of another stream */

struct economy_book {
	struct catalog *catalog;
	struct wall now;
	json_t *cameras;
};
int economy_book_load(struct economy_book *b, struct catalog *c, struct wall now);
void economy_book_finish(struct economy_book *b);
/* c->full holds the pattern of the last weeks, whatever stream that was; puts in what each stream costs. */
int economy_book_fill(struct economy_book *b, struct economy_camera *c);
/* Notes and tells what economy_decide() changed. Inside a transaction. */
int economy_book_write(struct economy_book *b, const struct economy_camera *cameras, size_t count,
		       const struct forecast *before, const struct forecast *after);
/* The ids of those that are to record the smaller stream, sorted: a new reference. */
json_t *economy_book_list(const struct economy_book *b);
