/* What may be deleted, and what is: pure, no clock, no files, no database (design §7).
 *
 * Never: what is held; what is younger than floor + 1 day, by an age that no clock can inflate.
 * Deleted: what is older than keep; under space pressure the oldest first, down to the floor and
 * no further. No parameter can be set so that this gives way.
 * Brake: of each camera at most RETENTION_BRAKE_US of footage go in any RETENTION_BRAKE_PER_US of witnessed time, for want of
 * room as for age. In ordinary running a day falls due a day; whatever makes more fall due at once (a mistake, an attack, a
 * fault that nobody thought of) has to wait, and leaves people the time to see it.
 *
 * Age: the wall age while the kernel's clock is synchronised and the wall age agrees with what the
 * box witnessed (it is less than a day beyond it); otherwise the lesser of the two. A box that was
 * off for a week therefore keeps its footage a week longer, and a jump of the clock deletes nothing.
 * Days count by elapsed time and by the site's calendar, whichever is later: where summer time ends
 * within the 91 days, an hour more.
 * Source: 托育机构管理规范(试行) art. 32 (not less than 90 days); Decree 799 art. 17 (then to be
 * deleted). */
#pragma once
#include "indexer/catalog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RETENTION_MARGIN_DAYS 1 /* on top of the floor */
/* Less than the margin, so that the floor itself stays witnessed; the hour is for what the box lived
 * through between its last heartbeat and a publication. */
#define RETENTION_UNWITNESSED_MAX_US (US_PER_DAY - 3600 * US_PER_S)

struct retention_item {
	struct wall start, end;
	int64_t offset_us;            /* of the site's zone from UTC at its end */
	int64_t witnessed_us;         /* the box's witnessed time when it was published */
};

struct retention_hold { struct wall_range range; }; /* of the same camera */

struct retention_state {
	struct wall now;
	int64_t offset_us;            /* of the site's zone from UTC now */
	bool clock_synced;
	int64_t witnessed_us;         /* the box's witnessed time now */
	unsigned floor_days, keep_days;
	bool brake_lifted;            /* by two persons, for a while */
};

enum retention_verdict {
	RETENTION_KEEP,               /* younger than keep and no need for room */
	RETENTION_HELD,
	RETENTION_FLOOR,              /* may not be deleted, whatever the need */
	RETENTION_OLD,                /* delete: past keep */
	RETENTION_PRESSED,            /* delete: past the floor, and room is needed */
};

enum retention_keep_news {
	KEEP_SAME,
	KEEP_BEGUN,                   /* the first that is known: in force */
	KEEP_ASKED,                   /* lowered: in force after the notice */
	KEEP_IN_FORCE,                /* raised, or the notice is over */
	KEEP_WITHDRAWN,               /* what was asked for is not wanted any more */
};
/* What is configured against what is in force. The notice is over when wall clock and witnessed time both say so. */
enum retention_keep_news retention_keep(struct catalog_keep *k, unsigned configured_days,
					struct wall now, int64_t witnessed_us);

int64_t retention_age_us(const struct retention_item *i, const struct retention_state *s);

/* Where the last of the holds on this item ends; an instant before its start when none is. */
struct wall retention_held_until(const struct retention_item *i, const struct retention_hold *holds,
				 size_t hold_count);

/* need_room: whether deleting this one would serve a pressed root. */
enum retention_verdict retention_judge(const struct retention_item *i,
				       const struct retention_hold *holds, size_t hold_count,
				       const struct retention_state *s, bool need_room);
#define RETENTION_BRAKE_US (2 * US_PER_DAY)
#define RETENTION_BRAKE_PER_US US_PER_DAY
/* What this item counts for the brake: its time, if that can be true. */
int64_t retention_weight_us(const struct retention_item *i);
/* Whether it has to wait, when so much of its camera went within RETENTION_BRAKE_PER_US. */
bool retention_brakes(const struct retention_item *i, int64_t gone_us, const struct retention_state *s);
/* Whether the local file of a segment that is kept elsewhere may go: not while it is held, and by the age above. */
bool retention_may_release(const struct retention_item *i, const struct retention_hold *holds, size_t hold_count,
			   const struct retention_state *s, unsigned local_days);
/* The first instant, by the wall clock alone, at which the floor of this item is over: what is locked until then
 * cannot be deleted earlier than retention_judge() would. offset_us: of the site's zone from UTC at an instant. */
struct wall retention_floor_end(const struct retention_item *i, unsigned floor_days, int64_t (*offset_us)(struct wall));
static inline bool retention_deletes(enum retention_verdict v) { return v >= RETENTION_OLD; }

/* Where to look: whatever retention_judge() deletes ended at or before `end`, and was published at
 * or before `witnessed_us`. Not the reverse. */
struct retention_bound { struct wall end; int64_t witnessed_us; };
struct retention_bound retention_bound(const struct retention_state *s, bool need_room);

/* Bytes that must go so that `reserve` and a headroom for the minutes until the next look stay
 * free; 0 if none. */
uint64_t retention_need_bytes(uint64_t free_bytes, uint64_t total_bytes, uint64_t reserve_bytes);
