/* The four invariants of design §5, checked against the disk; reads only, running or stopped.
 *
 *	1  every segment row names a file of that size (full: whose seal and bytes hold, chained to the one before,
 *	   and whose video decodes, if the caller brought a decoder); one whose bytes are in the object store only has a copy
 *	   of its seal that is kept there, as far as the catalogue knows
 *	2  every file in archive/ has exactly one of a row and a garbage row, or was published after the index mark
 *	3  after a clean stop: no garbage, no open segment, incoming/ empty
 *	4  for each camera, recorded + gap + expired tile its obligation exactly, and no time is recorded that
 *	   no row's file holds; and the ledger's chain holds
 *
 * Findings come in one order, however many threads look.
 * Threads: any. Memory: caller's struct. */
#pragma once
#include "base/fs.h"
#include "conf/conf.h"

/* What came of decoding a file's video. first_us: of the first fault, from the segment's start. */
struct fsck_decoded { unsigned long pictures, faults; int64_t first_us; char why[120]; };

struct fsck_progress { unsigned long files; uint64_t bytes, of_bytes; }; /* of_bytes: 0 unless full */

struct fsck {
	struct fs *fs;
	const struct conf *conf;
	bool full;                      /* also every byte */
	unsigned threads;               /* that look at files beside the caller's, through fs, too; 0: none */
	void (*finding)(void *arg, const char *text);
	/* Full only; NULL: nothing is decoded. What cannot be decoded is a violation: only of files whose seal holds. */
	void (*decode)(void *arg, int fd, int64_t bytes, struct fsck_decoded *out);
	void (*progress)(void *arg, const struct fsck_progress *p);
	void *arg;
	unsigned long files, findings;  /* results */
	unsigned long stored;           /* of these in the object store only */
	unsigned long pictures;         /* that were decoded */
	unsigned long known;            /* files with damage of which the catalogue knows: their time is a gap */
};

/* 0: it was looked at whole (see findings); negative: it could not be. */
int fsck_run(struct fsck *f, struct err *e);
