/* Gives the api bytes of copies (media/object_read.h): what lies in the store only is played from there.
 *
 *	a line ─▶ ASKING ──question──▶ READING ──▶ ANSWERING ─▶ closed
 *	                 └─ no copy known, READS_MAX are read ───┘
 *
 * Reads go on beside copying: each has a handle and a connection of its own, and at most READS_MAX of libuv's threads. A
 * store that does not answer is given up after READ_LIMIT_S; a client that leaves ends its read at once.
 * A line carries one question; the supervisor makes each, and the api asks it for more.
 * Threads: loop thread; network on libuv's pool. Memory: read_server_create() allocates, gone after `closed`. */
#pragma once
#include "conf/conf.h"

#include <uv.h>

#define READS_MAX 3
#define READ_LIMIT_S 15

struct read_server;
struct read_server_deps {
	uv_loop_t *loop;
	const struct conf *conf;        /* borrowed, as all here */
	struct clock *clock;
	const char *catalog_path;
};

struct read_server *read_server_create(const struct read_server_deps *deps);
void read_server_take(struct read_server *s, int line); /* it is the server's */
void read_server_close(struct read_server *s, void (*closed)(void *arg), void *arg);
