/* What a camera does now: the recorder's last word on it, and the gap of it that is open in the catalogue. Whoever tells a
 * state (/cameras, the command line, the page, /metrics) asks here, so that state and open gap cannot disagree: in a gap it is
 * `down` whatever the recorder says, until the keeper has seen footage and ended the gap.
 *
 * Threads: loop. Memory: everything is borrowed from the api or the row. */
#pragma once
#include "api/call.h"

struct live {
	const char *state;      /* recording, starting, down; retired; unknown: nobody tells */
	const char *cause;      /* of a gap cause (base/cause.h); NULL: none */
	bool has_since;
	struct wall since;      /* of a gap that is open: its start */
	int64_t gap;            /* its number; 0: none is open */
	const json_t *told;     /* all that the recorder said; NULL: nothing */
};

/* The recorder says every second how things are; what is older than this nobody knows. */
#define LIVE_AGE_US (3 * US_PER_S)
bool live_is_heard(const struct api *a);

void live_of(const struct api *a, const struct catalog_camera *row, struct live *out);
bool live_is_recording(const struct live *l);
/* {state, since, cause, gap, …}: what is known, as members of *o. */
void live_add(const struct live *l, json_t *o);
