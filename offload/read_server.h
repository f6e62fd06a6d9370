/* Gives the api bytes of copies (media/object_read.h): what lies in the store only is played from there.
 *
 *	connection ─▶ ASKING ──question──▶ READING ──▶ ANSWERING ─▶ closed
 *	                 └─ no copy known, READS_MAX are read ───┘
 *
 * Reads go on beside copying: each has a handle and a connection of its own, and at most READS_MAX of libuv's threads. A
 * store that does not answer is given up after READ_LIMIT_S; a client that leaves ends its read at once.
 * Threads: loop thread; network on libuv's pool. Memory: read_server_create() allocates, gone after `closed`.
 * Rights: it listens before the process is confined, which may not listen any more; only this user's processes are heard. */
#pragma once
#include "base/err.h"
#include "conf/conf.h"

#include <uv.h>

#define READS_MAX 3
#define READ_LIMIT_S 15

struct read_server;
struct read_server_deps {
	uv_loop_t *loop;
	const struct conf *conf;        /* borrowed, as all here */
	struct clock *clock;
	const char *catalog_path, *socket;
};

/* Listens; a stale socket file is replaced. */
int read_server_create(const struct read_server_deps *deps, struct read_server **out, struct err *e);
void read_server_close(struct read_server *s, void (*closed)(void *arg), void *arg);
