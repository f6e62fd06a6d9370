/* A page of what a bucket holds, as the store's XML of ListObjectVersions says: strict and small, because the answer is
 * hostile until parsed. Elements that are not asked for are passed over; markup in a text, a document type, a key that is
 * too long or a number that is none make it -EBADMSG.
 *
 * Threads: any. Memory: listing_finish(). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTING_MAX 1000
#define LISTING_TEXT_MAX 1025 /* of a key or a version */

struct listing_item { char *key, *version; int64_t bytes; };

struct listing {
	struct listing_item items[LISTING_MAX]; /* versions, in the store's order; not the marks of deletions */
	unsigned count;
	bool more;
	char *next_key, *next_version;  /* where the next page begins; NULL at the end */
};

int listing_parse(const char *xml, size_t len, struct listing *out); /* 0 or -EBADMSG */
void listing_finish(struct listing *l);
