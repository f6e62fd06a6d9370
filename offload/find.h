/* Footage of this site that is in the bucket and in no catalogue: it was lost with the catalogue, and its files here are gone.
 * The bucket is listed to its end, page after page; what the catalogue does not know is read whole (by ranges, in constant
 * memory) and told to the keeper, which judges it by its seal (indexer/object_take.c).
 *
 *	find_list() a page ─▶ find_next() a version that nobody knows ─▶ find_read() ─▶ the keeper is told ─▶ … ─▶ next page
 *
 * Threads: find_list(), find_read(): any, blocking; the rest the owner's. Memory: find_finish(). */
#pragma once
#include "indexer/catalog.h"
#include "offload/listing.h"
#include "offload/store.h"

#include <jansson.h>

struct find_job {
	struct store *store;            /* borrowed, as all that is given */
	const char *site, *place;
	unsigned floor_days;
	/* the page at hand */
	struct listing page;
	unsigned at;
	char *after_key, *after_version;
	bool ended;                     /* there is no further page */
	/* the version at hand */
	char camera[CATALOG_ID_MAX];
	struct wall start;
	const struct listing_item *item;
	json_t *args;                   /* of object.found; NULL: it is no footage of ours, or not locked */
	const char *wrong;              /* then: why */
	enum store_trouble trouble;     /* of the last call */
};

void find_list(struct find_job *f);
/* 1: item is one, 0: the page is done, or negative: the catalogue does not say. */
int find_next(struct find_job *f, struct catalog *c);
void find_read(struct find_job *f);
void find_finish(struct find_job *f); /* all; the next listing begins anew */
