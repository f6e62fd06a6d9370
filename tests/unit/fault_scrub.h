/* What fault_life.h needs of a scrub: a file that rots, and more than a round over both. */
#pragma once
#include "fault_life.h"
#include "indexer/scrub.h"

#include <fcntl.h>
#include <sys/stat.h>

static inline void fault_rot(struct keeper_box *b)
{
	char *path = NULL;
	struct stat st;

	fault_record(b);
	path = keeper_archived(b, 1, T0);
	assert_int_equal(stat(path, &st), 0);
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0 && pwrite(fd, "rot", 3, st.st_size / 2) == 3);
	close(fd);
	free(path);
}

#define FAULT_SCRUB_JOBS 8 /* more than a round: what could not be read is read in the next */

static inline void fault_scrub(struct keeper_box *b)
{
	struct scrub s;
	struct scrub_job j;

	b->conf.scrub_us = 30 * US_PER_DAY;
	if (scrub_init(&s, b->fs, &b->clock.base, &b->conf, b->place.catalog) < 0)
		return;
	for (int i = 0; i < FAULT_SCRUB_JOBS; i++) {
		clock_fake_advance(&b->clock, 9 * US_PER_DAY);
		if (scrub_next(&s, &j) != 1)
			continue;
		scrub_read(&j);
		scrub_apply(&s, &j);
	}
	scrub_save(&s);
}
