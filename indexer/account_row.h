/* The small questions that the accounting asks of the catalogue. Inside accounting_*.c only. */
#pragma once
#include "accounting.h"
#include "catalog_internal.h"
#include "gap.h"

struct account {
	char camera[CATALOG_ID_MAX];
	int64_t configured_at, enrolled_at, retired_at, frontier;
	bool configured, enrolled, up, retired;
};

/* -ENOENT: no such camera. */
int account_load(struct catalog *c, const char *camera, struct account *out);
int account_set_up(struct catalog *c, const char *camera, bool up);
int account_set_frontier(struct catalog *c, const char *camera, int64_t frontier);
int account_enrol(const struct accounting *a, struct account *acc, int64_t at);

/* Calls fn for each camera that is obliged, or whose obligation is not tiled to its end yet. */
typedef int account_fn(const struct accounting *a, struct account *acc, int64_t arg);
int account_each(const struct accounting *a, account_fn *fn, int64_t arg);

/* t, or, if t lies in coverage or in a closed gap, where those end. */
int account_covered_until(struct catalog *c, const char *camera, int64_t *t);
/* The end of what is known of the time up to `at`: coverage, closed gaps, else the obligation's start. */
int account_known_until(struct catalog *c, const struct account *acc, int64_t at, int64_t *out);
/* An open gap reaches to `until`: it makes way for footage that lies there already. */
int account_gap_goes_on(const struct accounting *a, const char *camera, int64_t until);
/* Of a hole that the recorder's absence does not explain. */
int account_hole_cause(struct catalog *c, const char *camera, int64_t start, int64_t end, const char **cause);
/* Holes of lives that are over, once no file of theirs is awaited any more. */
int account_settle_past(const struct accounting *a, const struct account *acc);
/* A camera that has lived before begins or ends to do so again. */
int account_life_begin(const struct accounting *a, const char *camera, int64_t start);
int account_life_end(const struct accounting *a, const char *camera, int64_t end);
/* Something was lost up to `end`. If that is still to come, it was an earlier life that lost it. */
int account_lost_past(const struct accounting *a, const char *camera, int64_t end);
