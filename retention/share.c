#include "retention/share.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const char *const names[] = {
#define X(name, text) text,
	SHARE_VERDICTS(X)
#undef X
};

const char *share_verdict_name(enum share_verdict v)
{
	return names[v];
}

int share_verdict_parse(const char *name, enum share_verdict *out)
{
	for (int i = 0; i < SHARE_VERDICT_COUNT; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum share_verdict)i;
			return 0;
		}
	return -EINVAL;
}

/* --- one camera -------------------------------------------------------------------------------- */

double share_limit(const struct share_camera *c)
{
	return fmax(SHARE_LEAST, SHARE_HABITS * c->habit);
}

bool share_is_over(const struct share_camera *c)
{
	return c->rate > share_limit(c);
}

/* By how much of his habit; of a newcomer's, what it would have to be for the least limit. */
static double excess(const struct share_camera *c)
{
	return c->rate / (c->habit > 0 ? c->habit : SHARE_LEAST / SHARE_HABITS);
}

static void turn(struct share_camera *c, enum share_verdict v, struct mono now)
{
	c->verdict = v;
	c->since = now;
	c->times += v >= SHARE_SUB;
}

static int64_t doubled(int64_t us, unsigned times, int64_t max_us)
{
	for (unsigned i = 1; i < times && us < max_us; i++)
		us *= 2;
	return us < max_us ? us : max_us;
}

static void note_rate(struct share_camera *c, struct mono now)
{
	if (share_is_over(c)) {
		c->over_at = now;
		c->wrote = c->rate;
	} else if (c->verdict == SHARE_FINE && now.us - c->since.us >= SHARE_FORGET_US) {
		c->times = 0;
	}
}

static void let_back(struct share_camera *c, double lasts_with_it, struct mono now)
{
	int64_t quiet = now.us - c->over_at.us;

	if (c->verdict == SHARE_REFUSED &&
	    (lasts_with_it > SHARE_ROOMY_S ||
	     now.us - c->since.us >= doubled(SHARE_REFUSED_US, c->times, SHARE_REFUSED_MAX_US))) {
		turn(c, SHARE_TOLD, now);
		c->over_at = now;
	} else if ((c->verdict == SHARE_TOLD && quiet >= SHARE_CALM_US) ||
		   (c->verdict == SHARE_SUB && quiet >= doubled(SHARE_CALM_US, c->times, SHARE_SUB_MAX_US))) {
		turn(c, SHARE_FINE, now);
	}
}

/* What it is told may help: then it is not refused in the same look. */
static void tell(struct share_camera *c, struct mono now)
{
	if (!share_is_over(c) || c->verdict >= SHARE_SUB)
		return;
	if (c->has_sub) {
		turn(c, SHARE_SUB, now);
		c->mean = c->habit;
		c->rate = 0;
	} else if (c->verdict == SHARE_FINE) {
		turn(c, SHARE_TOLD, now);
	}
}

/* --- all of them --------------------------------------------------------------------------------- */

static double lasts(const struct share_camera *cameras, size_t count, double room, double more)
{
	double sum = more;

	for (size_t i = 0; i < count; i++)
		sum += cameras[i].verdict == SHARE_REFUSED ? 0 : cameras[i].mean;
	return room < 0 || sum <= 0 ? INFINITY : room / sum;
}

static struct share_camera *worst(struct share_camera *cameras, size_t count)
{
	struct share_camera *w = NULL;

	for (size_t i = 0; i < count; i++) {
		struct share_camera *c = &cameras[i];
		if (share_is_over(c) && c->verdict != SHARE_REFUSED && (!w || excess(c) > excess(w)))
			w = c;
	}
	return w;
}

double share_decide(struct share_camera *cameras, size_t count, double room, struct mono now)
{
	struct share_camera *w;

	for (size_t i = 0; i < count; i++)
		note_rate(&cameras[i], now);
	for (size_t i = 0; i < count; i++)
		let_back(&cameras[i], lasts(cameras, count, room, cameras[i].wrote), now);
	for (size_t i = 0; i < count; i++)
		tell(&cameras[i], now);
	while (lasts(cameras, count, room, 0) < SHARE_LASTS_S && (w = worst(cameras, count)) != NULL)
		turn(w, SHARE_REFUSED, now);
	return lasts(cameras, count, room, 0);
}
