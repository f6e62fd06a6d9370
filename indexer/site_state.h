/* The numbers that the keeper goes by, of the table `state`: read once when a transaction begins, which fails if one of them
 * cannot be read; from then on they lie in memory, follow what is written, and go back when the transaction does. So no
 * question about them can fail, and none can take for 0 what could not be read.
 *
 * Threads: the keeper's. Errors: 0 or negative. Times: µs, UTC unless said otherwise. */
#pragma once
#include "indexer/db.h"

struct site_state {
	int64_t settled_at;      /* the keeper has its word on all time until then */
	int64_t lived_until;     /* the latest that any life of the clock saw */
	int64_t clock_offset;    /* wall − boottime, by the last record */
	int64_t witnessed_us;    /* how long the box was seen to live (witness.h) */
	int64_t witness_up;      /* boottime of the last record; 0: of another boot */
	int64_t stepped_up;      /* boottime when the clock stepped last */
	int64_t journal_offset;
	int64_t recovering, rebuilding; /* flags */
	int64_t offload_awaited, offload_found; /* object_take.h */
};

int site_state_load(struct db *db, struct site_state *out);
/* That key was set; it may be none of these. */
void site_state_note(struct site_state *s, const char *key, const char *value);
/* All of the text is a whole number; "" is 0. */
bool site_state_number(const char *text, int64_t *out);
