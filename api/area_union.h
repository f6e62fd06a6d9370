/* The coverage of an area: obliged while at least one of its cameras is, covered while at least one
 * of them recorded. Pure.
 *
 * Threads: any. Memory: area_union_finish() frees. Time: UTC microseconds, half-open. */
#pragma once
#include "indexer/catalog.h"

struct area_edge { int64_t at; int obliged, recorded; };
struct area_union { struct area_edge *edges; unsigned count, room; };

void area_union_add(struct area_union *u, const struct tile *t);
/* Sums; gaps counts the stretches that are obliged and not covered. Sorts the edges. */
void area_union_sum(struct area_union *u, struct coverage *out);
void area_union_finish(struct area_union *u);
