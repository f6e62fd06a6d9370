/* A camera's way to the disks: where its segments go.
 *
 * A run (run.h) asks for a segment, hands it whole fragments, and closes it; it never waits. The
 * disk thread of the root writes, hashes, syncs every 5 s, seals, renames; what happened comes back
 * on the loop. A segment that cannot be written ends by `lost`, and what it held from good_end on is
 * a gap with that cause. A disk that only stalls loses nothing yet: its segments end at the next key
 * frame, the next ones go to another disk, and what is queued is still written if the disk comes back.
 *
 * Threads: loop thread only (the disk threads are behind it).
 * Memory:  add() takes the bytes over (the buf is left empty). */
#pragma once
#include "base/buf.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "media/fragment.h"

struct outlet;
struct outlet_segment;

struct outlet_begin {
	struct wall start;
	uint8_t run[UUID_BYTES];
	uint8_t flags;               /* enum seal_flag */
	struct buf init;             /* ftyp + moov; taken over */
};

struct outlet_ops {
	/* NULL: no root can take it now; *cause says why. */
	struct outlet_segment *(*begin)(struct outlet *o, struct outlet_begin *b, enum gap_cause *cause);
	/* 0, or negative: the segment is lost from this fragment on (`lost` was or will be told). */
	int (*add)(struct outlet_segment *s, struct buf *bytes, const struct fragment *f);
	/* Its disk is in trouble and another is not: end it at the next key frame and begin another. */
	bool (*leaves)(const struct outlet_segment *s);
	/* The segment is whole up to `end`. The handle is gone afterwards. */
	void (*close)(struct outlet_segment *s, struct wall end);
};

struct outlet {
	const struct outlet_ops *ops;
	/* Set by the camera; the handle is gone after the call. */
	void (*lost)(void *owner, struct outlet_segment *s, struct wall good_end, enum gap_cause cause, const char *detail);
	void *owner;
};
