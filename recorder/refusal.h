/* Whom the keeper wants not to be recorded (retention/share.h): believed for REFUSAL_US and written nowhere, so that without a
 * keeper everything is recorded. Threads: its owner's. Memory: take allocates, finish frees. */
#pragma once
#include "base/clock.h"

#include <jansson.h>

#define REFUSAL_US (60 * US_PER_S) /* the keeper says it again every 20 s: retention/share_watch.h */

struct refusal { /* all zero: nobody */
	json_t *cameras; /* an array of ids */
	struct mono at;
};

/* Whatever is no list of texts is ignored. */
void refusal_take(struct refusal *r, const json_t *cameras, struct mono now);
bool refusal_has(const struct refusal *r, const char *camera, struct mono now);
void refusal_finish(struct refusal *r);
