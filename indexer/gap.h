/* Gap rows, each change with its ledger entry. Rows are never merged and never deleted; what later
 * word narrows keeps its row, and says so again in the ledger. Inside a transaction. */
#pragma once
#include "indexer/catalog_write.h"

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
int gap_open(struct catalog *c, struct wall now, const char *camera, int64_t start, const char *cause,
	     const char *detail);
/* Opened and closed at once: what is known only afterwards. */
int gap_add(struct catalog *c, struct wall now, const char *camera, int64_t start, int64_t end, const char *cause,
	    const char *detail);
/* At end, or at its own start if that is later. */
int gap_close(struct catalog *c, struct wall now, const struct gap *g, int64_t end);
/* Another cause, or another fact about it, while it lasts. */
int gap_note(struct catalog *c, struct wall now, const struct gap *g, const char *cause, const char *detail);
/* What was known too early is put right: new bounds within or, after a step of the clock, before the old. */
int gap_correct(struct catalog *c, struct wall now, const struct gap *g, int64_t start, int64_t end);
