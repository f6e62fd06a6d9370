/* How long to wait before the next try: 1, 2, 4, 8, 15, 15 … s, each ± 20 % by chance, so that
 * cameras that fell together (a switch, a power cut) do not come back together. For ever.
 * Threads: its owner's. Memory: the caller's. */
#pragma once
#include <stdint.h>

struct backoff {
	uint32_t (*random)(void *arg); /* uniform over 32 bits; a test gives its own */
	void *arg;
	unsigned step;
};

void backoff_init(struct backoff *b, uint32_t (*random)(void *arg), void *arg);
unsigned backoff_next_ms(struct backoff *b);
void backoff_reset(struct backoff *b); /* after success */

uint32_t backoff_random(void *arg); /* the real one; arg is not used */
