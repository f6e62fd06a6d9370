#include "recorder/timeline.h"

#include "base/bound.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_INTERVAL_US (40 * US_PER_MS)
#define SETTLING_US (10 * US_PER_S)
#define SETTLING_EARLY_US (1 * US_PER_MS)
#define EARLY_US (250 * US_PER_MS)
#define LATE_US (1 * US_PER_S)
#define HOLE_US (1 * US_PER_S)
#define HOLES_MAX 8                 /* in a row: of further ones no heap makes a delay */
#define WINDOW_US (4 * US_PER_S)
#define REORDER_US (1 * US_PER_S)
#define CROWD 64                    /* by so many frames the room that is left is shared */
#define STUCK_MAX 3
#define DISTRUST_WITHIN_US (120 * US_PER_S)
#define DISTRUST_FOR_US (600 * US_PER_S)
#define REBASE_S 3600
#define INTERVAL_MAX_US (60 * US_PER_S)
#define INTERVALS_SURE 5            /* of fewer, one silence could be the median, and hide the next one */
#define UNSURE_MAX_US (500 * US_PER_MS)

void timeline_init(struct timeline *t, uint32_t clock_rate, int64_t not_before_us)
{
	*t = (struct timeline){.clock_rate = clock_rate, .last_us = INT64_MIN, .bound_us = not_before_us};
}

void timeline_not_before(struct timeline *t, int64_t us)
{
	t->bound_us = max64(t->bound_us, us);
}

void timeline_restart(struct timeline *t)
{
	t->begun = false;
}

/* --- the anchor --------------------------------------------------------------------- */

/* Elapsed RTP time stays small, so that no product overflows however long the run is. */
static void rebase(struct timeline *t, int64_t ticks)
{
	int64_t whole = (int64_t)t->clock_rate * REBASE_S;

	if (ticks - t->base_ticks < whole)
		return;
	int64_t times = (ticks - t->base_ticks) / whole;
	t->base_ticks += times * whole;
	t->anchor_us += times * REBASE_S * US_PER_S;
	for (unsigned i = 0; i < TIMELINE_WINDOWS; i++)
		t->least_us[i] += times * REBASE_S * US_PER_S;
}

static int64_t elapsed_us(const struct timeline *t, int64_t ticks)
{
	return (ticks - t->base_ticks) * US_PER_S / t->clock_rate;
}

static void anchor_at(struct timeline *t, int64_t ticks, int64_t arrival_us)
{
	t->base_ticks = t->newest_ticks = ticks;
	t->anchor_us = arrival_us;
	t->window_start_us = arrival_us;
	for (unsigned i = 0; i < TIMELINE_WINDOWS; i++)
		t->least_us[i] = arrival_us;
	t->stuck = 0;
	t->recent_count = 0;
}

static void begin(struct timeline *t, int64_t ticks, int64_t arrival_us)
{
	t->begun = true;
	t->began_us = t->last_arrival_us = t->even_since_us = arrival_us;
	t->distrust_until_us = INT64_MIN;
	for (unsigned i = 0; i < 3; i++)
		t->jumps_us[i] = INT64_MIN;
	t->holes = 0;
	t->depth = 0;
	if (t->bound_us > arrival_us + TIMELINE_AHEAD_US)
		t->bound_us = INT64_MIN;
	anchor_at(t, ticks, arrival_us);
}

/* The timestamps contradict the arrivals: the frame is where it arrived. */
static void jump(struct timeline *t, int64_t ticks, int64_t arrival_us)
{
	int64_t third = t->jumps_us[0];

	t->jumps_us[0] = t->jumps_us[1];
	t->jumps_us[1] = t->jumps_us[2];
	t->jumps_us[2] = arrival_us;
	if (third != INT64_MIN && arrival_us - third < DISTRUST_WITHIN_US)
		t->distrust_until_us = arrival_us + DISTRUST_FOR_US;
	anchor_at(t, ticks, arrival_us);
}

static void note_delay(struct timeline *t, int64_t wish_us, int64_t arrival_us)
{
	if (arrival_us - t->window_start_us >= WINDOW_US) {
		t->window_start_us = arrival_us;
		memmove(t->least_us + 1, t->least_us, (TIMELINE_WINDOWS - 1) * sizeof t->least_us[0]);
		t->least_us[0] = wish_us;
	}
	t->least_us[0] = min64(t->least_us[0], wish_us);
}

static int64_t least_of(const struct timeline *t, unsigned windows)
{
	int64_t least = t->least_us[0];

	for (unsigned i = 1; i < windows; i++)
		least = min64(least, t->least_us[i]);
	return least;
}

/* A network that stands still makes frames late, too, but then they come in heaps with holes between; what
 * is late at an even pace was stamped so, however slow that pace is: holes alone are no heap. */
