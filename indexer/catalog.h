/* The catalogue, reading half: what the api, the CLI's fsck and the keeper itself ask of catalog.db.
 * The api links this half only; the writing half is catalog_write.h.
 *
 * Threads: a struct catalog belongs to one thread.
 * Memory:  catalog_open() allocates, catalog_close() frees. Callbacks borrow their row for the call;
 *          a callback that returns non-zero ends the walk, and that value is returned.
 * Time:    UTC microseconds, half-open.
 * Errors:  0 or negative: -ENOENT no such row, -EAGAIN the catalogue is not ready (no keeper yet;
 *          try again), -EIO anything else SQLite says (logged once). */
#pragma once
#include "base/cause.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/err.h"
#include "media/fragment.h"
#include "media/ledger.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CATALOG_ID_MAX 65
#define CATALOG_FORMAT 2 /* db_format.h */
#define CATALOG_STORE_ROOT 0 /* the root of segments whose bytes are in the object store only */

struct catalog;
/* mode=ro, never checkpoints (design §2). */
int catalog_open(const char *path, struct catalog **out, struct err *e);
void catalog_close(struct catalog *c);
/* Moves a catalogue that is not to be used any more out of the way: STATE/catalog.db → catalog.db.TIME, its log
 * beside it. Nobody may have it open. `to` (at least 4096 bytes): where it lies now, "" if there was none. */
int catalog_put_aside(const char *state, struct wall now, char *to, struct err *e);
int db_put_aside(const char *state, const char *db, struct wall now, char *to, struct err *e); /* "access.db", … */
/* How much of the file is kept at hand, in place of SQLite's 2 MB: for who reads all of it. */
int catalog_cache(struct catalog *c, unsigned mib);
/* One consistent view over several questions: BEGIN … (nestable: no). The end tells the first that could not be
 * answered; after it none was. */
int catalog_begin_read(struct catalog *c);
int catalog_end_read(struct catalog *c);

/* --- cameras ------------------------------------------------------------------- */
struct catalog_camera {
	const char *id, *name, *area;
	struct wall configured_at;
	bool enrolled, retired;
	struct wall enrolled_at, retired_at;
	bool has_footage;
	struct wall oldest, newest;      /* recorded footage on disk: start of the first, end of the last span */
	int64_t gap;                     /* the one that is open; 0: none */
	struct wall gap_start;
	const char *gap_cause;
	uint64_t bytes, stored_bytes;    /* of its segments on the disks; of those that are in the object store only */
};
typedef int catalog_camera_fn(void *arg, const struct catalog_camera *row);
int catalog_cameras(struct catalog *c, const char *id /* NULL: all */, catalog_camera_fn *fn, void *arg);

/* Published footage by camera and day (of a segment's start; days since 1970, UTC), by camera, then day. */
struct catalog_volume { const char *camera; int64_t day, bytes, covered_us, stored_bytes; }; /* stored: of these, on no disk */
typedef int catalog_volume_fn(void *arg, const struct catalog_volume *row);
int catalog_volumes(struct catalog *c, catalog_volume_fn *fn, void *arg);
/* The same of one camera's footage that began at `since` or later; when that is long ago, from the next whole day on.
 * row->camera and day stay as they are. */
int catalog_volume_since(struct catalog *c, const char *camera, struct wall since, struct wall now,
			 struct catalog_volume *row);
/* What each camera wrote, of what the keeper read itself: by camera, the durable part of its open files, and the segments that
 * were published with an id above `after`. *last: the highest id of all. */
struct catalog_written { const char *camera; int64_t open_bytes, open_us, published_bytes, published_us; };
typedef int catalog_written_fn(void *arg, const struct catalog_written *row);
int catalog_written(struct catalog *c, int64_t after, int64_t *last, catalog_written_fn *fn, void *arg);
/* The median of bytes a second of recorded time over the last seven days but `today` of which an hour at least was recorded; 0:
 * there is none. */
int catalog_habit(struct catalog *c, const char *camera, int64_t today, double *bytes_per_s);
/* Bytes on the disks of whole days before `day` on which nothing is held. */
int catalog_bytes_before(struct catalog *c, int64_t day, int64_t *bytes);

/* --- coverage ------------------------------------------------------------------- */
enum tile_state { TILE_RECORDED, TILE_GAP, TILE_EXPIRED, TILE_NOT_OBLIGED, TILE_PENDING };
const char *tile_state_name(enum tile_state s); /* "recorded", … */

