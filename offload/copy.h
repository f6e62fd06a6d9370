/* One segment's way into the object store: read and judged here, uploaded under lock, read back whole.
 *
 *	local file whole ─▶ digest ─▶ is it there already (a crash came between)? ─no─▶ PUT ─▶ GET of that version:
 *	                                                └─yes──────────────────────────────────▶  same bytes, locked long enough
 *
 * Only after that a catalogue may say that it is kept. What stands under the key and is not it (another version) is
 * left alone, and a version of ours is made beside it.
 * Threads: copy_run() any, blocking; the rest the owner's. Memory: copy_job_finish(). */
#pragma once
#include "base/fs.h"
#include "indexer/catalog.h"
#include "indexer/object_kept.h"
#include "offload/store.h"

struct copy_job {
	/* in */
	struct store *store;            /* borrowed, as fs */
	struct fs *fs;
	const char *site;               /* borrowed */
	unsigned floor_days;
	bool remove;                    /* all versions under the key are deleted in the store, else: the segment is copied there */
	bool bucket_known;              /* it was found to lock objects, since the last trouble */
	char camera[CATALOG_ID_MAX], *root;
	struct wall start, end, retain_until;
	int64_t bytes;
	uint8_t seal_digest[SHA256_BYTES];
	/* out */
	enum store_trouble trouble;
	int local;                      /* negative: the file here could not be read, or is not what the catalogue says */
	bool sent;                      /* it was uploaded, not found */
	uint8_t sha256[SHA256_BYTES];
	char key[256], version[STORE_VERSION_MAX];
};

/* retain_until: when the rule's floor for this segment is over (retention/policy.h). */
void copy_job_init(struct copy_job *j, const struct catalog_object *o);
/* The other kind: a copy whose time is over. */
void copy_job_init_removal(struct copy_job *j, const struct object_kept *k);
void copy_run(struct copy_job *j);
struct object_kept copy_job_object(const struct copy_job *j, const char *place); /* borrows from j */
void copy_job_finish(struct copy_job *j);
/* "SITE/CAMERA/2026-11-23/20261123T031500.120000Z.mp4" */
void copy_key(char out[256], const char *site, const char *camera, struct wall start);
