/* Obligation − coverage = gaps, exactly, for each camera (design §1, §6).
 *
 * Facts come in the journal's order; each call changes rows and writes the ledger inside the caller's
 * transaction. The state of a camera is its rows and nothing else: obligation, span, gap, account
 * (frontier, up), restart. What lies before the frontier is tiled for good by spans and gaps; a hole
 * behind it is looked at by account_settle(), when no file that could fill it is awaited any more.
 *
 * Rules:
 *  - An obligation begins with the first outcome: at the start of footage, or, if that is a failure, when
 *    the camera was configured. It ends when the camera leaves the configuration; a camera that
 *    comes back begins another.
 *  - `down` opens a gap at `since`, or where coverage known beyond it ends; a further `down` is history.
 *    `up`, or coverage while up, ends it.
 *  - A new recorder run leaves, for each camera that was not down, ONE gap recorder_down from the last
 *    coverage to the first word on it: judged when recovery is finished.
 *  - A silent recorder: recorder_down opens at the last coverage. Recovered footage moves starts right.
 *  - `lost` makes a gap of what a file that was closed did not keep.
 *  - Coverage that arrives late narrows gaps; it splits one in two rather than overlap it.
 *  - The clock stepped back from W to B: time from B on is lived again. As it goes by, what the earlier life
 *    covered of it is taken away and the present one must cover it anew (life.h). Gaps of the earlier life stay
 *    where they are; one that was open ends at W and goes on at B.
 *  - The clock stepped forward out of a time before ACCOUNT_EARLIEST (a box that booted in 1970): an
 *    obligation that began in it moves along.
 *  - What claims time that has not come yet is no coverage, today or later (belief.h).
 *  - A hole that no fact explains: stream_unusable where such a claim lies, footage_damaged where a file was put aside, storage_failed where a disk was in
 *    trouble and the recorder died of or beside it, else footage_missing.
 *
 * Threads: the catalogue's. Errors: as the catalogue's. */
#pragma once
#include "indexer/catalog_write.h"

struct accounting {
	struct catalog *catalog; /* in a transaction of the caller */
	struct wall now;         /* for the ledger's `at` */
	bool stepped;            /* the clock was set a moment ago: a file's end does not tell how old it is */
	struct wall own_until;   /* how far the present life has come by the keeper's own clock (belief.h); 0: nobody can tell */
	bool own_life;           /* of this boot: the keeper sees it end, too */
};

/* 2026-01-01: nothing of ours ran before. A clock that shows less has not been set yet. */
#define ACCOUNT_EARLIEST_US (INT64_C(1767225600) * US_PER_S)

/* A file whose growth nobody told of for this long is not awaited. */
#define ACCOUNT_AWAIT_US (60 * US_PER_S)

int account_configure(const struct accounting *a, const char *camera, const char *name, const char *area);
int account_retire(const struct accounting *a, const char *camera);

/* before: life_before() of the file, LIFE_NONE for one that is being made now. */
int account_covered(const struct accounting *a, const char *camera, int64_t before, struct wall start, struct wall end);
/* The same of a file, by the sequence of its seal (INT64_MAX: none yet). */
int account_covered_by_file(const struct accounting *a, const char *camera, int64_t sequence, struct wall start, struct wall end);
/* What was believed of a file's [start, end) is not so: what nothing else holds of it is a hole, and the gap that was to begin
 * behind it begins in it. */
int account_take_back(const struct accounting *a, const char *camera, struct wall start, struct wall end);
int account_up(const struct accounting *a, const char *camera, struct wall start);
int account_down(const struct accounting *a, const char *camera, struct wall since, const char *cause,
		 const char *detail);

/* Of [start, end), what is neither covered nor a gap is one now. */
int account_lost(const struct accounting *a, const char *camera, struct wall start, struct wall end,
		 const char *cause, const char *detail);

/* These go over all obliged cameras. */
int account_restart(const struct accounting *a, struct wall at);
int account_silent(const struct accounting *a, struct wall settled_at);
/* Time went by to `to`, which is later than before: the catalogue's "settled_at" is now there. */
int account_live(const struct accounting *a, struct wall to);
/* The clock was set back; "settled_at", where it stood, is `to` now. */
int account_clock_back(const struct accounting *a, struct wall to);
/* The clock was set forward by step_us; the same. */
int account_clock_forward(const struct accounting *a, struct wall to, int64_t step_us);
/* Judges holes up to where certainty reaches. Not while recovery is running. */
int account_settle(const struct accounting *a, struct wall settled_at);
