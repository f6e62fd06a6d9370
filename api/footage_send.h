/* Sends a planned answer to a socket, as far as that takes it: heads from memory, samples by sendfile(2) from the file
 * whose bytes were checked just before, which by then are the kernel's own copy in memory.
 *
 * Threads: blocking on files, never on the socket; made for a worker thread, one call at a time.
 * Memory:  the reader's. */
#pragma once
#include "api/footage_read.h"

#define FOOTAGE_TURN_BYTES (2u << 20) /* then others get the thread */

struct footage_send {
	struct footage_reader *reader;  /* borrowed */
	int to;                         /* a socket that does not block */
	uint64_t at, end;               /* of the answer's bytes still to be sent */
	struct footage_piece piece;     /* what stands ready at `at` */
	bool full, gone;                /* the socket takes no more now; the client left */
};

/* 0: a turn is over (full, gone, or more to come), or negative, as footage_read.h. `at` tells how far it came. */
int footage_send_turn(struct footage_send *s);
