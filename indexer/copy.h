/* A segment's file on another disk than the one of its row. Two reasons make one: footage under a hold is kept
 * twice where there is a second disk, and a disk that is drained gives its footage away.
 *
 *	making ──copied, synced, compared──▶ kept ──hold over──▶ surplus ──unlinked──▶ (no row)
 *	   │                                  └──the row's own file is lost──▶ the row names this one
 *	   ├──drain: the row names this one, what it named before is surplus
 *	   └──crash, failure──▶ surplus
 * The third is that the row is the object store's (object.h): then the file here is surplus, too.
 *
 * The row of a file comes before the file and goes after it, so that none is without one.
 * Threads, errors: as catalog_write.h; inside a transaction unless it says otherwise. */
#pragma once
#include "base/fs.h"
#include "indexer/catalog_write.h"

struct segment_place {
	int64_t segment, root, bytes;
	char camera[CATALOG_ID_MAX], *root_path; /* free() */
	struct wall start;
	uint8_t seal_digest[SHA256_BYTES];
};

/* The row of (camera, start): 1, 0 there is none, or negative. Any time. */
int copy_find_segment(struct catalog *c, const char *camera, struct wall start, struct segment_place *out);

int copy_set(struct catalog *c, const struct segment_place *p, int64_t root, const char *state);
int copy_drop(struct catalog *c, const char *camera, struct wall start, int64_t root);

/* The row names the file on `root` from now on (CATALOG_STORE_ROOT: the copy in the object store); the file that it named
 * before, if any, is surplus. */
int copy_switch(struct catalog *c, const struct segment_place *p, int64_t root);

/* storage.copy_used: `to` is a disk, or the place of a store. */
int copy_tell_used(struct catalog *c, struct wall now, const struct segment_place *p, const char *to, const char *why);
/* If there is a kept copy that is there and whole, the row names it from now on, and the ledger says so
 * (storage.copy_used). 1, 0: there is none, or negative. Reads all of the file. */
int copy_promote(struct fs *fs, struct catalog *c, const char *site, struct wall now, const struct segment_place *p,
		 const char *why);

/* Whether the disk answers, as the recorder last said, and is the one that the catalogue means. Any time. */
bool copy_root_is_usable(struct fs *fs, struct catalog *c, const char *site, int64_t root, const char *path);
char *copy_path(const char *root_path, const char *camera, struct wall start);    /* free() */
char *copy_path_part(const char *root_path, const char *camera, struct wall start); /* while it is being made */
