/* The four invariants of design §5, checked against the disk; reads only, running or stopped.
 *
 *	1  every segment row names a file of that size (full: whose seal and bytes hold, chained to the one before)
 *	2  every file in archive/ has exactly one of a row and a garbage row, or was published after the index mark
 *	3  after a clean stop: no garbage, no open segment, incoming/ empty
 *	4  for each camera, recorded + gap + expired tile its obligation exactly, and no time is recorded that
 *	   no row's file holds; and the ledger's chain holds
 *
 * Threads: any. Memory: caller's struct. */
#pragma once
#include "base/fs.h"
#include "conf/conf.h"

struct fsck {
	struct fs *fs;
	const struct conf *conf;
	bool full;                      /* also every byte */
	void (*finding)(void *arg, const char *text);
	void (*progress)(void *arg, unsigned long files);
	void *arg;
	unsigned long files, findings;  /* results */
	unsigned long known;            /* files with damage of which the catalogue knows: their time is a gap */
};

/* 0: it was looked at whole (see findings); negative: it could not be. */
int fsck_run(struct fsck *f, struct err *e);
