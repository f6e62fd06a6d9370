/* Threads that work ahead of one: pieces are begun in the order in which they were given, by whichever thread is free, and
 * taken back in that order.
 *
 * Threads: every function is for the owner's thread; work() runs on the crew's, several at once. A crew of none works on
 *          the owner's thread, at crew_take(): for fakes that belong to one thread, and for exact order of calls.
 * Memory:  pieces are borrowed from crew_give() to crew_take(). crew_destroy() waits for those that are under way.
 * Errors:  a thread that cannot be made is done without. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct crew;
typedef void crew_work_fn(void *piece);

/* room: pieces that may be out at once, at least 1. */
struct crew *crew_create(unsigned threads, unsigned room, crew_work_fn *work);
bool crew_has_room(const struct crew *c);
void crew_give(struct crew *c, void *piece); /* only while there is room */
/* The oldest piece, done; NULL: none is out, or it is not done within wait_us (CREW_FOR_EVER). */
#define CREW_FOR_EVER INT64_MAX
void *crew_take(struct crew *c, int64_t wait_us);
unsigned crew_out(const struct crew *c);     /* pieces given and not taken back */
/* drop: for each piece that is still out, whether it was worked on or not. NULL: nothing. */
void crew_destroy(struct crew *c, void (*drop)(void *piece));
