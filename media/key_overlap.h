/* The site keys of before, which sign beside the one in force for a while: who checks a signature needs time to learn a
 * new key.
 *
 * Threads: as key_change.h. Errors: negative: something could not be read or removed; nothing was judged by that. */
#pragma once
#include "base/clock.h"
#include "base/crypto.h"
#include "base/fs.h"

#define KEY_OVERLAP_DAYS 30

/* Destroys the private keys whose overlap is over, and copies that no hand-over explains. *count: how many. */
int key_overlap_end(struct fs *fs, const char *state, struct wall now, unsigned *count);
/* The private keys that sign beside the one in force, newest first; at most `max`, to be destroyed by the caller. */
int key_overlap_load(struct fs *fs, const char *state, struct wall now, struct key **out, unsigned max, unsigned *count);