static bool is_late_for_good(struct timeline *t, int64_t arrival_us)
{
	int64_t passed = arrival_us - t->last_arrival_us;
	bool hole = passed > HOLE_US && passed > 3 * timeline_interval(t);

	t->holes = hole ? t->holes + 1 : 0;
	if (hole && t->holes <= HOLES_MAX)
		t->even_since_us = arrival_us;
	return arrival_us - t->even_since_us >= WINDOW_US && least_of(t, 2) > t->anchor_us + LATE_US;
}

static void slew(struct timeline *t, int64_t passed_us)
{
	int64_t most = passed_us * TIMELINE_SLEW_PPM / 1000000;
	int64_t by = least_of(t, TIMELINE_WINDOWS) - t->anchor_us;

	t->anchor_us += max64(-most, min64(by, most));
}

/* Whether this frame's timestamp can be placed by the anchor at all. */
static bool contradicts(struct timeline *t, int64_t ticks, int64_t arrival_us)
{
	int64_t rate = t->clock_rate;

	t->stuck = ticks == t->newest_ticks ? t->stuck + 1 : 0;
	if (t->stuck >= STUCK_MAX)
		return true;
	if ((t->newest_ticks - ticks) > rate * (REORDER_US / US_PER_S))
		return true;
	/* forward beyond any arrival: also guards the arithmetic that follows */
	return (ticks - t->newest_ticks) / rate > (arrival_us - t->last_arrival_us) / US_PER_S + 10;
}

static int64_t by_anchor(struct timeline *t, int64_t ticks, int64_t arrival_us)
{
	int64_t passed = arrival_us - t->last_arrival_us;
	bool settling = arrival_us - t->began_us < SETTLING_US;

	if (contradicts(t, ticks, arrival_us)) {
		jump(t, ticks, arrival_us);
		return arrival_us;
	}
	t->newest_ticks = max64(t->newest_ticks, ticks);
	rebase(t, ticks);
	int64_t wish = arrival_us - elapsed_us(t, ticks);
	note_delay(t, wish, arrival_us);
	bool late = is_late_for_good(t, arrival_us);
	if (settling && wish < t->anchor_us - SETTLING_EARLY_US) {
		t->anchor_us = wish;
	} else if (wish < t->anchor_us - EARLY_US || late) {
		jump(t, ticks, arrival_us);
	} else {
		slew(t, passed);
	}
	return t->anchor_us + elapsed_us(t, ticks);
}

/* --- decode order --------------------------------------------------------------------- */

static void sort_in(int64_t *list, unsigned *count, int64_t v)
{
	unsigned i = (*count)++;

	for (; i > 0 && list[i - 1] > v; i--)
		list[i] = list[i - 1];
	list[i] = v;
}

/* Among the newest frames, in the order of their timestamps; the oldest gives way. Its place; negative: it is older
 * than all of them. */
static int put_recent(struct timeline *t, int64_t ticks)
{
	unsigned i = t->recent_count;

	if (i == TIMELINE_INTERVALS + 1) {
		if (ticks <= t->recent[0].ticks)
			return -1;
		memmove(t->recent, t->recent + 1, --i * sizeof t->recent[0]);
	} else {
		t->recent_count++;
	}
	for (; i > 0 && t->recent[i - 1].ticks > ticks; i--)
		t->recent[i] = t->recent[i - 1];
	t->recent[i] = (struct timeline_shown){.ticks = ticks};
	return (int)i;
}

/* Among the newest frames: how many already came that are shown after this one. */
static int learn_depth(struct timeline *t, int64_t ticks)
{
	/* No frame is held back over a hole: behind it, order begins anew, or the hole would be filled with time. */
	if (t->recent_count > 0 &&
	    ticks - t->recent[t->recent_count - 1].ticks > (int64_t)t->clock_rate * (REORDER_US / US_PER_S))
		t->recent_count = 0;
	int place = put_recent(t, ticks);
	if (place < 0)
		return place;
	unsigned after = t->recent_count - 1 - (unsigned)place;
	if (after > TIMELINE_DEPTH_MAX)
		after = TIMELINE_DEPTH_MAX;
	if (after > t->depth)
		t->depth = after;
	return place;
}

/* Held back by `depth` frames, times come in order; then they are moved forward again by as much. Of the first ones
 * too few came: they follow the first at an even pace. */
static int64_t decode_time(const struct timeline *t, int64_t shown_us)
{
	if (t->depth == 0 || t->recent_count < 2)
		return shown_us;
	bool few = t->recent_count <= t->depth;
	unsigned behind = few ? t->recent_count - 1 : t->depth;
	return t->anchor_us + elapsed_us(t, t->recent[t->recent_count - 1 - behind].ticks) +
	       (int64_t)behind * timeline_interval(t);
}

