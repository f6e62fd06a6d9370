/* Which cameras the keeper wants to record their smaller stream: its last word, kept in STATE/recorder/economy.json, so that
 * a recorder that starts while the keeper is away does not change streams to and fro. It is an order and no fact: names that
 * are not configured are harmless, and sub_stream.h decides whether it can be obeyed.
 *
 * Threads: the loop's; the file is written by a thread of libuv's, since the loop waits for no disk.
 * Memory: init allocates; close, after which `closed` is called once nothing is under way, frees. */
#pragma once
#include "base/fs.h"

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

struct economy_order {
	uv_loop_t *loop;
	struct fs *fs;
	char *path;
	json_t *cameras;              /* an array of ids */
	uv_work_t work;
	char *text;                   /* what is being written */
	bool writing, dirty, closing;
	void (*closed)(void *owner);
	void *owner;
};

/* state: the folder STATE/recorder. A file that cannot be read is as good as none. */
void economy_order_init(struct economy_order *o, uv_loop_t *loop, struct fs *fs, const char *state);
bool economy_order_wants(const struct economy_order *o, const char *camera);
/* Takes over what the keeper sent; whatever is no list of texts is ignored. */
void economy_order_take(struct economy_order *o, const json_t *cameras);
void economy_order_close(struct economy_order *o, void (*closed)(void *owner), void *owner);
