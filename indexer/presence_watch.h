/* inotify on the archive's folders: what somebody does there is looked at at once (presence.h), not at the next sweep. Where the
 * kernel has no watch left (fs.inotify.max_user_watches; one is needed per folder and day) the sweep alone sees it, within the
 * hour; that is told once.
 *
 * What the keeper does itself is told from what others do by its rows: they are written before the event is read.
 * Threads: the keeper's; never waits for an event. Memory: finish frees. Errors: 0 or negative. */
#pragma once
#include "indexer/presence.h"

struct presence_watch {
	struct presence *presence;      /* borrowed */
	int fd;                         /* to be polled; negative: there is none */
	struct watched { int wd; int64_t root; char camera[CATALOG_ID_MAX], *path; } *items;
	unsigned count, room;
	bool full;                      /* the kernel has no more, and that was told */
	struct mono refreshed;
};

int presence_watch_init(struct presence_watch *w, struct presence *p);
void presence_watch_finish(struct presence_watch *w);
/* All folders of disks that are well; again once in PRESENCE_SWEEP_US, for disks that came. */
void presence_watch_refresh(struct presence_watch *w);
/* What has happened since. */
void presence_watch_read(struct presence_watch *w);