/* Between its neighbours, as far as its timestamp is, though the anchor was set back since they were placed. */
static int64_t shown_in_order(struct timeline *t, int place, int64_t shown_us)
{
	if (place < 0)
		return shown_us;
	struct timeline_shown *own = &t->recent[place];
	const struct timeline_shown *before = place > 0 ? own - 1 : NULL;
	const struct timeline_shown *after = (unsigned)place + 1 < t->recent_count ? own + 1 : NULL;

	if (before && after && (shown_us <= before->shown_us || shown_us >= after->shown_us))
		shown_us = before->shown_us + (after->shown_us - before->shown_us) * (own->ticks - before->ticks) /
						      max64(after->ticks - before->ticks, 1);
	else if (before)
		shown_us = max64(shown_us, before->shown_us + 1);
	else if (after)
		shown_us = min64(shown_us, after->shown_us - 1);
	own->shown_us = shown_us;
	return shown_us;
}

static void note_interval(struct timeline *t, int64_t us)
{
	if (us > INTERVAL_MAX_US)
		return;
	t->intervals_us[t->interval_count++ % TIMELINE_INTERVALS] = us;
}

int64_t timeline_interval(const struct timeline *t)
{
	unsigned n = t->interval_count < TIMELINE_INTERVALS ? t->interval_count : TIMELINE_INTERVALS;
	int64_t sorted[TIMELINE_INTERVALS];
	unsigned have = 0;

	if (n == 0)
		return FIRST_INTERVAL_US;
	for (unsigned i = 0; i < n; i++)
		sort_in(sorted, &have, t->intervals_us[i]);
	return n < INTERVALS_SURE ? min64(sorted[0], UNSURE_MAX_US) : sorted[n / 2];
}

/* At its wish, but behind the frame before and not in the future. A crowd shares what room is left, so that
 * nobody fills it while time itself goes on. */
static struct placed in_room(const struct timeline *t, int64_t at_us, int64_t shown_us, int64_t arrival_us)
{
	int64_t limit = arrival_us + TIMELINE_AHEAD_US, least = t->bound_us;

	if (t->last_us != INT64_MIN)
		least = max64(least, t->last_us + max64(1, min64(TIMELINE_STEP_US, (limit - t->last_us) / CROWD)));
	at_us = max64(min64(at_us, limit), least);
	return (struct placed){at_us, min64(shown_us, limit), at_us > limit};
}

/* --- where a stream begins ----------------------------------------------------------------------- */

/* As far as its timestamp can be believed: it may be ahead of its arrival by what frames are reordered. */
static bool is_likely(const struct timeline *t, const struct timeline_frame *f)
{
	return llabs(elapsed_us(t, f->rtp_ticks) - (f->arrival_us - t->began_us)) <= REORDER_US;
}

static void learn_pace(struct timeline *t)
{
	for (unsigned i = 1; i < t->recent_count; i++)
		if (t->recent[i].ticks > t->recent[i - 1].ticks)
			note_interval(t, (t->recent[i].ticks - t->recent[i - 1].ticks) * US_PER_S / t->clock_rate);
}

void timeline_prime(struct timeline *t, const struct timeline_frame *first, unsigned count)
{
	int64_t least;

	begin(t, first[0].rtp_ticks, first[0].arrival_us);
	least = t->anchor_us;
	for (unsigned i = 0; i < count && is_likely(t, &first[i]); i++) {
		learn_depth(t, first[i].rtp_ticks);
		least = min64(least, first[i].arrival_us - elapsed_us(t, first[i].rtp_ticks));
	}
	if (t->depth > 0)
		learn_pace(t);
	t->recent_count = 0;
	t->anchor_us = least;
	for (unsigned i = 0; i < TIMELINE_WINDOWS; i++)
		t->least_us[i] = least;
}

struct placed timeline_place(struct timeline *t, int64_t rtp_ticks, int64_t arrival_us)
{
	bool first = !t->begun;

	if (first)
		begin(t, rtp_ticks, arrival_us);
	bool trusted = arrival_us >= t->distrust_until_us;
	if (trusted && t->distrust_until_us != INT64_MIN) {
		t->distrust_until_us = INT64_MIN;
		anchor_at(t, rtp_ticks, arrival_us);
	}
	int64_t shown = trusted ? by_anchor(t, rtp_ticks, arrival_us) : arrival_us;
	t->last_arrival_us = arrival_us;
	int place = trusted ? learn_depth(t, rtp_ticks) : -1;
	int64_t at = trusted ? decode_time(t, shown) : shown;

	struct placed p = in_room(t, at, shown, arrival_us);
	if (!first && t->last_us != INT64_MIN)
		note_interval(t, p.at_us - t->last_us);
	t->last_us = p.at_us;
	p.shown_us = min64(shown_in_order(t, place, trusted && t->depth ? p.shown_us : p.at_us), arrival_us + TIMELINE_AHEAD_US);
	return p;
}