/* The tiles of a camera cover the asked window exactly, in order, without overlap. Neighbours of the
 * same state are merged, except gaps, which stay one tile per gap row. Time for which the keeper has no
 * word yet (at the live edge, and the future) is pending. */
struct tile {
	struct wall start, end;
	enum tile_state state;
	const char *cause;               /* of a gap */
	int64_t gap;                     /* its row; 0 otherwise */
};
typedef int tile_fn(void *arg, const struct tile *t);
int catalog_tiles(struct catalog *c, const char *camera, struct wall from, struct wall to, tile_fn *fn, void *arg);

struct coverage {                        /* sums over tiles, microseconds */
	int64_t obliged_us;              /* recorded + gap: the settled obligation whose footage is not expired */
	int64_t covered_us;              /* recorded */
	int64_t expired_us, pending_us, longest_gap_us;
	unsigned gaps;
};
void coverage_add(struct coverage *sum, const struct tile *t); /* pure */
double coverage_completeness(const struct coverage *c);        /* 1.0 when nothing was obliged */

/* --- gaps ------------------------------------------------------------------------ */
struct catalog_gap {
	int64_t id;
	const char *camera, *cause, *detail, *history; /* history: JSON */
	struct wall start, end;
	bool open;                       /* then end is meaningless */
	const char *explanation, *explained_by; /* NULL: none */
	struct wall explained_at;
};
struct gap_query {
	const char *camera, *cause;      /* NULL: any */
	bool only_open;
	struct wall from, to;            /* gaps that overlap [from, to); an open gap reaches to the end of time */
	int64_t after_id;                /* cursor: rows with a greater id */
	unsigned limit;
};
typedef int catalog_gap_fn(void *arg, const struct catalog_gap *row);
int catalog_gaps(struct catalog *c, const struct gap_query *q, catalog_gap_fn *fn, void *arg); /* by id */
int catalog_gap_get(struct catalog *c, int64_t id, catalog_gap_fn *fn, void *arg);

/* --- ledger ---------------------------------------------------------------------- */
typedef int catalog_entry_fn(void *arg, const struct ledger_entry *row);
int catalog_ledger(struct catalog *c, int64_t after_seq, unsigned limit, catalog_entry_fn *fn, void *arg);
int catalog_ledger_hash(struct catalog *c, int64_t seq, uint8_t hash[SHA256_BYTES]); /* of seq, or of the last one before it */
/* Each camera's last sealed segment: [{camera, sequence, digest, end}], a new reference. */
int catalog_sealed(struct catalog *c, json_t **out);
/* Whether the ledger holds that entry, or says itself that it is lost (ledger.restored). */
struct ledger_kept;
int catalog_ledger_extends(struct catalog *c, const struct ledger_kept *k, bool *yes);
int catalog_ledger_head(struct catalog *c, int64_t *seq, uint8_t hash[SHA256_BYTES]); /* 0 and zeros: empty */

/* --- segments and footage ---------------------------------------------------------- */
struct catalog_segment {
	int64_t id;                      /* 0: still open */
	const char *camera, *root;       /* root: path */
	char file[300];                  /* below root: "archive/…" or "incoming/….open" */
	struct wall start, end;
	int64_t bytes, init_bytes;
	int64_t init;                    /* same value: joinable */
	int64_t init_crc;                /* CRC-32C of the first init_bytes; -1: not known */
	const char *codec, *run;
	unsigned width, height;
	uint32_t frames;
	uint64_t sequence;
	uint8_t flags;                   /* enum seal_flag */
	bool sealed;
	bool stored;                     /* its bytes are in the object store only: root and file lead nowhere */
	bool superseded;                 /* the clock was set back, and some of its time was or will be lived again */
	struct wall_range counts;        /* of catalog_footage(): the time that it is footage of */
	uint8_t seal_digest[SHA256_BYTES]; /* sealed only */
	const uint8_t *fragments;        /* packed, media/fragment.h; only from catalog_footage() */
	size_t fragments_len;
};
typedef int catalog_segment_fn(void *arg, const struct catalog_segment *row);
/* Published segments that overlap [from, to), by start, without fragments. after: start of the last row seen. */
int catalog_segments(struct catalog *c, const char *camera, struct wall from, struct wall to,
		     const struct wall *after, unsigned limit, catalog_segment_fn *fn, void *arg);
/* The same with fragments, and with the durable part of open segments; once for each stretch that counts, in
 * order. What an earlier life of the clock recorded of time that was lived again does not (indexer/life.h). */
