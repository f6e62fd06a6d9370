/* The deletion of footage, as the catalogue sees it: candidate → claimed (garbage row, the segment's
 * row gone, coverage expired) → the file is unlinked → dropped. A crash in between is finished at
 * the next start.
 *
 * Of the root CATALOG_STORE_ROOT there is no file here: its copy in the object store is left alone, and doomed next (object.h).
 *
 * Threads, errors: as catalog_write.h. Callers: retention/. */
#pragma once
#include "base/fs.h"
#include "indexer/catalog_write.h"

struct garbage_candidate { int64_t id; struct wall start, end; int64_t witnessed_us; };
typedef int garbage_candidate_fn(void *arg, const struct garbage_candidate *row);

struct garbage_query {
	int64_t root;
	const char *camera;
	struct wall after_end, after_start; /* cursor: the last row seen; INT64_MIN at first */
	struct wall end;                    /* segments that end at or before this … */
	int64_t witnessed_us;               /* … and were published at or before this witnessed time */
};
/* Published segments by (end, start), read from an index alone: rows that the query leaves out cost
 * next to nothing. */
int garbage_candidates(struct catalog *c, const struct garbage_query *q, garbage_candidate_fn *fn,
		       void *arg);

typedef int garbage_camera_fn(void *arg, const char *camera);
int garbage_cameras(struct catalog *c, int64_t root, garbage_camera_fn *fn, void *arg);

/* The identity that a root had when footage was last put there. -ENOENT: no such root. */
int garbage_root_uuid(struct catalog *c, int64_t root, char out[UUID_TEXT_MAX]);

/* Whether the disk at path is the one that footage of this root was put on, as its identity says. */
bool garbage_root_is_ours(struct fs *fs, struct catalog *c, const char *site, int64_t root, const char *path);

/* Inside a transaction, after the policy's check: the row becomes garbage; what no other segment
 * covers becomes expired. */
int garbage_claim(struct catalog *c, int64_t segment, uint64_t *bytes);

/* Its file went without our doing: the row goes, and it is remembered (table `missing`). The caller sees to its time. */
int garbage_lose(struct catalog *c, int64_t segment);

/* Inside a transaction, after unlink and fsync: the ledger will be told (expired_told). */
int garbage_drop(struct catalog *c, int64_t id);
