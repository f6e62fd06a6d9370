/* The truth log: what the simulated cameras really did, one JSON line per event.
 *
 * Tests compare a recorder's claims with it, so a line is written at once (one
 * write(2), O_APPEND) and a log that cannot be written makes the program fail.
 * A picture is logged just before it is sent: whoever has received it finds it here.
 * Every line has "t" (the event), "camera" and "at_us" (wall clock, UTC, µs).
 *
 * Threads: loop thread only. Memory: the struct is the caller's. */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct truth {
	int fd;      /* -1: no log was asked for */
	bool failed; /* a line was lost: the process must not end with 0 */
};

int truth_open(struct truth *t, const char *path, struct err *e); /* path NULL: no log */
void truth_close(struct truth *t);

/* members: the rest of the JSON object, "\"n\":1,…", or "" for none. Names and
 * values must need no JSON escapes. */
__attribute__((format(printf, 4, 5)))
void truth_line(struct truth *t, const char *event, const char *camera, const char *members, ...);

struct truth_frame { int64_t clock_us; uint64_t number; bool key; size_t bytes; };
void truth_frame(struct truth *t, const char *camera, const struct truth_frame *f);