int catalog_footage(struct catalog *c, const char *camera, struct wall from, struct wall to, catalog_segment_fn *fn, void *arg);
/* One published file, whatever it counts for: catalog_footage() of it alone. -ENOENT */
int catalog_footage_of(struct catalog *c, const char *camera, int64_t segment, catalog_segment_fn *fn, void *arg);
/* The recorded spans next to t: the end of the last one before, the start of the first after. */
int catalog_nearest(struct catalog *c, const char *camera, struct wall t, bool *has_before, struct wall *before,
		    bool *has_after, struct wall *after);

/* --- holds ------------------------------------------------------------------------- */
struct catalog_hold {
	int64_t id;
	const char *camera, *reason, *reference, *placed_by, *released_by, *release_reason; /* last two NULL: in force */
	struct wall start, end, placed_at, released_at;
	bool released;
	const char *release_requested_by, *release_request_reason; /* NULL: nobody asked, or it is released */
	struct wall release_requested_at;
};
typedef int catalog_hold_fn(void *arg, const struct catalog_hold *row);
int catalog_holds(struct catalog *c, const char *camera, bool with_released, catalog_hold_fn *fn, void *arg);
/* What a hold keeps: a file is deleted whole or not at all, so `asked` grows to the ends of the segments (published, or
 * still being written) on which it begins and ends. As of now: the file that is being written grows. */
int catalog_hold_protected(struct catalog *c, const char *camera, struct wall_range asked, struct wall_range *out);

/* --- garbage and roots -------------------------------------------------------------- */
/* What is claimed by retention and whose file may still be there. */
struct garbage_row {
	int64_t id, root;
	const char *camera, *root_path;
	struct wall start, end;
	uint64_t bytes;
	uint8_t seal_digest[SHA256_BYTES];
};
typedef int garbage_fn(void *arg, const struct garbage_row *row);
int garbage_list(struct catalog *c, unsigned limit, garbage_fn *fn, void *arg); /* by camera, then start */

/* Files of a segment beside that of its row (indexer/copy.h): kept false, if it may be there in part or not at all. */
struct copy_row {
	int64_t root;
	const char *camera, *root_path;
	struct wall start;
	int64_t bytes;
	bool kept;
};
typedef int copy_fn(void *arg, const struct copy_row *row);
int copy_list(struct catalog *c, copy_fn *fn, void *arg);

/* Roots of the catalogue: disks, not the object store. */
typedef int catalog_root_fn(void *arg, int64_t id, const char *path);
int catalog_roots(struct catalog *c, catalog_root_fn *fn, void *arg);
struct catalog_disk { const char *path, *uuid; int64_t files, copies; }; /* files: segments whose row names it */
typedef int catalog_disk_fn(void *arg, const struct catalog_disk *row);
int catalog_disks(struct catalog *c, catalog_disk_fn *fn, void *arg); /* as long as counting its segments takes */

/* --- the object store ---------------------------------------------------------------- */
/* A segment that is to be copied to the object store, or was (indexer/object.h). */
struct catalog_object {
	const char *camera, *root;       /* root: path; of a waiting one */
	struct wall start, end;
	int64_t bytes;
	uint8_t seal_digest[SHA256_BYTES];
};
typedef int catalog_object_fn(void *arg, const struct catalog_object *row);
/* Published segments that wait, oldest first, behind (start, camera). */
int catalog_objects_waiting(struct catalog *c, struct wall after, const char *after_camera, unsigned limit, catalog_object_fn *fn,
			    void *arg);
/* Copies in `place`; texts are borrowed for the call. Those that are to be deleted there: past their lock, held by nobody. */
struct object_kept;
typedef int catalog_copied_fn(void *arg, const struct object_kept *row);
int catalog_objects_doomed(struct catalog *c, const char *place, struct wall now, struct wall after, const char *after_camera,
			   unsigned limit, catalog_copied_fn *fn, void *arg);
/* Where a segment's whole copy lies, in this store and bucket, whether or not the segment is still here. -ENOENT */
#define CATALOG_OBJECT_TEXT_MAX 1025
struct catalog_object_place { char key[CATALOG_OBJECT_TEXT_MAX], version[CATALOG_OBJECT_TEXT_MAX]; int64_t bytes; };
int catalog_object_find(struct catalog *c, const char *place, const char *camera, struct wall start,
			const uint8_t seal_digest[SHA256_BYTES], struct catalog_object_place *out);
