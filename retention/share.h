/* What of the disks belongs to each camera: pure, no clock, no files, no database (design §7, Shares).
 *
 * A camera that writes more than SHARE_LEAST and SHARE_HABITS times its own habit for a whole minute is told; one that has a
 * smaller stream goes over to that. It is refused only when the disks would reach their reserves within SHARE_LASTS_S at the
 * rate of all, whatever it is that writes too much: first who is most above his habit, until the rest lasts. Who is within
 * his habit is never refused.
 *
 * Each comes back by itself: from the smaller stream after an hour, from a refusal after ten minutes, doubled each time up
 * to a day and an hour; from a refusal at once when there is room for twice as long.
 *
 * Threads: any. Memory: the caller's. Units: bytes, bytes a second, seconds. */
#pragma once
#include "base/clock.h"

#define SHARE_LEAST (20e6 / 8)          /* bytes a second: 20 Mbit/s */
#define SHARE_HABITS 4
#define SHARE_LASTS_S 86400.0
#define SHARE_ROOMY_S (2 * SHARE_LASTS_S)
#define SHARE_CALM_US (3600 * US_PER_S) /* so long within his habit: told no more */
#define SHARE_SUB_MAX_US US_PER_DAY
#define SHARE_REFUSED_US (600 * US_PER_S)
#define SHARE_REFUSED_MAX_US (3600 * US_PER_S)
#define SHARE_FORGET_US US_PER_DAY      /* so long without a fault: it begins with the shortest times again */

#define SHARE_VERDICTS(X) X(FINE, "fine") X(TOLD, "told") X(SUB, "sub") X(REFUSED, "refused")

enum share_verdict {
#define X(name, text) SHARE_##name,
	SHARE_VERDICTS(X)
#undef X
	SHARE_VERDICT_COUNT
};
const char *share_verdict_name(enum share_verdict v);
int share_verdict_parse(const char *name, enum share_verdict *out); /* 0 or -EINVAL */

struct share_camera { /* all zero: fine, nothing known */
	const char *id;
	double rate;                    /* written through the last minute, at the least; 0: not known for that long */
	double mean;                    /* its part of what all write now */
	double habit;                   /* the median of seven days; 0: not known */
	bool has_sub;
	enum share_verdict verdict;     /* until then; share_decide() changes it */
	struct mono since, over_at;     /* of the verdict; when it was last over its share */
	double wrote;                   /* when it was last over */
	unsigned times;                 /* it was put on the smaller stream, or refused */
};

double share_limit(const struct share_camera *c);
bool share_is_over(const struct share_camera *c);
/* room: above the reserves, with what may be deleted; negative: nobody knows, and nobody is refused. Returns for how many
 * seconds it lasts, with what was decided; INFINITY: for ever, or nobody knows. */
double share_decide(struct share_camera *cameras, size_t count, double room, struct mono now);
