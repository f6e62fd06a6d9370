/* Taking back what only the object store has of this site: see object_take.c.
 *
 * Threads, errors: the keeper's; in its transaction. -EAGAIN: not yet; -EINVAL, -EBADMSG: never. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

struct indexer;

/* is_new: this catalogue has just been made. */
int object_take_begin(struct indexer *ix, bool is_new);
/* The catalogue is new, and what the store has of the time before is still to come: no hole is judged. */
bool object_take_is_awaited(struct indexer *ix);
int object_take(struct indexer *ix, const json_t *args);     /* object.found */
int object_take_end(struct indexer *ix, const json_t *args); /* object.listed: {"place"}; the bucket was listed to its end */