/* Where the last batch of catalog_objects_releasable() ended; `end` INT64_MIN: at the beginning. */
struct catalog_release_at { int64_t root; char camera[CATALOG_ID_MAX]; struct wall end, start; };
/* Copies whose local file ended at or before `end` and is held by nobody: by disk, camera and end, behind *at, which follows. */
int catalog_objects_releasable(struct catalog *c, const char *place, struct wall end, struct catalog_release_at *at, unsigned limit,
			       catalog_copied_fn *fn, void *arg);
/* Copies that are the only file of their footage and were asked for at or before `asked`: the longest ago first. */
int catalog_objects_unasked(struct catalog *c, const char *place, struct wall asked, unsigned limit, catalog_copied_fn *fn, void *arg);
/* Whether the segment, whose row is the store's, has the copy there that it needs: 1, 0 or negative. */
int catalog_object_serves(struct catalog *c, const char *camera, struct wall start, const uint8_t seal_digest[SHA256_BYTES]);
/* Whether anything here tells of a segment or a copy of that start: 1, 0 or negative. */
int catalog_object_is_known(struct catalog *c, const char *camera, struct wall start);
/* How much footage is in the store only. */
int catalog_stored(struct catalog *c, int64_t *files, int64_t *bytes);
struct catalog_object_sums {
	int64_t waiting;
	struct wall oldest;              /* start of the oldest that waits; us 0: none waits */
};
int catalog_object_sums(struct catalog *c, struct catalog_object_sums *out); /* as long as counting what waits takes */

/* --- state -------------------------------------------------------------------------- */
/* Lowering retention.keep_days is the way to make footage of last quarter go away: it takes effect only
 * after this, so that whoever reads the ledger can place a hold. */
#define CATALOG_KEEP_NOTICE_US (7 * US_PER_DAY)
/* The keep in force, which is not always the one configured: lowering it takes its time. */
struct catalog_keep {
	unsigned days;                   /* 0: the keeper has not told yet */
	unsigned asked_days;             /* 0: nothing else is asked for; else it comes into force after the notice */
	struct wall asked_at;
	int64_t asked_witnessed_us;      /* the box's witnessed time then */
};
int catalog_keep(struct catalog *c, struct catalog_keep *out);

/* The keeper's reading of the whole archive, round after round (indexer/scrub.h): where it stands and what it
 * found since the catalogue was made. All zero before the first. */
struct catalog_scrub {
	bool copies;                     /* the second half of a round: second copies of held footage */
	char camera[CATALOG_ID_MAX];     /* the next to be read: a segment and a fragment of it */
	struct wall start;
	unsigned fragment;
	struct wall round_began, round_before; /* this round, and the last that was finished (us 0: none) */
	int64_t round_bytes;             /* read in this round */
	int64_t rounds, damaged, missing; /* finished rounds; fragments; files */
};
int catalog_scrub(struct catalog *c, struct catalog_scrub *out);
/* 1 when damage of that file is known (and its time is a gap already), 0, or negative. */
int catalog_is_damaged(struct catalog *c, const char *camera, struct wall start);

/* Keys: "witnessed_us", "journal_file", "journal_offset", "seal_key" (hex), "site_id", "settled_at"
 * (wall µs up to which the keeper has the recorder's word), "recorder" (JSON: up|down, since),
 * "retention" (JSON: the forecast, retention/outlook.h), "keep" (JSON: struct catalog_keep), "scrub" (JSON:
 * struct catalog_scrub), "economy" (JSON: retention/economy_book.h), "share" (JSON: retention/share_watch.h), "stream:CAMERA" (main|sub, as the recorder last
 * told it). Empty string if
 * there is none. */
int catalog_state(struct catalog *c, const char *key, char *out, size_t room);
int catalog_state_int(struct catalog *c, const char *key, int64_t *out); /* 0 if there is none */

/* --- invariants (fsck, tests) ----------------------------------------------------------- */
/* Design §5 (4): recorded, expired and gaps tile the camera's obligation up to the accounting's
 * frontier, without overlap, to the microsecond. 0; -EBADMSG with the first fault in *e. */
int catalog_check_tiling(struct catalog *c, const char *camera, struct err *e);
/* Recorded coverage is time that segments and the durable part of open files hold. 0 or -EBADMSG. */
int catalog_check_claims(struct catalog *c, const char *camera, struct err *e);
/* The ledger's sequence is without holes and its hashes chain. *entries: how many. 0 or -EBADMSG. */
int catalog_check_ledger(struct catalog *c, int64_t *entries, struct err *e);
