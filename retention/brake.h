/* The memory of the brake (policy.h), in the catalogue, so that a restart begins no new day: how much went of each camera, which
 * cameras wait, and until when two persons have lifted it.
 *
 *	claim (same transaction as its garbage row) ──▶ brake row ──older than RETENTION_BRAKE_PER_US──▶ (no row)
 *	a step of the reaper that found all it may delete ──▶ brake_settle(): who waits ──▶ state "brake", retention.paused
 *
 * retention.paused is told when the first camera has to wait, and when none has waited for BRAKE_CALM_US, not in between:
 * {"paused": bool, "cameras": [ids]} (at the end: all that had waited).
 *
 * Threads: the keeper's. Errors: 0 or negative. Units: µs of footage, µs of witnessed time. */
#pragma once
#include "indexer/catalog_write.h"
#include "retention/policy.h"

#define BRAKE_CALM_US US_PER_DAY

enum brake_kind { BRAKE_HERE, BRAKE_STORE };

/* *gone_us: what the brake counts now. */
int brake_gone(struct catalog *c, const char *camera, enum brake_kind kind, int64_t witnessed_us, int64_t *gone_us);
/* In the transaction of the claim. */
int brake_count(struct catalog *c, const char *camera, enum brake_kind kind, int64_t witnessed_us, const struct retention_item *i);
/* 1: this item has to wait, 0, or negative. */
int brake_holds(struct catalog *c, const char *camera, enum brake_kind kind, const struct retention_state *s,
		const struct retention_item *i);

/* Cameras that wait, gathered in a step. */
struct brake_waiting {
	struct brake_camera { char id[CATALOG_ID_MAX]; struct wall oldest; } *items;
	unsigned count;
	bool pressed;                   /* and room is needed */
	bool unsettled;                 /* there is more to delete: who waits is not known yet */
	bool partial;                   /* a disk does not answer: others may wait, too */
};
void brake_wait(struct brake_waiting *w, const char *camera, struct wall oldest, bool pressed);
void brake_waiting_finish(struct brake_waiting *w);

/* In a transaction of its own, when there is something to write. */
int brake_settle(struct catalog *c, const struct retention_state *s, const struct brake_waiting *w);
int brake_is_lifted(struct catalog *c, int64_t witnessed_us, bool *lifted);
