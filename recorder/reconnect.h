/* When a camera that failed is tried again. Pure.
 *
 *   lost      1, 2, 4, 5, 5 … s after the try before began, for ever; and a second after its end at the least
 *   full      15 s: it has no room for one more viewer, and asking makes none
 *   login     15 s, 1, 5, 30, 30 … min: cameras lock the account of who guesses
 *
 * Each is made 10 to 30 % shorter by chance, so that cameras that fell together do not come back together; and so
 * that the try itself and the first picture fit into the 5 s, too.
 * Threads: its owner's. Memory: the caller's. */
#pragma once
#include <stdint.h>

enum reconnect_why { RECONNECT_LOST, RECONNECT_FULL, RECONNECT_LOGIN };

struct reconnect {
	uint32_t (*random)(void *arg); /* uniform over 32 bits; a test gives its own */
	void *arg;
	unsigned lost, refused;        /* tries that failed so, since pictures were recorded */
};

void reconnect_init(struct reconnect *r, uint32_t (*random)(void *arg), void *arg);
/* How long to wait from now, after a try that took so long. */
int64_t reconnect_wait_us(struct reconnect *r, enum reconnect_why why, int64_t took_us);
void reconnect_reset(struct reconnect *r); /* after success, or when a person wants it */
