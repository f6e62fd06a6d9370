#include "area_union.h"

#include "base/buf.h"

#include <stdlib.h>

static void edge(struct area_union *u, int64_t at, int obliged, int recorded)
{
	if (u->count == u->room) {
		u->room = u->room ? u->room * 2 : 64;
		u->edges = xrealloc(u->edges, u->room * sizeof *u->edges);
	}
	u->edges[u->count++] = (struct area_edge){at, obliged, recorded};
}

void area_union_add(struct area_union *u, const struct tile *t)
{
	int recorded = t->state == TILE_RECORDED;

	if (!recorded && t->state != TILE_GAP)
		return;
	edge(u, t->start.us, 1, recorded);
	edge(u, t->end.us, -1, -recorded);
}

static int by_time(const void *a, const void *b)
{
	int64_t x = ((const struct area_edge *)a)->at, y = ((const struct area_edge *)b)->at;

	return x < y ? -1 : x > y;
}

/* Adds the gap that ends at `end`, if one has begun. */
static void gap_ends(struct coverage *out, int64_t *since, int64_t end)
{
	if (*since < 0)
		return;
	out->gaps++;
	if (end - *since > out->longest_gap_us)
		out->longest_gap_us = end - *since;
	*since = -1;
}

void area_union_sum(struct area_union *u, struct coverage *out)
{
	int obliged = 0, recorded = 0;
	int64_t gap_since = -1;

	*out = (struct coverage){0};
	if (u->count)
		qsort(u->edges, u->count, sizeof *u->edges, by_time);
	for (unsigned i = 0; i < u->count; i++) {
		int64_t length = i ? u->edges[i].at - u->edges[i - 1].at : 0;
		if (obliged)
			out->obliged_us += length;
		if (recorded)
			out->covered_us += length;
		if (length > 0 && obliged && !recorded && gap_since < 0)
			gap_since = u->edges[i - 1].at;
		if (length > 0 && (recorded || !obliged))
			gap_ends(out, &gap_since, u->edges[i - 1].at);
		obliged += u->edges[i].obliged;
		recorded += u->edges[i].recorded;
	}
	if (u->count)
		gap_ends(out, &gap_since, u->edges[u->count - 1].at);
}

void area_union_finish(struct area_union *u)
{
	free(u->edges);
	*u = (struct area_union){0};
}
