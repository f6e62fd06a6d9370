/* Looks every SHARE_EVERY_US at what each camera has written, lets share.h judge it, and keeps and tells what was decided.
 *
 * A rate is that of what the keeper itself read on the disks, never the recorder's word: bytes against the time that passed or
 * the footage's own, whichever is longer. What is read late (a start, a recovery, a keeper that was away) makes no high rate,
 * and no wall clock is asked. Over its share is who is so in each of SHARE_PARTS looks in a row.
 *
 * In the catalogue as state "share": {"CAMERA": {"verdict": "told|sub|refused", "times": n, "wrote": bytes a second}}; each
 * change is an entry of the ledger, in the same transaction:
 *
 *	camera.share {verdict: fine|told|sub|refused, bitrate_bps, habit_bps, limit_bps, full_in_s: n or null}
 *
 * Threads: the keeper's. Memory: init allocates nothing, finish frees. Errors: 0 or negative; then nothing was decided. */
#pragma once
#include "base/fs.h"
#include "conf/conf.h"
#include "indexer/catalog_write.h"
#include "retention/share.h"

#define SHARE_EVERY_US (20 * US_PER_S)
#define SHARE_PARTS 3

struct share_seen {                     /* of one camera */
	char id[CATALOG_ID_MAX];
	bool present, begun;            /* it is configured; there was a look before */
	int64_t open_bytes, open_us;    /* of its open files at the last look */
	int64_t bytes, us;              /* that it wrote since then */
	double parts[SHARE_PARTS];      /* bytes a second, the last one first */
	unsigned known;                 /* of the parts */
	struct share_camera camera;
};

struct share_watch {
	struct fs *fs;
	struct clock *clock;
	const struct conf *conf;        /* borrowed */
	struct catalog *catalog;
	struct share_seen *seen;
	size_t count;
	struct mono looked;
	int64_t last;                   /* segment that was counted */
	bool begun;
};

int share_watch_look(struct share_watch *w);
/* The ids of those with that verdict: a new reference. */
json_t *share_watch_list(const struct share_watch *w, enum share_verdict v);
void share_watch_finish(struct share_watch *w);
