/* What measurements of a camera mean for a person: each finding with its remedy, in lang(). Pure.
 *
 * Threads: any. Memory: the caller's array. */
#pragma once
#include "recorder/probe.h"

enum probe_level {
	PROBE_GOOD,
	PROBE_NOTE, /* should be known; nothing must be done */
	PROBE_WARN, /* can be recorded, but something should be changed */
	PROBE_BAD,  /* cannot be recorded as it is */
};

#define PROBE_FINDINGS_MAX 24
#define PROBE_TEXT_MAX 320

struct probe_finding {
	enum probe_level level;
	const char *id;            /* "key_frames", for machines */
	char text[PROBE_TEXT_MAX];
	const char *remedy;        /* static; NULL: none is needed */
};

/* In the order in which a camera is reached, understood and watched. Returns how many. */
unsigned probe_findings(const struct probe_result *r, struct probe_finding out[PROBE_FINDINGS_MAX]);
const char *probe_level_name(enum probe_level level); /* "good", "note", "warning", "bad" */
