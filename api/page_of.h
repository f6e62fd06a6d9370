/* Lists in pages: ?limit and the opaque ?cursor (a number of ours in base 36, so that nobody does
 * arithmetic with it), and `next` in the answer. */
#pragma once
#include "api/call.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000

struct page_of {
	json_t *list;
	int64_t after;          /* from the cursor; INT64_MIN: from the beginning */
	int64_t last;           /* of the row that was put in last */
	unsigned limit;
	bool more;              /* a row beyond the limit was seen */
};

int page_of_begin(struct page_of *p, struct call *c); /* -1 with the problem set */
/* Puts a row (taken) under its number; 1 when the page is full and the walk shall end. */
int page_of_add(struct page_of *p, int64_t number, json_t *row);
json_t *page_of_end(struct page_of *p, const char *name); /* {name: […], next: "…"|null} */
