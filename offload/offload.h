/* The queue: published segments go to the object store, oldest first, one at a time; and what else the store is asked.
 *
 *            keeper up            one waits             done
 *   AWAY ─────────────▶ IDLE ───────────────▶ WORKING ─────────────▶ TELLING ──the keeper wrote it down──▶ IDLE
 *     ▲ keeper down       ▲                      │ trouble
 *     └─ IDLE, TELLING    └──1 … 15 s──WAITING◀──┘
 *
 * A queue lives in the catalogue only: whatever dies, the next start asks again, finds what had arrived, and reads it back.
 * In this order: copies whose time is over (retention's word, indexer/object.h) are deleted; every 5 s the store is asked for
 * some copies of local files that are old enough to go (ask.h), and for those that are the only file of their footage and were
 * not asked for for 25 days; then what waits is copied, in turn with finding footage that this catalogue has lost (find.h).
 * A file here that is not what the catalogue says is passed over (the scrub judges it), as is a copy that the store does not
 * delete yet; both are asked for again after some minutes. Nobody waits for any of this.
 * Threads: loop thread; files and network on libuv's pool. Memory: offload_create() allocates, gone after `closed`. */
#pragma once
#include "conf/conf.h"

#include <uv.h>

struct offload;

struct offload_deps {
	uv_loop_t *loop;
	const struct conf *conf;        /* borrowed, as all here */
	struct clock *clock;
	struct fs *fs;
	const char *catalog_path;
};

struct offload *offload_create(const struct offload_deps *deps);
/* The way to the keeper: an end of a channel to it, in place of the one before. */
void offload_take_channel(struct offload *o, int end);
void offload_close(struct offload *o, void (*closed)(void *arg), void *arg);
