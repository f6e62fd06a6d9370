/* What may be deleted, and what is: pure, no clock, no files, no database (design §7).
 *
 * Never: what is held; what is younger than floor + 1 day, by an age that no clock can inflate.
 * Deleted: what is older than keep; under space pressure the oldest first, down to the floor and no
 * further. No parameter can be set so that this gives way.
 *
 * Age: the wall age while the kernel's clock is synchronised and the wall age agrees with what the box
 * witnessed (it is not more than a day beyond it); otherwise the lesser of the two. A box that was off for
 * a week therefore keeps its footage a week longer, and a jump of the clock deletes nothing.
 * Source: 托育机构管理规范(试行) art. 32 (not less than 90 days); Decree 799 art. 17 (then to be deleted). */
#pragma once
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RETENTION_MARGIN_DAYS 1       /* on top of the floor */
#define RETENTION_UNWITNESSED_MAX_US US_PER_DAY

struct retention_item {
	struct wall start, end;
	uint64_t bytes;
	int64_t witnessed_us;         /* the box's witnessed time when it was published */
};

struct retention_hold { struct wall_range range; }; /* of the same camera */

struct retention_state {
	struct wall now;
	bool clock_synced;
	int64_t witnessed_us;         /* the box's witnessed time now */
	unsigned floor_days, keep_days;
};

enum retention_verdict {
	RETENTION_KEEP,               /* younger than keep and no need for room */
	RETENTION_HELD,
	RETENTION_FLOOR,              /* may not be deleted, whatever the need */
	RETENTION_OLD,                /* delete: past keep */
	RETENTION_PRESSED,            /* delete: past the floor, and room is needed */
};

int64_t retention_age_us(const struct retention_item *i, const struct retention_state *s);

/* need_room: whether deleting this one would serve a pressed root. */
enum retention_verdict retention_judge(const struct retention_item *i, const struct retention_hold *holds,
				       size_t hold_count, const struct retention_state *s, bool need_room);
static inline bool retention_deletes(enum retention_verdict v) { return v >= RETENTION_OLD; }

/* Bytes that must go so that `reserve` and a headroom for a minute of writing stay free; 0 if none. */
uint64_t retention_need_bytes(uint64_t free_bytes, uint64_t reserve_bytes);
