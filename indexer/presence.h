/* Whether the archive's files are still there, so that footage that went away is a gap at once and not at the next scrub
 * (design §5, Presence).
 *
 *	presence_next() ─▶ job: a camera's files on one disk ─▶ presence_read(), any thread ─▶ presence_apply()
 *	      ▲ once an hour each, paced; sooner for what presence_watch.h saw
 *
 * Of all files name and kind are looked at (one reading of each day's folder), of a PRESENCE_PARTS-th the file itself: that it
 * opens, and its size. What is missing, or is no regular file, or cannot be opened three times in a row, is gone: a second
 * file serves (object_promote()), or its row goes, its time becomes a gap, and one footage.missing is told per camera and job.
 * The row's remembrance stays in the table `missing`, so that a file that comes back plays again and its gap stays (publish.c).
 * One of another size, or to which somebody did something, is read at once (scrub.h). A file of which no row tells is taken up, if its seal holds.
 *
 * An error of the disk is the disk's: nothing is judged unless the root was there, ours and well before and after.
 *
 * Threads: the keeper's, except presence_read(). Memory: a job's names. Errors: 0 or negative. */
#pragma once
#include "base/fs.h"
#include "indexer/indexer.h"
#include "indexer/scrub.h"

#define PRESENCE_SWEEP_US (3600 * US_PER_S)
#define PRESENCE_PARTS 24
#define PRESENCE_TRIES 3
#define PRESENCE_RETRY_US (2 * US_PER_S) /* of what could not be opened */
#define PRESENCE_STRANGERS 64            /* files without a row that a job takes up */

enum presence_found { PRESENCE_THERE, PRESENCE_GONE, PRESENCE_NO_FILE, PRESENCE_UNREADABLE, PRESENCE_RESIZED };

struct presence_item {
	int64_t segment, bytes;
	struct wall start, end;
	uint8_t seal_digest[SHA256_BYTES];
	bool open;                      /* not its name alone */
	enum presence_found found;
};

struct presence_job {
	struct fs *fs;
	const char *site;               /* borrowed */
	int64_t root;
	char camera[CATALOG_ID_MAX], uuid[UUID_TEXT_MAX], *root_path;
	struct presence_item *items;    /* by start */
	unsigned count;
	struct wall *strangers;         /* starts of files of which no item tells */
	unsigned stranger_count, tries;
	bool hinted;                    /* somebody did something to those that are opened */
	int rc;                         /* negative: the disk did not say */
};

struct presence_place { int64_t root; char camera[CATALOG_ID_MAX]; };
#define PRESENCE_OPENS 64
struct presence_hint {
	struct presence_place at;
	struct mono due;
	unsigned tries, open_count;
	struct wall opens[PRESENCE_OPENS]; /* starts of files that are to be opened, or `all` */
	bool all;
};

struct presence {
	struct fs *fs;
	struct clock *clock;
	const struct conf *conf;        /* borrowed; may be exchanged between jobs */
	struct catalog *catalog;
	struct indexer *indexer;
	struct scrub *scrub;            /* told of what has another size */
	struct presence_place now;      /* where the sweep stands */
	unsigned sweep;                 /* which part is opened */
	struct mono due, began;
	struct presence_hint *hints;
	unsigned hint_count;
};

void presence_init(struct presence *p, const struct presence *setup);
void presence_finish(struct presence *p);
/* Something happened to the files of that camera there, or to the one of that start: looked at in a moment. */
void presence_hint(struct presence *p, int64_t root, const char *camera, const struct wall *start);
/* Something happened, and nobody knows to which: the sweep begins anew. */
void presence_sweep_now(struct presence *p);
int64_t presence_wait_us(const struct presence *p);
/* 1 with a job, 0: nothing to do now, or negative. */
int presence_next(struct presence *p, struct presence_job *j);
void presence_read(struct presence_job *j);
/* Of a file's name in a day's folder. */
bool presence_start_of(const char *name, struct wall *start);
/* In transactions of its own; finishes the job's memory too. */
int presence_apply(struct presence *p, struct presence_job *j);
void presence_job_finish(struct presence_job *j);

/* presence_judge.c: in a transaction. *count: files that are gone for good. */
int presence_judge(struct presence *p, struct presence_job *j, unsigned *count);
